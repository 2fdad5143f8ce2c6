"""Sources of currents whose course over time is a formula."""

import functools
import math
from typing import Any

import numpy as np
from numba import from_dtype, literal_unroll, types

from fastlif.kernels.jit import inlined, wide_vectors
from fastlif.kernels.sources.parameters import array_at, compiled_source


@functools.cache
def pulses(dtype: np.dtype[Any]) -> Any:
    """Return the source of a value between two steps, which may be repeated, and 0 else.

    Parameters: 3 each of the value and of the first step, the number of steps and the period.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        values = array_at(numbers, 0, 0, first, kind)
        starts = array_at(numbers, 3, 0, first, np.float64)
        lengths = array_at(numbers, 6, 0, first, np.float64)
        periods = array_at(numbers, 9, 0, first, np.float64)
        for k in range(size):
            j = np.uintp(k)
            since = step - starts[j]
            since -= np.floor(since / periods[j]) * periods[j] if since >= 0 else 0.0
            out[j] = values[j] if 0 <= since < lengths[j] else real(0)

    return compiled_source(dtype, source)


@functools.cache
def ramp(dtype: np.dtype[Any]) -> Any:
    """Return the source of a current that goes from one value to another.

    Parameters: 3 each of the two values, and of the steps at which they are reached.
    """
    real = dtype.type

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        begins = array_at(numbers, 0, 0, first, np.float64)
        ends = array_at(numbers, 3, 0, first, np.float64)
        starts = array_at(numbers, 6, 0, first, np.float64)
        stops = array_at(numbers, 9, 0, first, np.float64)
        for k in range(size):
            j = np.uintp(k)
            part = min(max((step - starts[j]) / (stops[j] - starts[j]), 0.0), 1.0)
            current = begins[j] + part * (ends[j] - begins[j])
            out[j] = real(current if part < 1.0 else ends[j])  # not rounded at the end

    return compiled_source(dtype, source)


# sin(2*pi*x) = x*S(x**2), |x| <= 1/4: the Taylor series, from the highest power down.
_SINE = tuple(
    (-1.0) ** n * (2 * np.pi) ** (2 * n + 1) / math.factorial(2 * n + 1) for n in range(11, -1, -1)
)


@inlined
def _sine_of_turns(x):
    """Return sin(2*pi*x) with an error below 1e-15; the same bits on every processor."""
    x -= np.floor(x + 0.5)
    x = 0.5 - x if x > 0.25 else -0.5 - x if x < -0.25 else x
    z = x * x
    total = 0.0
    for coefficient in literal_unroll(_SINE):
        total = total * z + coefficient
    return x * total


@functools.cache
def sine(dtype: np.dtype[Any]) -> Any:
    """Return the source of a sine.

    Parameters: 3 each of the offset, the amplitude, the periods per step and the phase in periods.
    """
    real = dtype.type

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        offsets = array_at(numbers, 0, 0, first, np.float64)
        amplitudes = array_at(numbers, 3, 0, first, np.float64)
        frequencies = array_at(numbers, 6, 0, first, np.float64)
        phases = array_at(numbers, 9, 0, first, np.float64)
        for k in range(size):
            j = np.uintp(k)
            turns = frequencies[j] * step + phases[j]
            out[j] = real(offsets[j] + amplitudes[j] * _sine_of_turns(turns))

    return compiled_source(dtype, source)
