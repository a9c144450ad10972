namespace VBiLstm.Cuda.Tests;

/// <summary>For tests that set the software GPU's seed, which is one for the whole process: one of them at a time.</summary>
[CollectionDefinition(nameof(SeedOfTheGpu))]
public sealed class SeedOfTheGpu;
