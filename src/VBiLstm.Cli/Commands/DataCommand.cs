using System.CommandLine;

namespace VBiLstm.Cli.Commands;

/// <summary><c>vbilstm data</c>.</summary>
static class DataCommand
{
    public static Command Create() => new("data", """
        Prepares, shows and gets data sets. A prepared folder is what --data of train and evaluate takes.

        Examples:
          vbilstm data prepare ptb-char --from ptb.zip --out data/ptb-char
          vbilstm data info data/ptb-char --check
          vbilstm data get mnist
          vbilstm train --preset ptb-char-small --data data/ptb-char
        """)
    {
        PrepareCommand.Create(), InfoCommand.Create(), GetCommand.Create(),
    };
}
