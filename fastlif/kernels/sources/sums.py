"""The source that adds others."""

import functools
from typing import Any

import numpy as np
from numba import from_dtype, types
from numba.extending import intrinsic

from fastlif.kernels.random import PAGE
from fastlif.kernels.sources.calls import call
from fastlif.kernels.sources.parameters import as_pointer, compiled_source


@intrinsic
def _after(typing_context, pointer, items):
    """Return the pointer to what is ``items`` further."""

    def codegen(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), codegen


@functools.cache
def total(dtype: np.dtype[Any]) -> Any:
    """Return the source that adds others.

    Parameters: how many there are, and for each its address and that of its parameters.
    """
    kind = types.NumberClass(from_dtype(dtype))

    def source(numbers, step, row, first, size, out, scratch):
        term = as_pointer(_after(scratch, size + 2 * PAGE), kind)
        call(numbers[1], numbers[2], step, row, first, size, out, scratch)
        for k in range(1, np.intp(numbers[0])):
            n = np.uintp(k)
            call(numbers[2 * n + 1], numbers[2 * n + 2], step, row, first, size, term, scratch)
            for k in range(size):
                j = np.uintp(k)
                out[j] += term[j]

    return compiled_source(dtype, source)
