namespace VBiLstm.Devices.Counting;

/// <summary>What runs an operation, by which it is known whether it starts before the one before it has ended.</summary>
enum CountedLaunch
{
    /// <summary>A library's kernel, or a fill or copy of memory: starts when all before it has ended, and so does what follows it.</summary>
    Other,

    /// <summary>A kernel of the project's: starts early behind another one.</summary>
    Kernel,

    /// <summary>One that fetches weights first: starts early behind its like only.</summary>
    FetchingKernel,
}
