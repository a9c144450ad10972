namespace VBiLstm.Cli.Execution;

/// <summary>What went wrong beside the work, which goes on: a line on standard error.</summary>
static class Warning
{
    /// <summary>That nobody could see whether the data are those that the checkpoint was trained on.</summary>
    public static void PrintUnknownData(string checkpoint, string source)
        => Print($"{checkpoint} is of an older version and does not know its data; that {source} still holds them was not checked.");

    public static void Print(string message) => Console.Error.WriteLine($"vbilstm: {Printable.Text(message)}");
}
