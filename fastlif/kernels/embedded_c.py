"""One rule as a C function: the caller keeps the loop over time."""

from typing import Any

import numpy as np
from numba import carray, cfunc, from_dtype, types
from numba.extending import intrinsic, overload

from fastlif.kernels.compose import Rule
from fastlif.kernels.embedded import advance_row, reader, size_of
from fastlif.kernels.jit import (
    OPTIONS,
    inlined,
    interrupts_deferred,
    require_jit,
    some_overlap,
    wide_vectors,
)

OK, NULL, SIZE, OVERLAP = range(4)  # what the function returns


@intrinsic
def _is_null(typing_context, pointer):
    """Tell whether a pointer is null."""

    def codegen(context, builder, signature, args):
        return builder.icmp_unsigned("==", args[0], args[0].type(None))

    return types.boolean(pointer), codegen


def c_step(rule: Rule, values: Any, spike_dtype: np.dtype[Any]) -> Any:
    """Return the C function ``step(cur, states ..., spk, n)``, in place; it returns a status."""
    require_jit()
    read, size, count = reader(rule, values), size_of(values), len(rule.states)

    @inlined
    def step(cur, states, spk, n):
        wide_vectors()
        if n < 0 or (size is not None and n != size):
            return np.int32(SIZE)
        if n == 0:
            return np.int32(OK)
        if _is_null(cur) or _is_null(spk):
            return np.int32(NULL)
        for state in states:
            if _is_null(state):
                return np.int32(NULL)
        current, spikes, arrays = carray(cur, n), carray(spk, n), _arrays(states, n)
        if some_overlap((spikes, *arrays), (current,)):
            return np.int32(OVERLAP)
        advance_row(rule, read, current, arrays, spikes)
        return np.int32(OK)

    def one(cur, mem, spk, n):
        return step(cur, (mem,), spk, n)

    def two(cur, mem, second, spk, n):
        return step(cur, (mem, second), spk, n)

    def three(cur, mem, second, third, spk, n):
        return step(cur, (mem, second, third), spk, n)

    real = types.CPointer(from_dtype(values.dtype))
    # One byte a spike, as in a bool array.
    spikes = types.CPointer(types.uint8 if spike_dtype == np.bool_ else from_dtype(spike_dtype))
    signature = types.int32(real, *[real] * count, spikes, types.intp)
    with interrupts_deferred():
        return cfunc(signature, **OPTIONS)((one, two, three)[count - 1])


def _arrays(pointers, n):
    """Return the arrays of ``n`` items at these pointers."""


@overload(_arrays)
def _overload_arrays(pointers, n):
    return (
        lambda pointers, n: (carray(pointers[0], n),),
        lambda pointers, n: (carray(pointers[0], n), carray(pointers[1], n)),
        lambda pointers, n: (
            carray(pointers[0], n), carray(pointers[1], n), carray(pointers[2], n),
        ),
    )[len(pointers) - 1]  # fmt: skip
