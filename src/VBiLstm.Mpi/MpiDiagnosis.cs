using VBiLstm.Mpi.Interop;

namespace VBiLstm.Mpi;

/// <summary>The MPI library that a job of several ranks would find here.</summary>
/// <param name="Path">Its name; null where there is none.</param>
/// <param name="Version">For instance <c>MPICH 4.0.2</c>.</param>
/// <param name="Tried">What was looked for, in order.</param>
public sealed record MpiDiagnosis(string? Path, string? Version, IReadOnlyList<string> Tried)
{
    /// <summary>Loads the library, without starting MPI.</summary>
    public static MpiDiagnosis Run()
    {
        var tried = MpiLibrary.Names(prefersOpenMpi: false);
        try
        {
            var library = MpiLibrary.Load(prefersOpenMpi: false);
            return new MpiDiagnosis(library.Path, library.Version(), [.. tried.TakeWhile(of => of != library.Path), library.Path]);
        }
        catch (MpiException)
        {
            return new MpiDiagnosis(null, null, tried);
        }
    }
}
