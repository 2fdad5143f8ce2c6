"""How sources are called: by sweeps, and to fill an array."""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastlif.kernels.jit import compiled, contiguous, inlined
from fastlif.kernels.random import PAGE


def scratch_items(size: int) -> int:
    """Return how many numbers of 64 bits a source needs for rows of ``size`` neurons."""
    return 2 * (size + 2 * PAGE)


class Generated(NamedTuple):
    """An input that a source generates, as a sweep receives it."""

    function: np.uint64  # the addresses of the source and
    numbers: np.uint64  # of its parameters
    rows: np.ndarray  # four rows, into which it generates
    scratch: np.ndarray
    step: int  # the absolute step of the first row
    row: int  # its number in the run
    neuron: int  # the index of the tile's first neuron


@intrinsic
def call(typing_context, function, numbers, step, row, first, size, out, scratch):
    """Call the source at the address ``function``."""
    i64 = types.int64
    arguments = (types.CPointer(types.uint64), i64, i64, i64, types.intp, out, scratch)

    def codegen(context, builder, signature, args):
        kinds = [context.get_value_type(kind) for kind in arguments]
        prototype = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
        pointer = builder.inttoptr(args[0], prototype)
        builder.call(pointer, [builder.inttoptr(args[1], kinds[0]), *args[2:]])
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64, *arguments[1:]), codegen


@intrinsic
def _data(typing_context, array):
    """Return the pointer to the items of an array."""

    def codegen(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


@inlined
def generate(function, numbers, step, row, first, out, scratch):
    """Let a source fill the contiguous row ``out``."""
    call(function, numbers, step, row, first, out.size, _data(out), _data(scratch))


@functools.cache
def sampler(dtype: np.dtype[Any]) -> Any:
    """Return the compiled function that fills an array (steps, neurons) from a source."""

    def sample(function, numbers, step, first, out, scratch):
        for t in range(len(out)):
            generate(function, numbers, step + t, t, first, contiguous(out[t]), scratch)

    return compiled(sample)


def first_row(
    source: Any, numbers: list[int], population: tuple[int, ...], dtype: np.dtype[Any]
) -> np.ndarray:
    """Return the row that a source generates at step 0, flat."""
    out = np.empty((1, math.prod(population)), dtype)
    slots, scratch = np.array(numbers, np.uint64), np.empty(scratch_items(out.size), np.uint64)
    sampler(dtype)(np.uint64(source.address), np.uint64(slots.ctypes.data), 0, 0, out, scratch)
    row: np.ndarray = out[0]
    return row
