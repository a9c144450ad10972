#!/usr/bin/env python3
"""What ranks and shards cost on this machine: one process with all threads, as many ranks of one thread each, and one process with shards, in alternating
rounds of `vbilstm bench`; and beside each job's sum over the ranks the same bytes by the MPI library's own all-reduce of floats. Medians and ratios.

    ranks.py EXECUTABLE [--ranks 2] [--rounds 3] [--seconds 8] [--mpi openmpi mpich]

Needs mpicc.openmpi or mpicc.mpich. Let nothing else run meanwhile.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

SIZES = {
    "small-rows": "lstm_units=256 mlp_units=256 latent_units=64",
    "paper-mnist-rows": "lstm_units=1024 mlp_units=1024 latent_units=256",
}

ALL_REDUCE = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
int main(int count, char** arguments)
{
    MPI_Init(&count, &arguments);
    int n = atoi(arguments[1]) / 4, rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    float *values = calloc(n, 4), *sums = calloc(n, 4);
    double best[31];
    for (int i = 0; i < 31; i++)
    {
        MPI_Barrier(MPI_COMM_WORLD);
        double begin = MPI_Wtime();
        MPI_Allreduce(values, sums, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        best[i] = MPI_Wtime() - begin;
    }
    for (int i = 0; i < 31; i++)
        for (int j = i + 1; j < 31; j++)
            if (best[j] < best[i])
            {
                double other = best[i];
                best[i] = best[j];
                best[j] = other;
            }
    if (rank == 0)
        printf("%.9f\n", best[15]);
    MPI_Finalize();
    return 0;
}
"""

LAUNCHERS = {"openmpi": ["mpirun.openmpi", "--oversubscribe", "--bind-to", "none"], "mpich": ["mpiexec.mpich"]}


def output(command):
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout.decode()


def bench(arguments, launcher, threads, sizes, shards=None):
    command = [*launcher, arguments.executable, "bench", "--json", "--threads", str(threads), "--time-steps", "28", "--seconds", str(arguments.seconds),
               "--set", *sizes.split(), "batch_size=32"]
    text = output(command + ([f"shards={shards}"] if shards else []))
    return json.loads(text[text.index("{"):])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executable")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--mpi", nargs="+", choices=LAUNCHERS, default=list(LAUNCHERS))
    arguments = parser.parse_args()
    arguments.executable = str(pathlib.Path(arguments.executable).resolve())
    with tempfile.TemporaryDirectory() as work:
        source = pathlib.Path(work, "all_reduce.c")
        source.write_text(ALL_REDUCE)
        for mpi in arguments.mpi:
            subprocess.run([f"mpicc.{mpi}", "-O2", "-o", f"{work}/{mpi}", source], check=True)
        for name, sizes in SIZES.items():
            measure(arguments, name, sizes, work)


def measure(arguments, name, sizes, work):
    ranks = arguments.ranks
    kinds = {f"1 process, {ranks} threads": lambda: bench(arguments, [], ranks, sizes)}
    for mpi in arguments.mpi:
        kinds[f"{ranks} ranks, 1 thread each, {mpi}"] = lambda mpi=mpi: bench(arguments, [*LAUNCHERS[mpi], "-n", str(ranks)], 1, sizes)
    for shards in (2 * ranks, 4 * ranks):
        kinds[f"1 process, {ranks} threads, {shards} shards"] = lambda shards=shards: bench(arguments, [], ranks, sizes, shards)
    found, reduced = {kind: [] for kind in kinds}, {mpi: [] for mpi in arguments.mpi}
    for _ in range(arguments.rounds):
        for kind, run in kinds.items():
            found[kind].append(run())
            for mpi in arguments.mpi:
                if kind.endswith(mpi):
                    reduced[mpi].append(float(output([*LAUNCHERS[mpi], "-n", str(ranks), f"{work}/{mpi}", str(found[kind][-1]["sum_bytes"])])))
    base = statistics.median(run["samples_per_second"] for run in next(iter(found.values())))
    print(f"{name}, B 32, T 28: {found[next(iter(found))][0]['parameters']:,} parameters, medians of {arguments.rounds} rounds")
    for kind, runs in found.items():
        rate = statistics.median(run["samples_per_second"] for run in runs)
        line = f"  {kind:36} {rate:8.1f} samples/s  {rate / base:5.2f}"
        if "sum_seconds" in runs[0]:
            seconds, other = statistics.median(run["sum_seconds"] for run in runs), statistics.median(reduced[kind.split(", ")[-1]])
            size = runs[0]["sum_bytes"]
            line += f"  sum {1e3 * seconds:.2f} ms, {size / seconds / 1e9:.2f} GB/s; the library's all-reduce {1e3 * other:.2f} ms: {seconds / other:.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
