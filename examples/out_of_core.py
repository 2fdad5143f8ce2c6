"""A run whose input and output are longer than memory, in files, which can be killed and goes on.

The input are spikes of one byte in a memory-mapped file; the output are spikes of one bit and a
membrane of 16 neurons. ``neuron.stream`` reads, integrates and writes at the same time, some
megabytes at once, and writes a checkpoint after each stretch. Kill the process and start it again:
it goes on after the last completed stretch, and ends with the same bytes.

``--steps 100000`` needs 10 GB on the disk for the input and 1.25 GB for the spikes. Without
``--keep``, the files are deleted at the end.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import fastlif

neuron = fastlif.Leaky(beta=0.95, threshold=3.0)
SEEN = slice(16)  # the neurons whose membrane is recorded


def write_input(path, steps, neurons, stretch=100):
    """Write random spikes, one byte each, and return the array in the file."""
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        rng = np.random.default_rng(0)
        with open(unfinished, "wb") as file:  # pages of a mapped file would count as memory
            for begin in range(0, steps, stretch):
                shape = min(stretch, steps - begin), neurons
                file.write((rng.random(shape, np.float32) < 0.2).astype(np.uint8))
        unfinished.rename(path)
    return np.memmap(path, np.uint8, "r", shape=(steps, neurons))


def arrays(folder, steps, neurons, every):
    """Open the arrays of the records, or create them if this is the first attempt."""
    shapes = {
        "packed": (np.uint8, (steps, -(-neurons // 8))),
        "membrane": (np.float32, (-(-steps // every), 16)),
        "counts": (np.int64, (neurons,)),
    }
    out = {}
    for name, (dtype, shape) in shapes.items():
        path = folder / f"{name}.npy"  # numpy.load(path, mmap_mode="r") reads it
        if path.exists():
            out[name] = np.lib.format.open_memmap(path, "r+")
        else:
            out[name] = np.lib.format.open_memmap(path, "w+", dtype, shape)
    return out


def peak_memory():
    """Return the largest resident memory of this process in MB, where the system tells it."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Run, and compare some stretches with one run in memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=10, help="steps between two membranes")
    parser.add_argument("--folder", type=Path, default=Path("figures/out_of_core"))
    parser.add_argument("--keep", action="store_true", help="do not delete the files")
    parser.add_argument("--progress", action="store_true", help="show a bar (requires tqdm)")
    options = parser.parse_args()
    steps, neurons, folder = options.steps, options.neurons, options.folder
    folder.mkdir(parents=True, exist_ok=True)
    input_file = folder / f"input-{steps}-{neurons}"
    current = write_input(input_file, steps, neurons)
    out = arrays(folder, steps, neurons, options.every)

    began = time.perf_counter()
    with neuron.stream(
        current, out=out, neurons=SEEN, every=options.every, checkpoint=folder / "checkpoint",
        progress=options.progress,
    ) as stream:  # fmt: skip
        begin = stream.steps
        if begin:
            print(f"goes on after step {begin - 1}")
        for _ in stream:  # the runs of the stretches: here, the files are all that is needed
            pass
    seconds = time.perf_counter() - began
    done = (steps - begin) * neurons
    print(
        f"{done:,} neuron-steps in {seconds:.1f} s: {done / seconds / 1e6:,.1f} million per second"
    )
    print(f"peak resident memory: {peak_memory():.0f} MB")

    check = min(steps, 2_000)  # what fits in memory: the beginning
    one = neuron.run(np.array(current[:check]), record=("packed", "membrane"), neurons=SEEN)
    assert np.array_equal(out["packed"][:check], one.packed)
    rows = one.membrane[:: options.every]
    assert np.array_equal(out["membrane"][: len(rows)], rows)
    mean = out["counts"].mean() / steps
    print(f"the first {check} steps equal those of one run; {mean:.4f} spikes per step")
    if not options.keep:  # the folder may contain other files
        for name in (input_file.name, "checkpoint", *(f"{name}.npy" for name in out)):
            (folder / name).unlink()


if __name__ == "__main__":
    main()
