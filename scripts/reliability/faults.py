#!/usr/bin/env python3
"""
I/O faults by a preloaded library: the n-th write, fsync, rename, open, … fails or is short, for n = 1, 2, … until none is left. The program must end with a documented
exit code and say why in lines of its own, never a stack trace; what is there loads or is refused; the same command without the fault goes on from no earlier step and leaves what it leaves undisturbed.
"""
import collections
import errno
import itertools
import json
import shutil
import subprocess

from campaign import DOCUMENTED, TREE, Campaign, contents, differences, of_comparison, of_prepared, of_run, train

STEPS = 4
SHORT = 0
FAULTS = [
    ("write", errno.ENOSPC, True), ("write", errno.ENOSPC, False), ("write", errno.EIO, False), ("write", SHORT, False), ("sync", errno.EIO, False), ("rename", errno.EIO, False),
    ("rename", errno.EACCES, False), ("open", errno.EACCES, False), ("open", errno.ENOSPC, False), ("make", errno.ENOSPC, False), ("remove", errno.EIO, False), ("map", errno.ENOMEM, False),
    ("read", errno.EIO, False), ("read", SHORT, False),
]


def newest_step(run):
    """Of the checkpoints of a run; -1 where there is none."""
    steps = [json.loads(path.read_bytes())["step"] for path in run.glob("checkpoints/*/state.json") if path.parent.suffix != ".new"]
    return max(steps, default=-1)


def main():
    campaign = Campaign("faults", __doc__, every=(1, "only one in so many of the calls"), first=(1, "first of them"), commands=("train,resume,prepare,compare", "which"))
    library = campaign.folder / "fault.so"
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, TREE / "scripts/reliability/fault.c", "-ldl"], check=True)
    images, recordings = campaign.images(), campaign.recordings(count=20, samples=500)
    comparison = campaign.comparison(images, seeds=[1])
    begun = campaign.folder / "begun"
    begun.mkdir()
    campaign.must(train("a", images, STEPS // 2), begun)
    commands = [
        ("train", None, train("a", images, STEPS), "runs/a", of_run),
        ("resume", begun, train("a", images, STEPS), "runs/a", of_run),
        ("prepare", None, ["data", "prepare", "speech", "--from", recordings, "--frame-size", 50, "--out", "out"], "out", of_prepared),
        ("compare", None, ["compare", comparison, "--threads", 1, "--out", "out"], "out", of_comparison),
    ]
    total = 0
    for name, before, arguments, output, of in (command for command in commands if command[0] in campaign.options.commands.split(",")):
        work = campaign.folder / name

        def fresh():
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(before, work) if before else work.mkdir()

        fresh()
        campaign.must(arguments, work)
        expected = contents(work / output, of)
        endings = collections.Counter()
        for call, error, lasts in FAULTS:
            what = f"{call} {errno.errorcode.get(error, 'short')}{' from then on' if lasts else ''}"
            for number in itertools.count(campaign.options.first, campaign.options.every):
                fresh()
                step = newest_step(work / output)
                tally = campaign.folder / "tally"
                tally.unlink(missing_ok=True)
                environment = {"LD_PRELOAD": library, "FAULT_BELOW": campaign.folder, "FAULT_CALL": call, "FAULT_NUMBER": number, "FAULT_ERROR": error, "FAULT_TALLY": tally, **({"FAULT_LASTS": 1} if lasts else {})}
                code, printed, said = campaign.run(arguments, work, {key: str(value) for key, value in environment.items()})
                if not tally.exists():
                    break
                place = f"{name}, {what}, call {number} ({tally.read_text().strip()})"
                endings[DOCUMENTED.get(code, str(code))] += 1
                lines = said.splitlines()
                if code not in DOCUMENTED or not all(line.startswith("vbilstm: ") for line in lines) or code != 0 and not lines:
                    campaign.violation(f"{place}: exit code {code}: {said.strip()[:600]}")
                if code == 0 and (different := [file for file in differences(expected, contents(work / output, of)) if "metrics" not in file or not said]):
                    campaign.violation(f"{place}: exit code 0, and not as undisturbed: {', '.join(different)}")
                if code == 0 and call in ("write", "sync") and error != SHORT and any(part in tally.read_text() for part in ("/checkpoints/", ".bin", "manifest.json", "result.json")):
                    campaign.violation(f"{place}: exit code 0 although the disk did not take it")
                if newest_step(work / output) < step:
                    campaign.violation(f"{place}: the checkpoint of step {step} is lost")
                code, printed, again = campaign.run(arguments, work)
                if code != 0:
                    campaign.violation(f"{place}: after it the same command ends with {code}: {again.strip()[:600]}")
                elif different := differences(expected, contents(work / output, of)):
                    campaign.violation(f"{place}: after it the same command leaves something else: {', '.join(different)}; it had said: {said.strip()[:300]}")
        total += endings.total()
        print(f"{name}: {endings.total()} faults; {', '.join(f'{count} {ending}' for ending, count in sorted(endings.items()))}", flush=True)
    print(f"{total} faults, {len(campaign.violations)} violations")
    campaign.finish()


main()
