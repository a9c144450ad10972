using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>cuDNN's entry points for LSTM recurrences, present in versions 8 and 9. Every call but two returns a cudnnStatus_t.</summary>
static unsafe partial class Cudnn
{
    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreate")]
    public static partial CudnnStatus Create(out nint handle);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroy")]
    public static partial CudnnStatus Destroy(nint handle);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetStream")]
    public static partial CudnnStatus SetStream(nint handle, nint stream);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetVersion")]
    public static partial nuint GetVersion();

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetErrorString")]
    public static partial nint GetErrorString(CudnnStatus status);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateTensorDescriptor")]
    public static partial CudnnStatus CreateTensorDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyTensorDescriptor")]
    public static partial CudnnStatus DestroyTensorDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetTensorNdDescriptor")]
    public static partial CudnnStatus SetTensorNdDescriptor(nint descriptor, CudnnDataType type, int dimensions, int* sizes, int* strides);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetTensorNdDescriptor")]
    public static partial CudnnStatus GetTensorNdDescriptor(nint descriptor, int requested, out CudnnDataType type, out int dimensions, int* sizes,
        int* strides);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateDropoutDescriptor")]
    public static partial CudnnStatus CreateDropoutDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetDropoutDescriptor")]
    public static partial CudnnStatus SetDropoutDescriptor(nint descriptor, nint handle, float dropout, nint states, nuint stateBytes, ulong seed);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyDropoutDescriptor")]
    public static partial CudnnStatus DestroyDropoutDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateRNNDescriptor")]
    public static partial CudnnStatus CreateRnnDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyRNNDescriptor")]
    public static partial CudnnStatus DestroyRnnDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetRNNDescriptor_v8")]
    public static partial CudnnStatus SetRnnDescriptor(nint descriptor, RnnAlgorithm algorithm, RnnCell cell, RnnBias bias, RnnDirection direction,
        RnnInput input, CudnnDataType dataType, CudnnDataType mathPrecision, CudnnMathType mathType, int inputSize, int hiddenSize, int projectionSize,
        int layers, nint dropout, uint flags);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateRNNDataDescriptor")]
    public static partial CudnnStatus CreateRnnDataDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyRNNDataDescriptor")]
    public static partial CudnnStatus DestroyRnnDataDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetRNNDataDescriptor")]
    public static partial CudnnStatus SetRnnDataDescriptor(nint descriptor, CudnnDataType type, RnnDataLayout layout, int maximumLength, int batchSize,
        int vectorSize, int* lengths, void* paddingFill);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetRNNTempSpaceSizes")]
    public static partial CudnnStatus GetRnnTempSpaceSizes(nint handle, nint descriptor, RnnForwardMode forwardMode, nint x,
        out nuint workspaceBytes, out nuint reserveBytes);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetRNNWeightSpaceSize")]
    public static partial CudnnStatus GetRnnWeightSpaceSize(nint handle, nint descriptor, out nuint bytes);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetRNNWeightParams")]
    public static partial CudnnStatus GetRnnWeightParams(nint handle, nint descriptor, int pseudoLayer, nuint weightBytes, nint weights, int linearLayer,
        nint matrixDescriptor, out nint matrix, nint biasDescriptor, out nint bias);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnRNNForward")]
    public static partial CudnnStatus RnnForward(nint handle, nint descriptor, RnnForwardMode forwardMode, nint deviceLengths, nint xDescriptor, nint x,
        nint yDescriptor, nint y,
        nint hDescriptor, nint hx, nint hy, nint cDescriptor, nint cx, nint cy, nuint weightBytes, nint weights,
        nuint workspaceBytes, nint workspace, nuint reserveBytes, nint reserve);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnRNNBackwardData_v8")]
    public static partial CudnnStatus RnnBackwardData(nint handle, nint descriptor, nint deviceLengths, nint yDescriptor, nint y, nint dy,
        nint xDescriptor, nint dx,
        nint hDescriptor, nint hx, nint dhy, nint dhx, nint cDescriptor, nint cx, nint dcy, nint dcx, nuint weightBytes, nint weights,
        nuint workspaceBytes, nint workspace, nuint reserveBytes, nint reserve);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnRNNBackwardWeights_v8")]
    public static partial CudnnStatus RnnBackwardWeights(nint handle, nint descriptor, WeightGradientMode mode, nint deviceLengths, nint xDescriptor, nint x,
        nint hDescriptor, nint hx, nint yDescriptor, nint y, nuint weightBytes, nint dWeights,
        nuint workspaceBytes, nint workspace, nuint reserveBytes, nint reserve);
}
