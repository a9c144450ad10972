#!/usr/bin/env bash
# Damages the files of every reader at random, N times (100,000 by default), and prints how many each reader refused and read.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build tests/VBiLstm.Tests -c Release -p:SkipNative=true --nologo -v quiet
cd tests/VBiLstm.Tests
VBILSTM_CORRUPTIONS="${1:-100000}" dotnet run -c Release --no-build -- -class '*CorruptionTests' -showLiveOutput
