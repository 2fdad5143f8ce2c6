"""Spikes as bits."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastlif.kernels.jit import inlined


@inlined
def pack(row, spikes, size):
    """Write a step's spikes as bits, 8 neurons per byte, the first in the lowest bit."""
    whole = size // 64 * 64
    for k in range(0, whole, 64):
        bits = bits_at(spikes, np.uintp(k))
        for b in range(8):
            row[k // 8 + b] = np.uint8(bits >> np.uint64(8 * b))
    for k in range(whole, size, 8):
        byte = np.uint8(0)
        for b in range(min(8, size - k)):
            byte |= np.uint8(spikes[k + b]) << np.uint8(b)
        row[k // 8] = byte


@intrinsic
def bits_at(typing_context, row, j):
    """Return as 64 bits whether each of the 64 bytes from ``row[j]`` on is not zero."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(builder.bitcast(data, cgutils.voidptr_t), [args[1]])
        lanes = ir.VectorType(ir.IntType(8), 64)
        spikes = builder.load(builder.bitcast(place, lanes.as_pointer()), align=1)
        fired = builder.icmp_unsigned("!=", spikes, ir.Constant(lanes, None))
        return builder.bitcast(fired, ir.IntType(64))

    return types.uint64(row, types.uintp), codegen


@intrinsic
def lowest_bit(typing_context, bits):
    """Return the position of the lowest bit that is set."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), codegen


@intrinsic
def add_to_bits(typing_context, number, spike):
    """Interpret the bits of ``number`` as an integer, and add ``spike`` to it.

    The loops have enough float additions, and processors have more units for integers.
    """

    def codegen(context, builder, signature, args):
        integer = ir.IntType(signature.args[0].bitwidth)
        sum_type = types.int64 if integer.width == 64 else types.int32
        more = context.cast(builder, args[1], signature.args[1], sum_type)
        total = builder.add(builder.bitcast(args[0], integer), more)
        return builder.bitcast(total, args[0].type)

    return number(number, spike), codegen
