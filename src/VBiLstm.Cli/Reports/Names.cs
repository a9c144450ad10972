using VBiLstm.Configuration;
using VBiLstm.Model;
using VBiLstm.Model.Models;

namespace VBiLstm.Cli.Reports;

/// <summary>What a model, a batch or a number of things is called in a line of output.</summary>
static class Names
{
    /// <summary>Kind and sizes in one line.</summary>
    public static string Describe(ModelConfiguration model)
        => $"{ValueNames.Of(model.Kind)}, H {model.LstmUnits}, M {model.MlpUnits}{(SequenceModel.Of(model).HasLatent ? $", Z {model.LatentUnits}" : "")}";

    /// <summary>The output distribution and its size.</summary>
    public static string Outputs(ModelConfiguration model)
        => $"{ValueNames.Of(model.OutputDistribution)} {(model.IsCategorical ? $"V {model.VocabularySize}" : $"D {model.FrameSize}")}";

    /// <summary>A number of things, for instance <c>1 node</c> or <c>2 nodes</c>.</summary>
    public static string Count(long count, string what) => $"{count:N0} {what}{(count == 1 ? "" : "s")}";

    /// <summary>How a batch is cut, for instance <c> in 4 shards of 8</c>; nothing where it is not.</summary>
    public static string InShards(TrainingConfiguration training)
        => training.Shards == 1 ? "" : $" in {training.Shards} shards of {training.ShardSize}";
}
