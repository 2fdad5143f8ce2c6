"""Sources of what the user gives: an array of all steps, or a constant."""

import functools
from typing import Any

import numpy as np
from numba import from_dtype, types

from fastlif.kernels.jit import wide_vectors
from fastlif.kernels.sources.parameters import ACCESS, array_at, compiled_source


@functools.cache
def weighted(
    dtype: np.dtype[Any], array_dtype: np.dtype[Any], each_value: bool, each_weight: bool
) -> Any:
    """Return the source that reads an array of the user, times a weight.

    Parameters: 3 of the array, whose first row is that of the run, 3 of the weight.
    """
    real, kind = dtype.type, types.NumberClass(from_dtype(dtype))
    array_kind = types.NumberClass(from_dtype(array_dtype))
    values_of, value_at = ACCESS[each_value]
    weights_of, weight_at = ACCESS[each_weight]

    def source(numbers, step, row, first, size, out, scratch):
        wide_vectors()
        values = values_of(array_at(numbers, 0, row, first, array_kind))
        weights = weights_of(array_at(numbers, 3, step, first, kind))
        for k in range(size):
            j = np.uintp(k)
            out[j] = real(value_at(values, j)) * weight_at(weights, j)

    return compiled_source(dtype, source)


@functools.cache
def constant(dtype: np.dtype[Any], each: bool) -> Any:
    """Return the source of a constant current. Parameters: 3 of the value."""
    kind = types.NumberClass(from_dtype(dtype))
    of, at = ACCESS[each]

    def source(numbers, step, row, first, size, out, scratch):
        values = of(array_at(numbers, 0, step, first, kind))
        for k in range(size):
            j = np.uintp(k)
            out[j] = at(values, j)

    return compiled_source(dtype, source)
