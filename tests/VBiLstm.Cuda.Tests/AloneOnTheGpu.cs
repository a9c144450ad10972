namespace VBiLstm.Cuda.Tests;

/// <summary>Tests that no other test of this process may run beside: they count what a GPU gives, or change how all of it behaves.</summary>
[CollectionDefinition(nameof(AloneOnTheGpu), DisableParallelization = true)]
public class AloneOnTheGpu;
