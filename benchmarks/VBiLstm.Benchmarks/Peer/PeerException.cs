namespace VBiLstm.Benchmarks.Peer;

/// <summary>Why a comparison cannot run; the message says what to do.</summary>
sealed class PeerException(string message) : Exception(message);
