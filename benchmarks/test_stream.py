"""A run from one file into another, which has 20 times the steps of the other benchmarks.

Input of one byte, packed spikes of one bit, with numpy.memmap. Compared with the slower of two: a
program that moves the same bytes between the same files and computes nothing, and the same run in
memory. "cold" files are read from the disk, "cached" ones from the memory of the system.
"""

import os
import queue
import statistics
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from limits import median_time

import fastlif

NEURON = fastlif.LIF()
LONGER = 20
PIECE = 2**25  # bytes that the program moves at a time

pytestmark = pytest.mark.skipif(
    not hasattr(os, "posix_fadvise"), reason="the system does not let a program empty its cache"
)


@pytest.fixture(scope="module")
def files(shape, tmp_path_factory):
    """Return the arrays in the two files, which are larger than 1 GB by default."""
    folder = tmp_path_factory.mktemp("stream")
    steps, neurons = shape[0] * LONGER, shape[1]
    read = np.memmap(folder / "current", np.uint8, "w+", shape=(steps, neurons))
    read[:] = np.random.default_rng(0).integers(0, 2, shape, np.uint8)[np.arange(steps) % shape[0]]
    written = np.memmap(folder / "spikes", np.uint8, "w+", shape=(steps, -(-neurons // 8)))
    yield read, written
    for array in (read, written):
        Path(array.filename).unlink()


def moved(read, written):
    """Read one file, and write the other one in a thread."""
    pieces = queue.Queue(2)
    source, target = (os.open(array.filename, os.O_RDWR) for array in (read, written))
    memory = memoryview(bytearray(PIECE))
    ratio = read.nbytes / written.nbytes

    def write():
        offset = 0
        while (count := pieces.get()) is not None:
            offset += os.pwrite(target, memory[:count], offset)
        os.fsync(target)

    thread = threading.Thread(target=write)
    thread.start()
    offset = 0
    while True:
        os.posix_fadvise(source, offset, 2 * PIECE, os.POSIX_FADV_WILLNEED)
        count = os.preadv(source, [memory], offset)
        if not count:
            break
        offset += count
        pieces.put(round(count / ratio))
    pieces.put(None)
    thread.join()
    os.close(source)
    os.close(target)


def streamed(read, written, threads):
    """Run from one file into the other, until the disk has all."""
    NEURON.run(read, out={"packed": written}, threads=threads)
    descriptor = os.open(written.filename, os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)


def forget(*arrays):
    """Let the system drop from its memory what the files contain."""
    for array in arrays:
        array.flush()
        descriptor = os.open(array.filename, os.O_RDWR)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def seconds(function, *arguments):
    """Return how long a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


@pytest.mark.benchmark(group="files, relative to the disk or to memory")
@pytest.mark.parametrize("cached", [False, True], ids=["cold", "cached"])
def test_stream(benchmark, files, shape, threads, request, cached):
    """The goal is 0.8 of the slower one of the two rates."""
    read, written = files
    part = np.array(read[: shape[0]])
    packed = np.full((len(part), written.shape[1]), 1, np.uint8)
    streamed(read, written, threads)

    def run_in_memory():
        NEURON.run(part, out={"packed": packed}, threads=threads)

    run_in_memory()
    assert np.array_equal(written[: len(part)], packed)
    prepared = (lambda *_: None) if cached else forget
    times = {"file": [], "moved": [], "memory": []}
    for _ in range(min(3, request.config.getoption("--peer-rounds"))):
        prepared(read, written)
        times["file"].append(seconds(streamed, read, written, threads))
        prepared(read, written)
        times["moved"].append(seconds(moved, read, written))
        times["memory"].append(LONGER * median_time(run_in_memory, 5))
    prepared(read, written)
    benchmark.pedantic(streamed, (read, written, threads), rounds=1)
    own, disk, memory = map(statistics.median, times.values())
    found = {
        "neuron-steps per second": read.size / own,
        "relative to the disk": disk / own,
        "relative to memory": memory / own,
        "relative to the slower one": max(disk, memory) / own,
    }
    benchmark.extra_info.update(found)
    print(f"\n{found}")
