#!/bin/sh
# The program as it was compiled for this processor's vectors; results have the same bits.
folder=$(dirname "$(readlink -f "$0")")
while IFS=: read -r key flags; do
    case $key in flags*) break ;; esac
done < /proc/cpuinfo

has() {
    for flag; do
        case " $flags " in *" $flag "*) ;; *) return 1 ;; esac
    done
}

if has avx512f avx512bw avx512cd avx512dq avx512vl; then
    exec "$folder/x86-64-v4/vbilstm" "$@"
elif has avx2 bmi1 bmi2 f16c fma movbe; then
    exec "$folder/x86-64-v3/vbilstm" "$@"
fi
echo "vbilstm: this processor has no AVX2 and FMA, which x64's since 2013 have; 'dotnet tool install VBiLstm.Cli' is for those without." >&2
exit 3
