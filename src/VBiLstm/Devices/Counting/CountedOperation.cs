namespace VBiLstm.Devices.Counting;

/// <summary>What an operation asks of a GPU at least.</summary>
/// <param name="Name">The operation, or the part of it that is a kernel of its own.</param>
/// <param name="Kernels">Nodes of a graph: kernels, and fills and copies of memory.</param>
/// <param name="Bytes">Memory traffic with every operand read once and every result written once.</param>
/// <param name="FloatingPointOperations">Two for each multiply-add of a product; element-wise arithmetic is not counted, as in model.md section 7.</param>
/// <param name="StartsEarly">Whether a GPU can start it before the kernel before it has ended.</param>
/// <param name="IsInBranch">Whether it is beside the operations that come after its branch.</param>
/// <param name="Joins">How often branches were joined before it.</param>
/// <param name="GridBarriers">How often all blocks of it wait for each other; nothing runs beside an operation that has any.</param>
readonly record struct CountedOperation(string Name, int Kernels, long Bytes, double FloatingPointOperations, bool StartsEarly = false,
    bool IsInBranch = false, int Joins = 0, int GridBarriers = 0);
