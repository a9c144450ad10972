namespace ManagedCuda
{
    /// <summary>size_t, with every conversion that ManagedCuda gives it: one that is ambiguous there must be so here.</summary>
    public struct SizeT
    {
        UIntPtr value;

        public static implicit operator int(SizeT size) => (int)size.value;

        public static implicit operator uint(SizeT size) => (uint)size.value;

        public static implicit operator long(SizeT size) => (long)size.value;

        public static implicit operator ulong(SizeT size) => (ulong)size.value;

        public static implicit operator UIntPtr(SizeT size) => size.value;

        public static implicit operator IntPtr(SizeT size) => (IntPtr)size.value;

        public static implicit operator SizeT(int size) => new() { value = (nuint)size };

        public static implicit operator SizeT(uint size) => new() { value = (nuint)size };

        public static implicit operator SizeT(long size) => new() { value = (nuint)size };

        public static implicit operator SizeT(ulong size) => new() { value = (nuint)size };

        public static implicit operator SizeT(UIntPtr size) => new() { value = size };

        public static implicit operator SizeT(IntPtr size) => new() { value = (nuint)size };
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

        public static implicit operator ulong(CUdeviceptr pointer) => pointer.Pointer;

        public static explicit operator CUdeviceptr(SizeT pointer) => new(pointer);
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
