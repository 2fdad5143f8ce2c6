"""Expert C, compiled when it is first needed: expert.c, called with NumPy arrays."""

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from limits import together

SOURCE = Path(__file__).parent / "expert.c"
EXACT = ("-O3", "-march=native", "-ffp-contract=off", "-mprefer-vector-width=512")
FAST = ("-O3", "-march=native", "-ffast-math", "-fopenmp")
PLAIN_WIDTH, STREAMING_WIDTH, COUNTS_WIDTH = 32768, 8192, 4096  # the fastest, as measured


@functools.cache
def library(flags):
    """Return expert.c compiled with these flags, or None if that is not possible here."""
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        return None
    path = Path(tempfile.mkdtemp()) / "expert.so"
    command = [compiler, *flags, "-fPIC", "-shared", "-o", str(path), str(SOURCE)]
    if subprocess.run(command, capture_output=True).returncode:
        return None
    return ctypes.CDLL(str(path))


def _pointers(*arrays):
    return [ctypes.c_void_p(array.ctypes.data) for array in arrays]


def _longs(*numbers):
    return [ctypes.c_long(number) for number in numbers]


def _floats(*numbers):
    return [ctypes.c_float(number) for number in numbers]


def _in_parts(work, neurons, threads):
    """Call ``work(begin, end)`` in each thread, for parts of equal size."""
    bounds = [neurons * k // threads // 64 * 64 for k in range(threads)] + [neurons]
    together([functools.partial(work, *bounds[k : k + 2]) for k in range(threads)])


def dense(current, out, threads, rate, threshold, *, streams):
    """Record membranes and spikes by expert C."""
    steps, neurons = current.shape
    width = STREAMING_WIDTH if streams else PLAIN_WIDTH
    function = library(EXACT).dense

    def part(begin, end):
        scratch = np.empty(width, np.float32), np.empty(width, np.uint8)
        function(
            ctypes.c_int(streams), *_longs(steps, neurons, begin, end, width),
            *_pointers(current, out["membrane"], out["spikes"], *scratch),
            *_floats(rate, threshold),
        )  # fmt: skip

    _in_parts(part, neurons, threads)


def counts(current, into, threads, rate, threshold):
    """Count spikes by expert C, of an input of float32 numbers or bytes."""
    steps, neurons = current.shape
    name = "counts_of_bytes" if current.dtype == np.uint8 else "counts_of_floats"
    function = getattr(library(EXACT), name)

    def part(begin, end):
        scratch = np.empty(COUNTS_WIDTH, np.float32)
        function(
            *_longs(steps, neurons, begin, end, COUNTS_WIDTH),
            *_pointers(current, into, scratch), *_floats(rate, threshold),
        )  # fmt: skip

    _in_parts(part, neurons, threads)


def with_openmp(current, out, threads, rate, threshold):
    """Record membranes and spikes by the loops that most people would write."""
    steps, neurons = current.shape
    scratch = np.empty(neurons, np.float32)
    library(FAST).with_openmp(
        *_longs(steps, neurons), ctypes.c_int(threads),
        *_pointers(current, out["membrane"], out["spikes"], scratch), *_floats(rate, threshold),
    )  # fmt: skip
