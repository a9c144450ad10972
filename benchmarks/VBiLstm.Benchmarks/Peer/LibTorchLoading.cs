using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace VBiLstm.Benchmarks.Peer;

/// <summary>
/// What TorchSharp's native library needs on a Linux whose C++ library is older than GCC 13's. It asks for the symbol version GLIBCXX_3.4.32, of
/// which it uses std::ios_base_library_init alone. The copy beside this executable gets that request marked as weak, so that the loader goes on
/// without the version, and a preloaded library (native/ios_base_library_init.cpp) brings the symbol.
/// </summary>
static class LibTorchLoading
{
    const string Library = "libLibTorchSharp.so";
    const string MissingVersion = "GLIBCXX_3.4.32";
    const uint VersionNeeds = 0x6ffffffe;
    const ushort Weak = 2;

    /// <summary>Adapts TorchSharp's library where this machine's C++ library is too old for it.</summary>
    /// <returns>The library to preload into processes that use TorchSharp; null where none is needed.</returns>
    /// <exception cref="PeerException">The shim was not built.</exception>
    public static string? Prepare()
    {
        if (!OperatingSystem.IsLinux() || HasLibraryInit())
            return null;
        var path = Path.Combine(AppContext.BaseDirectory, Library);
        var bytes = File.ReadAllBytes(path);
        if (MarkWeak(bytes))
        {
            // A new file: the old one may be a hard link to the package cache.
            File.WriteAllBytes(path + ".tmp", bytes);
            File.Move(path + ".tmp", path, overwrite: true);
        }

        return Shim("libios_base_library_init.so");
    }

    /// <summary>Path of a library built from native/.</summary>
    /// <exception cref="PeerException">It was not built.</exception>
    public static string Shim(string name)
    {
        var path = Path.Combine(AppContext.BaseDirectory, name);
        return File.Exists(path)
            ? path
            : throw new PeerException($"{path} is missing: build this project on a machine with a C++ compiler (c++ on PATH), "
                + "for instance after 'apt install g++'.");
    }

    static bool HasLibraryInit()
        => NativeLibrary.TryLoad("libstdc++.so.6", out var library) && NativeLibrary.TryGetExport(library, "_ZSt21ios_base_library_initv", out _);

    // Walks the ELF section of needed symbol versions; true where something changed.
    static bool MarkWeak(Span<byte> elf)
    {
        var sections = elf[(int)BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..])..];
        int size = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3a..]), count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3c..]);
        for (var i = 0; i < count; i++)
        {
            var section = sections[(i * size)..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) != VersionNeeds)
                continue;
            var names = elf[SectionOffset(sections[(BinaryPrimitives.ReadInt32LittleEndian(section[0x28..]) * size)..])..];
            return MarkWeak(elf[SectionOffset(section)..], names, BinaryPrimitives.ReadInt32LittleEndian(section[0x2c..]));
        }

        return false;
    }

    static bool MarkWeak(Span<byte> needs, ReadOnlySpan<byte> names, int libraries)
    {
        var wanted = Encoding.ASCII.GetBytes(MissingVersion + '\0');
        for (var need = needs; libraries > 0; libraries--, need = need[BinaryPrimitives.ReadInt32LittleEndian(need[12..])..])
        {
            var version = need[BinaryPrimitives.ReadInt32LittleEndian(need[8..])..];
            for (var left = BinaryPrimitives.ReadUInt16LittleEndian(need[2..]); left > 0; left--,
                version = version[BinaryPrimitives.ReadInt32LittleEndian(version[12..])..])
            {
                if (!names[BinaryPrimitives.ReadInt32LittleEndian(version[8..])..].StartsWith(wanted))
                    continue;
                var flags = BinaryPrimitives.ReadUInt16LittleEndian(version[4..]);
                BinaryPrimitives.WriteUInt16LittleEndian(version[4..], (ushort)(flags | Weak));
                return (flags & Weak) == 0;
            }
        }

        return false;
    }

    static int SectionOffset(ReadOnlySpan<byte> section) => (int)BinaryPrimitives.ReadUInt64LittleEndian(section[0x18..]);
}
