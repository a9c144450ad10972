using VBiLstm.Tests.Structure;

namespace VBiLstm.Cuda.Tests;

/// <summary>What users of the package VBiLstm.Cuda see: no more than was approved.</summary>
public class PublicInterfaceTests
{
    [Fact]
    public void It_is_what_was_approved() => ApprovedInterface.Check(typeof(CudaDevice).Assembly, "VBiLstm.Cuda");
}
