using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace VBiLstm;

/// <summary>SHA-256 as hexadecimal digits. On Linux .NET takes it from OpenSSL, and ends the process where that is missing; here it is an error.</summary>
static class Sha256Sum
{
    /// <summary>Hexadecimal digits.</summary>
    public const int Digits = 2 * SHA256.HashSizeInBytes;

    // Those that .NET looks for.
    static readonly string[] OpenSsl = ["libssl.so.3", "libssl.so.1.1", "libssl.so.1.0.2", "libssl.so.1.0.0", "libssl.so.10"];

    static readonly Lazy<bool> IsThere = new(() => !OperatingSystem.IsLinux() || OpenSsl.Any(name => NativeLibrary.TryLoad(name, out _)));

    /// <summary>Of bytes.</summary>
    /// <exception cref="DllNotFoundException">OpenSSL is missing.</exception>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        Check();
        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    /// <summary>Of what is left of a stream.</summary>
    /// <exception cref="DllNotFoundException">OpenSSL is missing.</exception>
    public static string Of(Stream stream)
    {
        Check();
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>Of what is appended to it, until <see cref="Of(IncrementalHash)"/>.</summary>
    /// <exception cref="DllNotFoundException">OpenSSL is missing.</exception>
    public static IncrementalHash Begin()
    {
        Check();
        return IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    }

    /// <summary>Of everything that was appended.</summary>
    public static string Of(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset());

    static void Check()
    {
        if (!IsThere.Value)
        {
            throw new DllNotFoundException("OpenSSL (libssl), with which checksums are computed, is missing; install it: libssl3 or openssl-libs, "
                + "as the distribution calls it.");
        }
    }
}
