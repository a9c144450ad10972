#!/usr/bin/env python3
"""Do the tests notice when a kernel is wrong? Builds the software GPU's kernel image once for every edit of native/kernels/mutants.tsv and
runs a test command against it; an edit that no test notices has survived. Fails below 95 % or where an edit no longer fits.

    mutate-kernels.py [--build FOLDER] [--jobs N] [--only TEXT] [COMMAND...]

FOLDER is a CMake build of this project (default: build/release), COMMAND what runs with VBILSTM_KERNELS naming the image (default: its kernel
tests). A mutant is a line of four fields divided by tabs: file, text that occurs once, replacement, what it breaks; \\n is a line break.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ROOT / "native" / "kernels"
REQUIRED_PERCENTAGE = 95


def fail(message):
    sys.exit(f"mutate-kernels: {message}")


def read_mutants():
    mutants = []
    for number, line in enumerate((KERNELS / "mutants.tsv").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 4:
            fail(f"line {number} of mutants.tsv has {len(fields)} fields instead of 4.")
        file, search, replacement, meaning = fields
        search, replacement = search.replace("\\n", "\n"), replacement.replace("\\n", "\n")
        occurrences = (KERNELS / file).read_text().count(search)
        if occurrences != 1 or search == replacement:
            fail(f"line {number} of mutants.tsv: its text occurs {occurrences} times in {file}, or replaces nothing.")
        mutants.append((file, search, replacement, meaning))
    untouched = {path.name for path in KERNELS.glob("*.cu*")} - {mutant[0] for mutant in mutants}
    if untouched:
        fail("no mutant of " + ", ".join(sorted(untouched)))
    return mutants


class Build:
    def __init__(self, folder):
        self.source = folder / "native" / "softgpu" / "vbilstm_kernels_on_cpu.cpp"
        self.libraries = folder / "lib" / "softgpu"
        self.tests = folder / "tests" / "native" / "kernels" / "kernels_test"
        if not self.source.exists():
            fail(f"{folder} is no build of this project: there is no {self.source}.")
        if str(KERNELS) not in self.source.read_text():
            fail(f"{folder} is a build of another copy of the project; configure one of this copy: cmake --preset release.")
        cache = (folder / "CMakeCache.txt").read_text()
        self.compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.MULTILINE).group(1)
        self.sanitizers = re.search(r"^VBILSTM_SANITIZE:\w+=(.*)$", cache, re.MULTILINE).group(1)
        self.options = ["-mavx2", "-mfma"] if os.uname().machine == "x86_64" else []
        if self.sanitizers:
            self.options += ["-g", "-fno-sanitize-recover=all", f"-fsanitize={self.sanitizers}"]
        else:
            # What needs no run-time library: a GPU refuses unaligned vectors, most processors do not.
            self.options += ["-fsanitize=alignment,bounds", "-fsanitize-undefined-trap-on-error"]

    def image(self, kernels, folder):
        source = folder / "image.cpp"
        source.write_text(self.source.read_text().replace(str(KERNELS), str(kernels)))
        image = folder / "vbilstm_kernels.fatbin"
        result = subprocess.run(
            [self.compiler, "-std=c++20", "-O1", "-ffp-contract=off", "-fvisibility=hidden", "-fPIC", "-shared", "-w", *self.options, "-o", image, source,
             f"-I{ROOT / 'native' / 'softgpu'}", f"-I{kernels}", f"-L{self.libraries}", "-l:libcuda.so.1", f"-Wl,-rpath,{self.libraries}"],
            capture_output=True, text=True, check=False)
        if result.returncode != 0:
            fail(f"a mutant does not compile:\n{result.stderr}")
        return image


def passes(command, image, seconds):
    environment = dict(os.environ, VBILSTM_KERNELS=str(image))
    try:
        return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds, check=False).returncode == 0
    except subprocess.TimeoutExpired:  # a loop without end
        return False


def survives(build, command, mutant, seconds=None):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        kernels = folder / "kernels"
        shutil.copytree(KERNELS, kernels)
        if mutant is not None:
            file, search, replacement, _ = mutant
            path = kernels / file
            path.write_text(path.read_text().replace(search, replacement))
        return passes(command, build.image(kernels, folder), seconds)


def main():
    parser = argparse.ArgumentParser(description="Mutation test of the kernels.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="mutants whose file or meaning contains this text")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()

    mutants = read_mutants()
    mutants = [mutant for mutant in mutants if arguments.only in mutant[0] or arguments.only in mutant[3]]
    if not mutants:
        fail(f"no mutant's file or meaning contains '{arguments.only}'.")
    build = Build(arguments.build.resolve())
    command = arguments.command or [str(build.tests), "--gtest_brief=1", "--gtest_fail_fast"]
    start = time.monotonic()
    if not survives(build, command, None):
        fail("the tests fail on the kernels as they are.")
    seconds = 60 + 5 * (time.monotonic() - start)

    survivors = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda mutant: survives(build, command, mutant, seconds), mutants)
        for (file, _, _, meaning), survived in zip(mutants, results):
            survivors += survived
            print(f"{'SURVIVED' if survived else 'killed':8}  {file}: {meaning}", flush=True)
    percentage = 100 * (len(mutants) - survivors) / len(mutants)
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants killed, {percentage:.1f} %")
    return 0 if percentage >= REQUIRED_PERCENTAGE else 1


if __name__ == "__main__":
    sys.exit(main())
