"""How fastlif scales: measures one point in a process of its own and prints the result as JSON.

python benchmarks/scaling.py '{"neurons": 1000, "steps": 1000, "record": "counts"}'
"""

import json
import math
import resource
import statistics
import sys
import time

import numpy as np

import fastlif

AMOUNT = 4e7  # neuron-steps per point
LEAST_STEPS = 10


BOTH = ("counts", "membrane+spikes")
RECORDS = {
    "neurons": BOTH,
    "steps": BOTH[:1],
    "threads": BOTH,
    "firing": ("events",),
    "dtype": BOTH,
}


def points(quick, processors):
    """Return the points of each curve: its name, the varied quantity, and the settings."""
    amount, most = (AMOUNT / 4, 6) if quick else (AMOUNT, 7)

    def sized(neurons):
        return {"neurons": neurons, "steps": max(LEAST_STEPS, min(10**6, int(amount / neurons)))}

    wide = sized(100_000)
    counts = sorted({1, 2, *(2**k for k in range(8) if 2**k <= processors), processors})
    varied = {
        "neurons": [sized(10**k) for k in range(most + 1)],
        "steps": [{"neurons": 10_000, "steps": 10**k} for k in range(most - 2)],
        "threads": [{**wide, "threads": count} for count in counts],
        "firing": [{**wide, "firing": part} for part in (0.0, 1e-3, 1e-2, 1e-1)],
        "dtype": [{**wide, "dtype": dtype} for dtype in ("uint8", "float32", "float64")],
    }
    return {
        f"{what}, {record}": (what, [{**settings, "record": record} for settings in varied[what]])
        for what, records in RECORDS.items()
        for record in records
    }


def neuron_for(firing):
    """Return a neuron that fires in about this fraction of the steps with the suite's current."""
    if firing is None:
        return fastlif.LIF()
    probe = np.random.default_rng(1).uniform(0, 0.6, (500, 2000)).astype(np.float32)
    low, high = 0.1, 4.0
    for _ in range(30):
        middle = math.sqrt(low * high)
        spikes = fastlif.LIF(threshold=middle).run(probe, record="spikes").spikes
        low, high = (middle, high) if spikes.mean() > firing else (low, middle)
    return fastlif.LIF(threshold=high if firing else math.inf)


def peak():
    """Return the peak memory of this process in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def measure(point):
    """Return the rate of a point, and the memory that its run needs in addition to the input."""
    shape = point["steps"], point["neurons"]
    rng, dtype = np.random.default_rng(0), point.get("dtype", "float32")
    if dtype == "uint8":
        current = (rng.integers(0, 10, shape, np.uint8) == 0).view(np.uint8)
    else:
        current = rng.random(shape, dtype)
        current *= current.dtype.type(0.6)
    neuron = neuron_for(point.get("firing"))
    record, threads = tuple(point["record"].split("+")), point.get("threads")
    neuron.run(
        current[:2, :64], record=record, threads=threads
    )  # compiles, or loads from the cache
    before, times = peak(), []
    for _ in range(5):
        start = time.perf_counter()
        run = neuron.run(current, record=record, threads=threads)
        times.append(time.perf_counter() - start)
        del run
    rate = shape[0] * shape[1] / statistics.median(times)
    return {**point, "neuron_steps_per_second": rate, "peak_bytes": peak() - before}


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
