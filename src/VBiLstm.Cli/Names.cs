using VBiLstm.Configuration;

namespace VBiLstm.Cli;

/// <summary>Names as the configuration spells them.</summary>
static class Names
{
    public static string Of(ModelKind kind) => kind switch
    {
        ModelKind.VariationalBiLstm => "variational-bilstm",
        ModelKind.ZForcing => "z-forcing",
        _ => "lstm",
    };
}
