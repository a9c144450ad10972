# Sourced by the checks of machine code, with `directory`, nvcc's, and `fatbin` set: what they share. They end well where there is no cuobjdump.
check=$(basename "$0" .sh)
cuobjdump=$(PATH=$directory:$directory/../usr/bin:$PATH command -v cuobjdump) || {
    echo "$check: there is no cuobjdump beside nvcc; the machine code is not checked."
    exit 0
}

# Of every architecture in the image; nvdisasm, which cuobjdump calls, lies beside it.
machine_code() { PATH=$(dirname "$cuobjdump"):$PATH "$cuobjdump" -sass "$fatbin"; }

# The kernels with launch bounds of a source, in one line.
bounded_kernels() { sed -n 's/^extern "C" __global__ void __launch_bounds__([^)]*) \([a-z0-9_]*\)(.*/\1/p' "$1" | tr '\n' ' '; }
