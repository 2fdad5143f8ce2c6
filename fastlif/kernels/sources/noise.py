"""Sources of normal numbers."""

import functools
from typing import Any

import numpy as np
from numba import from_dtype, types

from fastlif.kernels.jit import wide_vectors
from fastlif.kernels.normal import normals
from fastlif.kernels.random import COLORED, fill
from fastlif.kernels.sources.parameters import ACCESS, array_at, as_pointer, compiled_source


@functools.cache
def gaussian(dtype: np.dtype[Any], each: bool) -> Any:
    """Return the source of normal numbers.

    Parameters: key, origin, stream, 3 of the mean, 3 of the standard deviation.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))
    of, at = ACCESS[each]

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        means = of(array_at(numbers, 3, step, first, kind))
        deviations = of(array_at(numbers, 6, step, first, kind))
        words, neuron = as_pointer(scratch, np.uint32), first + np.int64(numbers[1])
        place = fill(words, neuron, size, step, np.uint32(numbers[2]), numbers[0], normals)
        standard = as_pointer(scratch, np.float32)
        for k in range(size):
            j = np.uintp(k)
            z = real(standard[np.uintp(place) + j])
            out[j] = at(means, j) + at(deviations, j) * z

    return compiled_source(dtype, source)


@functools.cache
def ornstein_uhlenbeck(dtype: np.dtype[Any]) -> Any:
    """Return the source of a current that relaxes to its mean and is driven by noise.

    Parameters: key, origin, 3 each of the mean, the part that is lost in a step, the standard
    deviation of the noise, and the deviation from the mean, which is updated. Steps must follow one
    another.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        means = array_at(numbers, 2, 0, first, kind)
        losses = array_at(numbers, 5, 0, first, kind)
        deviations = array_at(numbers, 8, 0, first, kind)
        state = array_at(numbers, 11, 0, first, kind)
        words, neuron = as_pointer(scratch, np.uint32), first + np.int64(numbers[1])
        place = fill(words, neuron, size, step, COLORED, numbers[0], normals)
        standard = as_pointer(scratch, np.float32)
        for k in range(size):
            j = np.uintp(k)
            z = real(standard[np.uintp(place) + j])
            # Not state*(1 - loss): float32 has no 1 - loss for small losses.
            new = state[j] + (deviations[j] * z - state[j] * losses[j])
            state[j] = new
            out[j] = means[j] + new

    return compiled_source(dtype, source)
