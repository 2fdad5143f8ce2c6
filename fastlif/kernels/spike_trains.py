"""Loops over recorded spikes: conversion between the formats, counts, and sorting by neuron.

Rows are steps. ``rows`` are dense spikes (steps, N), ``packed`` are bits (steps, ceil(N/8)), and
events are two int64 arrays sorted by step, then neuron. All arrays are C-contiguous.
"""

import functools
from types import FunctionType

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastlif.kernels.bits import bits_at, lowest_bit
from fastlif.kernels.jit import compiled, inlined

_ONE = np.uint64(1)


@functools.cache
def kernel(name):
    """Return a compiled loop. It is made at its first use, because Numba is slow to set up."""
    return compiled_copy(_LOOPS[name])


def compiled_copy(loop):
    """Compile a copy of ``loop``: this changes its name, and two threads may do it at once."""
    return compiled(FunctionType(loop.__code__, loop.__globals__, loop.__name__))


# --- bits -----------------------------------------------------------------------------------------
# Rows of 64 neurons or more are read and written as words of 64 bits, the last of which overlaps.


def pack(rows, packed):
    """Write rows of bytes as bits."""
    size = rows.shape[1]
    whole, rest = size // 64 * 64, size % 64
    for t in range(len(rows)):
        row, bits = rows[t], packed[t]
        for k in range(0, whole, 64):
            word = bits_at(row, np.uintp(k))
            for b in range(8):
                bits[k // 8 + b] = np.uint8(word >> np.uint64(8 * b))
        word = np.uint64(0)
        if whole and rest:
            word = bits_at(row, np.uintp(size - 64)) >> np.uint64(64 - rest)
        else:
            for k in range(rest):
                word |= np.uint64(row[k] != 0) << np.uint64(k)
        for b in range((rest + 7) // 8):
            bits[whole // 8 + b] = np.uint8(word >> np.uint64(8 * b))


def unpack(packed, rows):
    """Write rows of bits as bytes."""
    size = rows.shape[1]
    whole, rest = size // 64 * 64, size % 64
    first = size - 64  # the first neuron of the last word
    for t in range(len(rows)):
        row, bits = rows[t], packed[t]
        for k in range(0, whole, 64):
            _spread(_word_at(bits, np.uintp(k // 8)), row, np.uintp(k))
        if whole and rest:
            word = _word_at(bits, np.uintp(first >> 3))
            if first & 7:
                word >>= np.uint64(first & 7)
                word |= np.uint64(bits[(first >> 3) + 8]) << np.uint64(64 - (first & 7))
            _spread(word, row, np.uintp(first))
        else:
            for k in range(rest):
                row[k] = (bits[k >> 3] >> np.uint8(k & 7)) & np.uint8(1)


@inlined
def _last_word(row):
    """Return the bits that follow the last whole word of ``row``."""
    width = len(row)
    rest = width % 8
    word = np.uint64(0)
    if width > rest > 0:
        word = _word_at(row, np.uintp(width - 8)) >> np.uint64(64 - 8 * rest)
    else:
        for b in range(rest):
            word |= np.uint64(row[b]) << np.uint64(8 * b)
    return word


def count_packed(packed, counts):
    """Count the spikes of each row of bits."""
    whole = packed.shape[1] // 8 * 8
    for t in range(len(packed)):
        row = packed[t]
        total = np.int64(_number_of(_last_word(row)))
        for k in range(0, whole, 8):
            total += np.int64(_number_of(_word_at(row, np.uintp(k))))
        counts[t] = total


def list_packed(packed, first, step_out, neuron_out):
    """Write the events of rows of bits, whose first one is the step ``first``."""
    whole = packed.shape[1] // 8 * 8
    used = 0
    for t in range(len(packed)):
        row, step = packed[t], first + t
        for k in range(0, whole, 8):
            word = _word_at(row, np.uintp(k))
            used = _list(word, step, np.int64(8 * k), step_out, neuron_out, used)
        used = _list(_last_word(row), step, np.int64(8 * whole), step_out, neuron_out, used)


@inlined
def _list(bits, step, neuron, step_out, neuron_out, used):
    """Write one event per bit that is set; return how many events there are now."""
    if used + 2 <= len(step_out):
        # Written before it is known whether there are any: a branch would cost more.
        for _ in range(2):
            step_out[used], neuron_out[used] = step, neuron + np.int64(lowest_bit(bits))
            used += np.int64(bits != 0)
            bits &= bits - _ONE
    while bits:
        step_out[used], neuron_out[used] = step, neuron + np.int64(lowest_bit(bits))
        used += 1
        bits &= bits - _ONE
    return used


def tally_packed(packed, counts):
    """Add the spikes in rows of bits to the neurons' counts, which have room for 128 more."""
    whole = packed.shape[1] // 8 * 8
    for t in range(len(packed)):
        row = packed[t]
        for k in range(0, whole, 8):
            _tally(_word_at(row, np.uintp(k)), 8 * k, counts)
        _tally(_last_word(row), 8 * whole, counts)


@inlined
def _tally(bits, neuron, counts):
    for _ in range(2):  # added before it is known whether there are any, as above
        counts[neuron + np.int64(lowest_bit(bits))] += np.int64(bits != 0)
        bits &= bits - _ONE
    while bits:
        counts[neuron + np.int64(lowest_bit(bits))] += 1
        bits &= bits - _ONE


# --- numbers of spikes ----------------------------------------------------------------------------


def count_several(rows, counts):
    """Count the spikes of each row of numbers of spikes."""
    for t in range(len(rows)):
        total = np.int64(0)
        for k in range(rows.shape[1]):
            total += rows[t, k]
        counts[t] = total


def list_several(rows, first, step_out, neuron_out):
    """Write the events of rows of numbers of spikes, whose first one is the step ``first``."""
    used = 0
    for t in range(len(rows)):
        for k in range(rows.shape[1]):
            for _ in range(rows[t, k]):
                step_out[used], neuron_out[used] = first + t, k
                used += 1


# --- events ---------------------------------------------------------------------------------------


def mark_dense(step, neuron, first, rows):
    """Add the events to rows of numbers of spikes, whose first one is the step ``first``."""
    for e in range(len(step)):
        rows[step[e] - first, neuron[e]] += 1


def mark_packed(step, neuron, first, packed):
    """Set the bits of the events' neurons in rows of bits."""
    for e in range(len(step)):
        packed[step[e] - first, neuron[e] >> 3] |= np.uint8(1 << (neuron[e] & 7))


def check(step, neuron, offsets, steps, size):
    """Return the first event that is out of range or order, and the first that repeats another.

    Both are -1 if there is none. ``offsets`` may be empty.
    """
    suspects = 0
    for e in range(1, len(step)):  # without branches, it vectorises
        same = step[e] == step[e - 1]
        suspects += (step[e] < step[e - 1]) | (same & (neuron[e] <= neuron[e - 1]))
        suspects += (neuron[e] < 0) | (neuron[e] >= size)
    if len(step):
        suspects += (step[0] < 0) | (step[-1] >= steps) | (neuron[0] < 0) | (neuron[0] >= size)
    repeated = np.int64(-1)
    for e in range(len(step) if suspects else 0):
        if not (0 <= step[e] < steps and 0 <= neuron[e] < size):
            return np.int64(e), repeated
        if e and step[e] <= step[e - 1]:
            if step[e] < step[e - 1] or neuron[e] < neuron[e - 1]:
                return np.int64(e), repeated
            if neuron[e] == neuron[e - 1]:
                if len(offsets) and offsets[e] < offsets[e - 1]:
                    return np.int64(e), repeated
                if repeated < 0:
                    repeated = np.int64(e)
    return np.int64(-1), repeated


def sort_by_neuron(neuron, values, places, out):
    """Write each event's value to the next place of its neuron."""
    for e in range(len(neuron)):
        place = places[neuron[e]]
        out[place] = values[e]
        places[neuron[e]] = place + 1


# --- words ----------------------------------------------------------------------------------------


@intrinsic
def _number_of(typing_context, bits):
    """Return how many bits are set."""

    def codegen(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


def _pointer(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(builder.bitcast(data, cgutils.voidptr_t), [index])


@intrinsic
def _word_at(typing_context, row, j):
    """Return the 8 bytes from ``row[j]`` on, the first in the lowest bits."""

    def codegen(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(row, types.uintp), codegen


@intrinsic
def _spread(typing_context, bits, row, j):
    """Write 64 bits as bytes from ``row[j]`` on."""

    def codegen(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[1], args[1], args[2])
        lanes = ir.VectorType(ir.IntType(8), 64)
        flags = builder.bitcast(args[0], ir.VectorType(ir.IntType(1), 64))
        target = builder.bitcast(place, lanes.as_pointer())
        builder.store(builder.zext(flags, lanes), target, align=1)
        return context.get_dummy_value()

    return types.void(types.uint64, row, types.uintp), codegen


_LOOPS = {
    loop.__name__: loop
    for loop in (
        pack, unpack, count_packed, list_packed, tally_packed, count_several, list_several,
        mark_dense, mark_packed, check, sort_by_neuron,
    )
}  # fmt: skip
