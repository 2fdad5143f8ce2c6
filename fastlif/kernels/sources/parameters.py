"""How sources read their parameters, and how they are compiled."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import from_dtype, types
from numba.extending import intrinsic

from fastlif.kernels.jit import compiled_for_c, inlined


@intrinsic
def as_pointer(typing_context, address, dtype):
    """Return an address, or another pointer, as a pointer to numbers of ``dtype``."""
    result = types.CPointer(dtype.dtype)

    def codegen(context, builder, signature, args):
        kind = context.get_value_type(result)
        if isinstance(signature.args[0], types.CPointer):
            return builder.bitcast(args[0], kind)
        return builder.inttoptr(args[0], kind)

    return result(address, dtype), codegen


@inlined
def array_at(numbers, place, step, first, dtype):
    """Return an array of the parameters, from the row of a step and from a neuron on.

    It stands there as its address and the bytes between steps and between neurons; shared ones
    have 0 bytes.
    """
    step_bytes, neuron_bytes = np.int64(numbers[place + 1]), np.int64(numbers[place + 2])
    address = np.int64(numbers[place]) + step * step_bytes + first * neuron_bytes
    return as_pointer(address, dtype)


@inlined
def _same(x):
    return x


@inlined
def _first(x):
    return x[0]


@inlined
def _value(x, j):
    return x


@inlined
def _item(x, j):
    return x[j]


# For a parameter that all neurons share, and for one of each: what is done with its array before
# the loop over the neurons, and in it.
ACCESS = {False: (_first, _value), True: (_same, _item)}


def compiled_source(dtype: np.dtype[Any], function: Callable[..., Any]) -> Any:
    """Return a source for rows of ``dtype``, with the arguments that the package describes."""
    real, words = types.CPointer(from_dtype(dtype)), types.CPointer(types.uint64)
    i64 = types.int64
    return compiled_for_c(types.void(words, i64, i64, i64, types.intp, real, words), function)
