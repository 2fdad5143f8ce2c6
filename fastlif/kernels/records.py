"""What kernels record: three hooks, which the loops call, and the fields that they fill.

``has_room`` tells whether the records can take one more step, ``keep`` stores one neuron's part of
a step, and ``after_step`` makes bits, events and selected columns from a step's row of spikes. A
field that is None is not recorded and costs nothing: the overloads turn it into no code at all.
"""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from fastlif.kernels.jit import contiguous, inlined
from fastlif.kernels.layout import AT_COUNT, AT_MEMBRANE, ROW

# An event, until all are merged: the step in the upper bits, the place in the tile in the lower.
PLACE_BITS = 16
# The room that a buffer of events needs per neuron: four steps, with the number of each one's
# spikes.
ROOM = 2 * 4
_ONE = np.uint64(1)
# Four steps' spikes, as bytes, in a scratch array of their own.
_SCRATCH = tuple(np.uintp(k * ROW) for k in range(4))


class Records(NamedTuple):
    """The arrays that a tile's records go to; None for what is not recorded."""

    membrane: Any = None  # (steps, size)
    spikes: Any = None  # (steps, size)
    scratch: Any = None  # four rows of spikes, if something is made of them but ``spikes`` is None
    counts: Any = None  # (size,): the scratch's row COUNT, or an int64 array of several spikes
    packed: Any = None  # (steps, size/8)
    events: Any = None  # a buffer
    selected: Any = None  # the selected neurons of the tile
    columns: Any = None  # and their columns in
    selected_membrane: Any = None  # (all steps/every, columns)
    every: Any = None
    selected_spikes: Any = None  # (all steps, columns)


# --- the hooks ------------------------------------------------------------------------------------


@inlined
def has_room(records, used, size):
    """Tell whether the events of ``size`` neurons fit, and one that is written in advance."""
    return _has_room(records.events, used, size)


@inlined
def rows_at(records, t, k):
    """Return the rows of membrane and spikes that step ``t`` fills, the latter maybe scratch."""
    return _row(records.membrane, t), _spike_row(records.spikes, records.scratch, t, k)


@inlined
def keep(records, rows, work, j, state, spike):
    """Record the state and the spikes of the tile's neuron ``j`` after one step."""
    _store(rows[0], j, state[0])
    _store(rows[1], j, spike)
    _count(records.counts, work, j, spike, False, False, False)


@inlined
def keep_four(records, work, j, s0, s1, s2, s3):
    """Record the spikes of the tile's neuron ``j`` in four steps."""
    _count(records.counts, work, j, s0, s1, s2, s3)
    _store(records.scratch, j, s0)
    _store(records.scratch, j + _SCRATCH[1], s1)
    _store(records.scratch, j + _SCRATCH[2], s2)
    _store(records.scratch, j + _SCRATCH[3], s3)


@inlined
def after_step(records, spike_row, t, step, used, size, work):
    """Record what is made of the rows of step ``t``, the run's step ``step``.

    Returns how much of the events' buffer is used.
    """
    _pack(records.packed, t, spike_row, size)
    _select_membrane(
        records.selected_membrane, step, records.every, records.selected, records.columns, work
    )
    _select_spikes(records.selected_spikes, step, records.selected, records.columns, spike_row)
    return _append(records.events, used, step, spike_row, size)


# --- membrane, spikes and counts ------------------------------------------------------------------


def _row(array, t):
    """Return row ``t``, if there is one."""


@overload(_row)
def _overload_row(array, t):
    if isinstance(array, types.NoneType):
        return lambda array, t: None
    return lambda array, t: contiguous(array[t])


def _spike_row(spikes, scratch, t, k):
    """Return the row of step ``t``'s spikes: of the record, or row ``k`` of scratch, or None."""


@overload(_spike_row)
def _overload_spike_row(spikes, scratch, t, k):
    if not isinstance(spikes, types.NoneType):
        return lambda spikes, scratch, t, k: contiguous(spikes[t])
    if not isinstance(scratch, types.NoneType):
        return lambda spikes, scratch, t, k: scratch[k * ROW : (k + 1) * ROW]
    return lambda spikes, scratch, t, k: None


def _store(row, j, value):
    """Store ``value``, if it is recorded."""


@overload(_store)
def _overload_store(row, j, value):
    if isinstance(row, types.NoneType):
        return lambda row, j, value: None

    def write(row, j, value):
        row[j] = value

    return write


def _count(counts, work, j, s0, s1, s2, s3):
    """Count spikes of the tile's neuron ``j``."""


@overload(_count)
def _overload_count(counts, work, j, s0, s1, s2, s3):
    if isinstance(counts, types.NoneType):
        return lambda counts, work, j, s0, s1, s2, s3: None

    def add(counts, work, j, s0, s1, s2, s3):
        total = _add_to_bits(work[j + AT_COUNT], s0)
        work[j + AT_COUNT] = _add_to_bits(_add_to_bits(_add_to_bits(total, s1), s2), s3)

    def add_several(counts, work, j, s0, s1, s2, s3):
        counts[j] += np.int64(s0) + np.int64(s1) + np.int64(s2) + np.int64(s3)

    return add if s0 == types.boolean else add_several


@intrinsic
def _add_to_bits(typing_context, number, spike):
    """Interpret the bits of ``number`` as an integer, and add ``spike`` to it.

    The loops have enough float additions, and processors have more units for integers.
    """

    def codegen(context, builder, signature, args):
        integer = ir.IntType(signature.args[0].bitwidth)
        wide = types.int64 if integer.width == 64 else types.int32
        more = context.cast(builder, args[1], signature.args[1], wide)
        total = builder.add(builder.bitcast(args[0], integer), more)
        return builder.bitcast(total, args[0].type)

    return number(number, spike), codegen


# --- packed ---------------------------------------------------------------------------------------


def _pack(packed, t, spike_row, size):
    """Write step ``t``'s spikes as bits, 8 neurons per byte, the first in the lowest bit."""


@overload(_pack)
def _overload_pack(packed, t, spike_row, size):
    if isinstance(packed, types.NoneType) or isinstance(spike_row, types.NoneType):
        return lambda packed, t, spike_row, size: None

    def write(packed, t, spike_row, size):
        row = contiguous(packed[t])
        whole = size // 64 * 64
        for k in range(0, whole, 64):
            bits = _bits_at(spike_row, np.uintp(k))
            for b in range(8):
                row[k // 8 + b] = np.uint8(bits >> np.uint64(8 * b))
        for k in range(whole, size, 8):
            byte = np.uint8(0)
            for b in range(min(8, size - k)):
                byte |= np.uint8(spike_row[k + b]) << np.uint8(b)
            row[k // 8] = byte

    return write


@intrinsic
def _bits_at(typing_context, row, j):
    """Return as 64 bits whether each of the 64 bytes from ``row[j]`` on is not zero."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(builder.bitcast(data, cgutils.voidptr_t), [args[1]])
        lanes = ir.VectorType(ir.IntType(8), 64)
        spikes = builder.load(builder.bitcast(place, lanes.as_pointer()), align=1)
        fired = builder.icmp_unsigned("!=", spikes, ir.Constant(lanes, None))
        return builder.bitcast(fired, ir.IntType(64))

    return types.uint64(row, types.uintp), codegen


# --- events ---------------------------------------------------------------------------------------


def _has_room(events, used, size):
    """Tell whether ``events`` has room for one step of ``size`` neurons."""


@overload(_has_room)
def _overload_has_room(events, used, size):
    if isinstance(events, types.NoneType):
        return lambda events, used, size: True
    return lambda events, used, size: used + 2 * size < len(events)


def _append(events, used, step, spike_row, size):
    """Write the events of one step; return how much of ``events`` is used.

    If a neuron may fire several spikes, their number follows each event.
    """


@overload(_append)
def _overload_append(events, used, step, spike_row, size):
    if isinstance(events, types.NoneType) or isinstance(spike_row, types.NoneType):
        return lambda events, used, step, spike_row, size: used

    def write_several(events, used, step, spike_row, size):
        base = step << PLACE_BITS
        for k in range(size):
            if spike_row[k]:
                events[used], events[used + 1] = base | k, spike_row[k]
                used += 2
        return used

    if spike_row.dtype != types.boolean:
        return write_several

    def write(events, used, step, spike_row, size):
        base = step << PLACE_BITS
        whole = size // 64 * 64
        for k in range(0, whole, 64):
            bits = _bits_at(spike_row, np.uintp(k))
            # Written before it is known whether there are any: a branch would cost more.
            for _ in range(2):
                events[used] = base | k | np.int64(_lowest_bit(bits))
                used += np.int64(bits != 0)
                bits &= bits - _ONE
            while bits:
                events[used] = base | k | np.int64(_lowest_bit(bits))
                used += 1
                bits &= bits - _ONE
        for k in range(whole, size):
            if spike_row[k]:
                events[used] = base | k
                used += 1
        return used

    return write


@intrinsic
def _lowest_bit(typing_context, bits):
    """Return the position of the lowest bit that is set."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(0))

    return types.uint64(types.uint64), codegen


# --- selected neurons -----------------------------------------------------------------------------


def _select_membrane(into, step, every, selected, columns, work):
    """Write the selected neurons' membranes, if ``step`` is a multiple of ``every``."""


@overload(_select_membrane)
def _overload_select_membrane(into, step, every, selected, columns, work):
    if isinstance(into, types.NoneType):
        return lambda into, step, every, selected, columns, work: None

    def write(into, step, every, selected, columns, work):
        if step % every == 0:
            for k in range(len(selected)):
                into[step // every, columns[k]] = work[np.uintp(selected[k]) + AT_MEMBRANE]

    return write


def _select_spikes(into, step, selected, columns, spike_row):
    """Write the selected neurons' spikes."""


@overload(_select_spikes)
def _overload_select_spikes(into, step, selected, columns, spike_row):
    if isinstance(into, types.NoneType) or isinstance(spike_row, types.NoneType):
        return lambda into, step, selected, columns, spike_row: None

    def write(into, step, selected, columns, spike_row):
        for k in range(len(selected)):
            into[step, columns[k]] = spike_row[selected[k]]

    return write
