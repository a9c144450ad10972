"""What the campaigns share: the program, tiny inputs, and what an undisturbed run leaves."""
import argparse
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
SETTINGS = ["lstm_units=6", "mlp_units=5", "latent_units=3", "batch_size=100", "evaluate_every=2", "checkpoint_every=2"]
DOCUMENTED = {0: "done", 1: "failed", 2: "bad input", 3: "no device or memory", 130: "interrupted"}


class Campaign:
    """A folder of its own, the program, and the violations that were found."""

    def __init__(self, name, description, **options):
        parser = argparse.ArgumentParser(prog=name, description=description)
        parser.add_argument("--program", default=TREE / "src/VBiLstm.Cli/bin/Release/net10.0/vbilstm", help="the built executable")
        parser.add_argument("--seed", type=int, default=1, help="of everything random")
        for option, (default, text) in options.items():
            parser.add_argument(f"--{option}", type=type(default), default=default, help=f"{text}; default: {default}")
        self.options = parser.parse_args()
        self.program = str(Path(self.options.program).resolve())
        self.random = random.Random(self.options.seed)
        self.folder = Path(tempfile.mkdtemp(prefix=f"vbilstm-{name}-"))
        self.violations = []

    def start(self, arguments, cwd, environment=None):
        return subprocess.Popen([self.program, *map(str, arguments)], cwd=cwd, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def run(self, arguments, cwd, environment=None):
        """Exit code, standard output, standard error."""
        process = self.start(arguments, cwd, environment)
        output, error = process.communicate()
        return process.returncode, output.decode(errors="replace"), error.decode(errors="replace")

    def must(self, arguments, cwd):
        code, output, error = self.run(arguments, cwd)
        if code != 0:
            sys.exit(f"{' '.join(map(str, arguments))}: exit code {code}\n{output}{error}")

    def violation(self, text):
        self.violations.append(text)
        print(f"VIOLATION  {text}", flush=True)

    def finish(self):
        """Removes the folder, unless something is to be looked at there, and ends the process."""
        if self.violations:
            sys.exit(f"{len(self.violations)} violations; what they left is in {self.folder}")
        shutil.rmtree(self.folder)

    def images(self):
        """A prepared folder of a few random images, which training maps into memory."""
        raw, prepared = self.folder / "raw-images", self.folder / "images"
        raw.mkdir()
        drawn = random.Random(7)
        for name, count in ("train", 200), ("valid", 40), ("test", 40):
            pixels = bytes(255 * (drawn.random() < 0.2) for _ in range(count * 28 * 28))
            (raw / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 0x803, count, 28, 28) + pixels)
        self.must(["data", "prepare", "images", "--from", raw, "--out", prepared], self.folder)
        return prepared

    def recordings(self, count=40, samples=8000):
        """A folder of recordings of noise."""
        raw = self.folder / "raw-recordings"
        raw.mkdir()
        drawn = random.Random(7)
        for number in range(count):
            with wave.open(str(raw / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, samples, "NONE", ""))
                file.writeframes(struct.pack(f"<{samples}h", *(drawn.randint(-3000, 3000) for _ in range(samples))))
        return raw

    def comparison(self, data, seeds):
        """A comparison of two models."""
        path = self.folder / "comparison.json"
        sizes = [*SETTINGS, "training.steps=4"]
        models = [{"name": "lstm", "set": ["model.kind=lstm"]}, {"name": "variational", "set": []}]
        path.write_text(json.dumps({"name": "c", "seeds": seeds, "models": models, "data": [{"name": "d", "preset": "digits", "set": [f"data.source={data}", *sizes]}]}))
        return path


def train(run, data, steps, seed=1, more=()):
    return ["train", *more, "--run", run, "--resume-or-start", "--data", data, "--threads", 1, "--steps", steps, "--seed", seed, "--set", *SETTINGS]


def contents(folder, of):
    """What must be equal to the byte: paths below the folder and the hashes of those that `of` chooses."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file() and of(path)}


def of_run(path):
    """Weights, moments, states and metrics, but what a kill left aside; the times of events and of timing.jsonl are no run's second time."""
    return path.parent.parent.name == "checkpoints" and path.parent.suffix not in (".new", ".old") or path.name in ("metrics.jsonl", "configuration.json")


def of_prepared(path):
    """All but what a kill left aside, which is removed when it is an hour old."""
    return path.suffix != ".tmp"


def of_comparison(path):
    return of_run(path) or path.name == "result.json" or path.suffix == ".csv"


def differences(expected, actual):
    return sorted(name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name))
