"""What Dask adds to a run of fastlif alone: over a long run, for each task, and in graph size.

The long runs have 100 times the steps of the other benchmarks (10 times if they write membranes):
about 10 seconds. Both sides use two processors. Before timing, the counts are compared.
"""

import functools
import itertools
import pickle
import statistics
import time

import numpy as np
import pytest

import fastlif

pytest.importorskip("dask", reason="missing: dask")
pytest.importorskip("distributed", reason="missing: distributed")
pytest.importorskip("zarr", reason="missing: zarr")

import dask
import dask.array as da
import distributed
import zarr

from fastlif.interop.dask import run

# The disk may be busy.
pytestmark = pytest.mark.filterwarnings("ignore:Creating scratch directories:UserWarning")

NEURON = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, order="at_once")
NOISE = fastlif.GaussianCurrent(0.2, 0.3, seed=1)
WORKERS, BLOCKS, LONGER = 2, 4, 100


@pytest.fixture(scope="module")
def client():
    """Return a client of a cluster of processes, which take seconds to start."""
    with (
        distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture
def rounds(request):
    """Return how often a time is measured."""
    return min(3, request.config.getoption("--peer-rounds"))


@pytest.fixture(params=["threads", "cluster"])
def processor_time(request):
    """Let Dask compute with threads, or with processes of one thread.

    Returns a function that returns the processor time of this process and of the workers.
    """
    if request.param == "threads":
        with dask.config.set(scheduler="threads", num_workers=WORKERS):
            yield time.process_time
        return
    client = request.getfixturevalue("client")
    with dask.config.set(scheduler=client):
        yield lambda: time.process_time() + sum(client.run(time.process_time).values())


def measured(function, processor_time):
    """Return how long a call takes, and its processor time."""
    start = time.perf_counter(), processor_time()
    function()
    return time.perf_counter() - start[0], processor_time() - start[1]


def relative(lazy, in_memory, processor_time, rounds):
    """Return the medians, over alternate calls, of the ratios of the times of two functions."""
    ratios = []
    for _ in range(rounds):
        own, other = (measured(function, processor_time) for function in (in_memory, lazy))
        ratios.append((other[0] / own[0], other[1] / own[1], own[0]))
    names = "time", "processor time", "seconds without Dask"
    return dict(zip(names, map(statistics.median, zip(*ratios, strict=True)), strict=True))


def of_noise(shape, _):
    """Return a run of generated noise that counts spikes, and the same with Dask."""
    steps, size = shape[0] * LONGER, shape[1]
    chunks = (-(-steps // 10), -(-size // BLOCKS))
    lazy = run(NEURON, NOISE, steps=steps, population=size, chunks=chunks, record="counts").counts
    state = NEURON.initial_state(size)
    return (
        lambda: NEURON.run(NOISE, state, steps=steps, record="counts", threads=WORKERS).counts,
        lazy.compute,
    )


@functools.cache
def current_of(steps, size):
    """Return the input of a chunk, which each process generates once."""
    return np.random.default_rng(0).uniform(0, 0.6, (steps, size)).astype(np.float32)


def of_array(shape, folder, *dense, stretches=LONGER):
    """Return runs over an array that is in the memory of each process, and the same with Dask.

    Both count spikes, and write the dense records into arrays of Zarr.
    """
    steps, size = shape[0], shape[1] // (8 * BLOCKS) * 8  # whole bytes of packed spikes
    array = np.tile(current_of(steps, size), BLOCKS)
    current = da.map_blocks(
        lambda: current_of(steps, size),
        chunks=((steps,) * stretches, (size,) * BLOCKS),
        dtype=np.float32,
    )
    record = (*dense, "counts")
    stored, lazily = (
        {name: created(folder / place / name, current, name) for name in dense}
        for place in ("run", "Dask")
    )

    def in_memory():
        total = 0
        for part in NEURON.stream(
            itertools.repeat(array, stretches),
            steps=steps * stretches,
            record=record,
            out=stored,
            threads=WORKERS,
        ):
            total = total + part.counts
        return total

    return in_memory, run(NEURON, current, record=record, out=lazily).counts.compute


def created(path, current, record):
    """Return a new array of Zarr without compression, for a record of a run with this current."""
    eight = 8 if record == "packed" else 1
    return zarr.create_array(
        str(path),
        shape=(current.shape[0], current.shape[1] // eight),
        chunks=(current.chunksize[0], current.chunksize[1] // eight),
        dtype={"membrane": "f4", "spikes": "?", "packed": "u1"}[record],
        compressors=None,
    )


WORK = {
    "noise, counts": of_noise,
    "array, counts": of_array,
    "array, packed in Zarr": lambda *given: of_array(*given, "packed"),
    "array, membrane and spikes in Zarr": lambda *given: of_array(
        *given, "membrane", "spikes", stretches=10
    ),
}


@pytest.mark.benchmark(group="Dask, long runs")
@pytest.mark.parametrize("work", WORK)
def test_a_long_run(benchmark, shape, processor_time, rounds, work, tmp_path):
    """Dask takes at most 1.2 times as long as fastlif alone for more than ten seconds of work."""
    in_memory, lazy = WORK[work](shape, tmp_path)
    assert np.array_equal(in_memory(), lazy())
    found = relative(lazy, in_memory, processor_time, rounds)
    benchmark.pedantic(lazy, rounds=1)
    benchmark.extra_info.update(found)
    print(f"\n{found}")


@pytest.mark.benchmark(group="Dask, time per task")
@pytest.mark.parametrize("record", ["counts", "spikes"])
@pytest.mark.parametrize("blocks", [10, 100, 1000])
def test_the_time_per_task(benchmark, shape, processor_time, rounds, record, blocks):
    """The time to build and to execute a graph, and its size, for chunks with little work.

    Times are processor times in microseconds, and compared with a task of Dask that does nothing.
    """
    times = 10
    blocks = min(blocks, max(shape[1] // 100, 1))
    chunks = times * blocks

    def build():
        result = run(
            NEURON, NOISE, steps=times, population=64 * blocks, chunks=(1, 64), record=record
        )
        return getattr(result, record)

    def per_chunk(function, clock):
        return 1e6 * min(measured(function, clock)[1] for _ in range(rounds)) / chunks

    lazy = build()
    nothing = [dask.delayed(int, pure=False)() for _ in range(chunks)]
    found = {
        "chunks": chunks,
        "tasks per chunk": len(lazy.dask) / chunks,
        "bytes of the graph per chunk": len(pickle.dumps(lazy)) / chunks,
        "to build, per chunk": per_chunk(build, time.process_time),
    }
    lazy.compute()
    found["client and scheduler, per chunk"] = per_chunk(lazy.compute, time.process_time)
    found["with workers, per chunk"] = per_chunk(lazy.compute, processor_time)
    for name, clock in [("", time.process_time), (", with workers", processor_time)]:
        found["empty task" + name] = per_chunk(lambda: dask.compute(*nothing), clock)
    benchmark.pedantic(lazy.compute, rounds=rounds)
    benchmark.extra_info.update(found)
    print(f"\n{found}")
