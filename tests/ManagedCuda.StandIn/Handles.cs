namespace ManagedCuda
{
    /// <summary>size_t.</summary>
    public struct SizeT
    {
        UIntPtr value;

        public static implicit operator UIntPtr(SizeT size) => size.value;

        public static implicit operator IntPtr(SizeT size) => (nint)size.value;

        public static implicit operator ulong(SizeT size) => size.value;

        public static implicit operator SizeT(UIntPtr bytes) => new() { value = bytes };

        public static implicit operator SizeT(IntPtr bytes) => new() { value = (nuint)bytes };

        public static implicit operator SizeT(ulong bytes) => new() { value = (nuint)bytes };
    }
}

namespace ManagedCuda.BasicTypes
{
    public struct CUdevice(int ordinal)
    {
        public int Pointer = ordinal;
    }

    public struct CUdeviceptr(SizeT pointer)
    {
        public SizeT Pointer = pointer;
    }

    public struct CUcontext
    {
        public IntPtr Pointer;
    }

    public struct CUstream
    {
        public IntPtr Pointer;
    }

    public struct CUevent
    {
        public IntPtr Pointer;
    }

    public struct CUmodule
    {
        public IntPtr Pointer;
    }

    public struct CUfunction
    {
        public IntPtr Pointer;
    }

    public struct CUgraph
    {
        public IntPtr Pointer;
    }

    public struct CUgraphNode
    {
        public IntPtr Pointer;
    }

    public struct CUgraphExec
    {
        public IntPtr Pointer;
    }
}

namespace ManagedCuda.CudaBlas
{
    public struct CudaBlasHandle
    {
        public IntPtr Pointer;
    }
}
