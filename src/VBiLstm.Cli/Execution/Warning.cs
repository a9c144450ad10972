namespace VBiLstm.Cli.Execution;

/// <summary>What went wrong beside the work, which goes on: a line on standard error.</summary>
static class Warning
{
    public static void Print(string message) => Console.Error.WriteLine($"vbilstm: {Printable.Text(message)}");
}
