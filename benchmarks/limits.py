"""The hardware limits: memory bandwidths, and a C loop that stays in registers."""

import ctypes
import functools
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

from fastlif.execution.affinity import Placement

SOURCE = Path(__file__).parent / "limit.c"
_LEAST = 0.02  # seconds per measurement of a mean


def together(calls):
    """Make each call in a thread of its own, placed on the processors as fastlif's threads are."""
    placement = Placement(len(calls) > 1)

    def held(call, caller=False):
        placement.hold(caller)
        call()

    first, *rest = calls
    others = [threading.Thread(target=held, args=(call,)) for call in rest]
    for other in others:
        other.start()
    held(first, caller=True)
    for other in others:
        other.join()
    placement.release()


def in_threads(work, array, threads):
    """Split an array into as many parts as threads and call ``work(part)`` in each thread."""
    together([functools.partial(work, part) for part in np.array_split(array, threads)])


def same_part(array, part, whole):
    """Return the part of ``array`` that corresponds to ``part`` of ``whole``."""
    first = (part.ctypes.data - whole.ctypes.data) // whole.itemsize
    return array[first : first + len(part)]


@njit(nogil=True)
def sum_of(words):
    """Read the whole array."""
    total = 0
    for k in range(len(words)):
        total += words[k]
    return total


def processor_time():
    """Return the processor time since the machine started, and how much other machines took."""
    try:
        with open("/proc/stat") as file:
            times = [int(word) for word in file.readline().split()[1:9]]
    except OSError:
        return None
    return sum(times), times[7]


def stolen_since(before):
    """Return the share of the processor time that other machines took since ``before``."""
    total, stolen = np.subtract(processor_time(), before)
    return float(stolen / max(total, 1))


def median_time(function, rounds=7):
    """Return the median time of a call, after one call that is not timed."""
    function()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@functools.cache
def c_loop():
    """Return the compiled loop of limit.c, or None if there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    library = Path(tempfile.mkdtemp()) / "limit.so"
    flags = ["-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"]
    features = Path("/proc/cpuinfo")
    vector = 64 if features.exists() and "avx512f" in features.read_text() else 32
    command = [compiler, *flags, f"-DVECTOR={vector}", "-o", str(library), str(SOURCE)]
    subprocess.run(command, check=True)
    function = ctypes.CDLL(str(library)).counts
    function.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_long] * 2, *[ctypes.c_float] * 4,
    ]  # fmt: skip
    return function


class Limits(NamedTuple):
    """The limits in this session with all threads: bytes per second and neuron-steps per second."""

    copy: float  # bytes read and written
    read: float
    fill: float
    registers: float | None  # neuron-steps of a C loop without memory traffic

    def rate(self, bytes_each, writes):
        """Return the limit in neuron-steps per second for this number of bytes per neuron-step."""
        if not bytes_each:
            return self.registers or float("nan")
        return (self.copy if writes else self.read) / bytes_each


def measure(threads, size=50_000_000, steps=500):
    """Measure the limits with arrays of ``size`` float32 numbers."""
    source, target = np.ones(size, np.float32), np.ones(size, np.float32)

    def copy(part):
        np.copyto(same_part(target, part, source), part)

    words = source.view(np.int32)
    copied = median_time(lambda: in_threads(copy, source, threads))
    read = median_time(lambda: in_threads(sum_of, words, threads))
    filled = median_time(lambda: in_threads(lambda part: part.fill(2), target, threads))
    registers = None
    if c_loop() is not None:
        current = np.linspace(0.1, 0.6, 200_000, dtype=np.float32)
        counts = np.zeros(len(current), np.int32)

        def part(columns):
            into = same_part(counts, columns, current)
            c_loop()(columns.ctypes.data, into.ctypes.data, len(columns), steps, 5.1, 5e-3, 1e-3, 1)

        took = median_time(lambda: in_threads(part, current, threads))
        registers = len(current) * steps / took
    moved = source.nbytes
    return Limits(2 * moved / copied, moved / read, moved / filled, registers)


def mean_time(function):
    """Return the mean time of some calls, during which the results of the last one are freed."""
    calls, start = 0, time.perf_counter()
    while True:
        function()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed > _LEAST:
            return elapsed / calls
