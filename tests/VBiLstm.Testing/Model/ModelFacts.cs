using VBiLstm.Configuration;
using VBiLstm.Model.Outputs;

namespace VBiLstm.Tests.Model;

/// <summary>What the oracles and the reference know of a model's kind, apart from the product's compositions.</summary>
public static class ModelFacts
{
    extension(ModelConfiguration model)
    {
        /// <summary>Whether the variational channel joins a forward and a backward LSTM.</summary>
        public bool HasChannel => model.Kind is ModelKind.VariationalBiLstm or ModelKind.ZForcing;

        public bool HasBackwardLstm => model.HasChannel || model.Kind is ModelKind.BiLstm or ModelKind.TwinNet;

        /// <summary>Whether b̃_t feeds the forward LSTM.</summary>
        public bool FeedsBTilde => model.Kind == ModelKind.VariationalBiLstm;

        public bool HasXi => model.Kind == ModelKind.VariationalBiLstm;

        public bool HasLearnedPrior => model.HasChannel && model.Prior == PriorKind.Learned;

        /// <summary>O.</summary>
        public int OutputSize => Output.Of(model).Width;
    }
}
