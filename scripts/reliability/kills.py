#!/usr/bin/env python3
"""kill -9 at random moments, the same command again after each, until it is done: training, data prepare and compare must leave what they leave undisturbed."""
import shutil
import subprocess
import time

from campaign import Campaign, contents, differences, of_comparison, of_prepared, of_run, train

STEPS = 600


def chain(campaign, name, kills, arguments, work, expected, of, kept, moments):
    """Kills a command again and again; each time that it gets through, looks at what is there and begins anew. Returns counts."""
    counts = {"kills": 0, "ends": 0, "half": 0}
    while counts["kills"] < kills or counts["ends"] == 0 or kept.exists():
        process = campaign.start(arguments, work)
        try:
            process.communicate(timeout=campaign.random.uniform(*moments) if counts["kills"] < kills else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            counts["kills"] += 1
            counts["half"] += kept.exists() and any(path.suffix in (".new", ".old", ".tmp") for path in kept.rglob("*"))
            continue
        if process.returncode != 0:
            campaign.violation(f"{name}: exit code {process.returncode} after a kill")
            break
        counts["ends"] += 1
        if different := differences(expected, contents(kept, of)):
            campaign.violation(f"{name}: not as undisturbed: {', '.join(different)}")
            break
        shutil.rmtree(kept)
    return counts


def main():
    campaign = Campaign("kills", __doc__, kills=(1000, "of training; a fifth of it of prepare and of compare each"))
    images, recordings = campaign.images(), campaign.recordings()
    comparison = campaign.comparison(images, seeds=[1, 2])
    few = max(1, campaign.options.kills // 5)
    commands = [
        ("train", campaign.options.kills, train("a", images, STEPS), "runs/a", of_run),
        ("data prepare", few, ["data", "prepare", "speech", "--from", recordings, "--out", "out"], "out", of_prepared),
        ("compare", few, ["compare", comparison, "--threads", 1, "--out", "out"], "out", of_comparison),
    ]
    clock = time.monotonic()
    campaign.must(["data", "info", images], campaign.folder)
    start = time.monotonic() - clock
    for name, kills, arguments, output, of in commands:
        undisturbed, killed = campaign.folder / f"{name} undisturbed", campaign.folder / f"{name} killed"
        undisturbed.mkdir()
        killed.mkdir()
        clock = time.monotonic()
        campaign.must(arguments, undisturbed)
        moments = (start / 2, min(4 * start, time.monotonic() - clock))
        expected = contents(undisturbed / output, of)
        counts = chain(campaign, name, kills, arguments, killed, expected, of, killed / output, moments)
        print(f"{name}: {counts['kills']} kills, {counts['half']} of them while something was half written; {counts['ends']} ends, compared in {len(expected)} files each", flush=True)
    campaign.finish()


main()
