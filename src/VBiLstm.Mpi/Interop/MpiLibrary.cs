using System.Runtime.InteropServices;
using System.Text;

namespace VBiLstm.Mpi.Interop;

/// <summary>The machine's MPI library, called without a compiled shim whichever of the three binary interfaces it has.</summary>
sealed unsafe partial class MpiLibrary
{
    // Of dlopen: bind at once; plugins of some libraries want its symbols.
    const int Now = 2, Global = 0x100;

    const int VersionLength = 8192, ErrorLength = 1024;

    readonly nint _handle;
    readonly delegate* unmanaged<int*, byte***, int, int*, int> _initThread;
    readonly delegate* unmanaged<int> _finalize;
    readonly delegate* unmanaged<nint, int, int> _abort;
    readonly delegate* unmanaged<nint, int*, int> _rank, _size;
    readonly delegate* unmanaged<nint, int, int, nint*, int> _split;
    readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> _allGather, _allToAll;
    readonly delegate* unmanaged<int, byte*, int*, int> _errorString;

    MpiLibrary(nint handle, string path)
    {
        (_handle, Path) = (handle, path);
        Interface = InterfaceOf(handle);
        _initThread = (delegate* unmanaged<int*, byte***, int, int*, int>)Export("MPI_Init_thread");
        _finalize = (delegate* unmanaged<int>)Export("MPI_Finalize");
        _abort = (delegate* unmanaged<nint, int, int>)Export("MPI_Abort");
        _rank = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_size");
        _split = (delegate* unmanaged<nint, int, int, nint*, int>)Export("MPI_Comm_split");
        _allGather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Allgather");
        _allToAll = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Alltoall");
        _errorString = (delegate* unmanaged<int, byte*, int*, int>)Export("MPI_Error_string");
    }

    public string Path { get; }

    public MpiInterface Interface { get; }

    /// <summary>What is looked for, in order: the file that the user named, or all that are known.</summary>
    /// <param name="prefersOpenMpi">Whether the launcher is Open MPI's or speaks its protocol.</param>
    public static IReadOnlyList<string> Names(bool prefersOpenMpi)
    {
        if (Environment.GetEnvironmentVariable(Launcher.Variable) is { Length: > 0 } named and not Launcher.Off)
            return [named];
        string[] openMpi = ["libmpi.so.40"], others = ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi.so.12", "libmpich.so.12"];
        return prefersOpenMpi ? [.. openMpi, .. others] : [.. others, .. openMpi];
    }

    /// <summary>Loads the library that suits the launcher.</summary>
    /// <param name="prefersOpenMpi">Whether the launcher is Open MPI's or speaks its protocol.</param>
    /// <exception cref="MpiException">There is none; the message says what was tried and how to name one.</exception>
    public static MpiLibrary Load(bool prefersOpenMpi)
    {
        if (!OperatingSystem.IsLinux())
            throw new MpiException("This process is one of several ranks, which run on Linux only; VBILSTM_MPI=off runs every process by itself.");
        var names = Names(prefersOpenMpi);

        // UCX, below many an MPI, takes SIGSEGV, which .NET needs for null references, unless told so before it is loaded. The runtime's own environment is
        // a copy that native code does not read.
        _ = SetEnvironment("UCX_ERROR_SIGNALS", "", overwrite: 0);
        foreach (var name in names)
            if (Open(name, Now | Global) is var handle && handle != 0)
                return new MpiLibrary(handle, name);
        throw new MpiException($"This process is one of several ranks, but no MPI library could be loaded; tried {string.Join(", ", names)}. "
            + "Load the module of the MPI that the job was started with, or name its library in VBILSTM_MPI; VBILSTM_MPI=off runs every process by itself.");
    }

    // MPI 5 first: its libraries may export their older interface's names too.
    static MpiInterface InterfaceOf(nint handle)
    {
        int major = 0, minor = 0;
        if (NativeLibrary.TryGetExport(handle, "MPI_Abi_get_version", out var version)
            && ((delegate* unmanaged<int*, int*, int>)version)(&major, &minor) == 0 && major >= 1)
            return MpiInterface.Standard;
        return NativeLibrary.TryGetExport(handle, "ompi_mpi_comm_world", out var world) && NativeLibrary.TryGetExport(handle, "ompi_mpi_byte", out var @byte)
            ? MpiInterface.OpenMpi(world, @byte)
            : MpiInterface.Mpich;
    }

    nint Export(string name) => NativeLibrary.TryGetExport(_handle, name, out var address)
        ? address
        : throw new MpiException($"{Path} has no {name}; it is no MPI library. Name another in VBILSTM_MPI.");

    /// <summary>For instance <c>Open MPI v4.1.4</c> or <c>MPICH 4.0.2</c>.</summary>
    public string Version()
    {
        var text = stackalloc byte[VersionLength];
        int length;
        Check(((delegate* unmanaged<byte*, int*, int>)Export("MPI_Get_library_version"))(text, &length), "MPI_Get_library_version", "asking for its version");
        var version = Encoding.UTF8.GetString(text, length).Split('\n', ',')[0].TrimEnd('\0').Replace("Version:", "", StringComparison.Ordinal);
        return string.Join(' ', version.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Only the thread that calls this may call MPI, but for <see cref="Abort"/>.</summary>
    public void Initialise()
    {
        int provided;
        Check(_initThread(null, null, Interface.Funneled, &provided), "MPI_Init_thread", "starting MPI");
        if (provided < Interface.Funneled)
            throw new MpiException($"MPI_Init_thread of {Path} gives no support of threads (MPI_THREAD_FUNNELED), which .NET needs.");
    }

    public int Rank(nint communicator)
    {
        int rank;
        Check(_rank(communicator, &rank), "MPI_Comm_rank", "asking for the rank");
        return rank;
    }

    public int Size(nint communicator)
    {
        int size;
        Check(_size(communicator, &size), "MPI_Comm_size", "asking for the number of ranks");
        return size;
    }

    /// <summary>The ranks of the same colour, in the order of their keys.</summary>
    public nint Split(nint communicator, int colour, int key)
    {
        nint part;
        Check(_split(communicator, colour, key, &part), "MPI_Comm_split", "grouping the ranks by their nodes");
        return part;
    }

    public void AllGather(nint communicator, nint part, nint all, int bytes)
        => Check(_allGather((void*)part, bytes, Interface.Byte, (void*)all, bytes, Interface.Byte, communicator), "MPI_Allgather", "gathering from all ranks");

    public void AllToAll(nint communicator, nint values, nint received, int bytes)
        => Check(_allToAll((void*)values, bytes, Interface.Byte, (void*)received, bytes, Interface.Byte, communicator), "MPI_Alltoall",
            "exchanging with all ranks");

    /// <summary>Ends every rank of the job.</summary>
    public void Abort(int code) => _ = _abort(Interface.World, code);

    public void Finish() => Check(_finalize(), "MPI_Finalize", "ending MPI");

    void Check(int status, string call, string doing)
    {
        if (status == 0)
            return;
        var text = stackalloc byte[ErrorLength];
        int length;
        var reason = _errorString(status, text, &length) == 0 ? Encoding.UTF8.GetString(text, length).TrimEnd('\0') : $"code {status}";
        throw new MpiException($"{call} failed with {reason} ({doing}; {Path}).");
    }

    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string name, int flags);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
