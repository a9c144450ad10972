#!/usr/bin/env python3
"""
Flips bytes of every file of a checkpoint, cuts the files at every length, and exchanges files between checkpoints (a sample of them, unless asked for all): the program
must refuse each and name the file. A folder with the same bytes again is read, so that refusing everything does not pass.
"""
import shutil

from campaign import Campaign, train

FILES = ["weights.safetensors", "optimizer.safetensors", "data.json", "state.json"]


def sample(campaign, length, count):
    """Some of the places of a file, the first and the last among them; all where count is 0."""
    if count == 0 or count >= length:
        return range(length)
    return sorted({0, length - 1, *campaign.random.sample(range(length), count)})


def main():
    campaign = Campaign("damage", __doc__, flips=(100, "bytes of each file; 0 for all"), cuts=(25, "lengths of each file; 0 for all"))
    images = campaign.images()
    for run, seed, steps in ("a", 1, 4), ("b", 2, 4), ("c", 1, 6):
        campaign.must(train(run, images, steps, seed), campaign.folder)
    checkpoint, work = campaign.folder / "runs/a/checkpoints/last", campaign.folder / "checkpoint"
    counts = {"flips": 0, "cuts": 0, "exchanges": 0}

    def refused(kind, name, content, place):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(checkpoint, work)
        (work / name).write_bytes(content)
        code, _, error = campaign.run(["inspect", work], campaign.folder)
        counts[kind] += 1
        if code != 2 or not error.startswith("vbilstm: ") or error.count("\n") != 1 or str(work) not in error:
            campaign.violation(f"{kind}, {name}, {place}: exit code {code}: {error.strip()[:300]}")

    for name in FILES:
        good = (checkpoint / name).read_bytes()
        for place in sample(campaign, len(good), campaign.options.flips):
            refused("flips", name, good[:place] + bytes([good[place] ^ 1 << campaign.random.randrange(8)]) + good[place + 1:], f"byte {place}")
        for length in sample(campaign, len(good), campaign.options.cuts):
            refused("cuts", name, good[:length], f"{length} bytes")
        for other in "runs/b/checkpoints/last", "runs/c/checkpoints/last", "runs/c/checkpoints/best":
            if (strange := (campaign.folder / other / name).read_bytes()) != good and name != "state.json":
                refused("exchanges", name, strange, other)

    # A state of another checkpoint names other files.
    for other in "runs/b/checkpoints/last", "runs/c/checkpoints/last":
        refused("exchanges", "state.json", (campaign.folder / other / "state.json").read_bytes(), other)
    shutil.rmtree(work)
    shutil.copytree(checkpoint, work)
    campaign.must(["inspect", work], campaign.folder)
    print("; ".join(f"{count} {kind}" for kind, count in counts.items()) + f"; {len(campaign.violations)} read or not named")
    campaign.finish()


main()
