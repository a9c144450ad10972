using System.Runtime.InteropServices;

namespace VBiLstm.Cuda.Interop;

/// <summary>cuDNN's entry points for LSTM recurrences, present in versions 8 and 9. Every call but two returns a cudnnStatus_t.</summary>
static unsafe partial class Cudnn
{
    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreate")]
    public static partial int Create(out nint handle);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroy")]
    public static partial int Destroy(nint handle);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetStream")]
    public static partial int SetStream(nint handle, nint stream);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetVersion")]
    public static partial nuint GetVersion();

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetErrorString")]
    public static partial nint GetErrorString(int status);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateTensorDescriptor")]
    public static partial int CreateTensorDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyTensorDescriptor")]
    public static partial int DestroyTensorDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetTensorNdDescriptor")]
    public static partial int SetTensorNdDescriptor(nint descriptor, int type, int dimensions, int* sizes, int* strides);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetTensorNdDescriptor")]
    public static partial int GetTensorNdDescriptor(nint descriptor, int requested, out int type, out int dimensions, int* sizes, int* strides);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateDropoutDescriptor")]
    public static partial int CreateDropoutDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetDropoutDescriptor")]
    public static partial int SetDropoutDescriptor(nint descriptor, nint handle, float dropout, nint states, nuint stateBytes, ulong seed);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyDropoutDescriptor")]
    public static partial int DestroyDropoutDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateRNNDescriptor")]
    public static partial int CreateRnnDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyRNNDescriptor")]
    public static partial int DestroyRnnDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetRNNDescriptor_v8")]
    public static partial int SetRnnDescriptor(nint descriptor, int algorithm, int cellMode, int biasMode, int directionMode, int inputMode,
        int dataType, int mathPrecision, int mathType, int inputSize, int hiddenSize, int projectionSize, int layers, nint dropout, uint flags);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnCreateRNNDataDescriptor")]
    public static partial int CreateRnnDataDescriptor(out nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnDestroyRNNDataDescriptor")]
    public static partial int DestroyRnnDataDescriptor(nint descriptor);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnSetRNNDataDescriptor")]
    public static partial int SetRnnDataDescriptor(nint descriptor, int type, int layout, int maximumLength, int batchSize, int vectorSize, int* lengths, void* paddingFill);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetRNNTempSpaceSizes")]
    public static partial int GetRnnTempSpaceSizes(nint handle, nint descriptor, int forwardMode, nint x, out nuint workspaceBytes, out nuint reserveBytes);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetRNNWeightSpaceSize")]
    public static partial int GetRnnWeightSpaceSize(nint handle, nint descriptor, out nuint bytes);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnGetRNNWeightParams")]
    public static partial int GetRnnWeightParams(nint handle, nint descriptor, int pseudoLayer, nuint weightBytes, nint weights, int linearLayer,
        nint matrixDescriptor, out nint matrix, nint biasDescriptor, out nint bias);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnRNNForward")]
    public static partial int RnnForward(nint handle, nint descriptor, int forwardMode, nint deviceLengths, nint xDescriptor, nint x, nint yDescriptor, nint y,
        nint hDescriptor, nint hx, nint hy, nint cDescriptor, nint cx, nint cy, nuint weightBytes, nint weights,
        nuint workspaceBytes, nint workspace, nuint reserveBytes, nint reserve);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnRNNBackwardData_v8")]
    public static partial int RnnBackwardData(nint handle, nint descriptor, nint deviceLengths, nint yDescriptor, nint y, nint dy, nint xDescriptor, nint dx,
        nint hDescriptor, nint hx, nint dhy, nint dhx, nint cDescriptor, nint cx, nint dcy, nint dcx, nuint weightBytes, nint weights,
        nuint workspaceBytes, nint workspace, nuint reserveBytes, nint reserve);

    [LibraryImport(NativeLibraries.Cudnn, EntryPoint = "cudnnRNNBackwardWeights_v8")]
    public static partial int RnnBackwardWeights(nint handle, nint descriptor, int addGradient, nint deviceLengths, nint xDescriptor, nint x,
        nint hDescriptor, nint hx, nint yDescriptor, nint y, nuint weightBytes, nint dWeights,
        nuint workspaceBytes, nint workspace, nuint reserveBytes, nint reserve);
}
