using VBiLstm.Devices;

namespace VBiLstm.Model.Outputs;

/// <summary>y_t of some time steps: frames [R, D] or token ids [R]; the other is empty.</summary>
readonly record struct Targets(Tensor Frames, IdTensor Ids);
