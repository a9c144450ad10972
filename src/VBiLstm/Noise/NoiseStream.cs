namespace VBiLstm.Noise;

/// <summary>
/// Independent uses of noise. The numbers are part of the file format of a run: never renumber.
/// </summary>
enum NoiseStream
{
    LatentNoise = 0,
    BTildeNoise = 1,
    SkipGradientMask = 2,
    EvaluationLatentNoise = 3,
    EvaluationBTildeNoise = 4,
    GenerationLatentNoise = 5,
    GenerationBTildeNoise = 6,
    GenerationOutput = 7,
    Initialisation = 8,
    Shuffle = 9,
    Binarisation = 10,
    Dither = 11,
    ZoneoutCells = 12,
    ZoneoutStates = 13,
    RecurrentDropout = 14,
    InputDropout = 15,
    OutputDropout = 16,
    WeightNoise = 17,
    Resampling = 18,
}
