"""What kernels record: three hooks, which the loops call, and the fields that they fill.

``has_room`` tells whether the records can take one more step, ``keep`` stores one neuron's part of
a step, and ``after_step`` makes bits, events and selected columns from a step's row of spikes. A
field that is None is not recorded and becomes no code at all.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from fastlif.kernels.bits import add_to_bits, pack
from fastlif.kernels.events import append, append_timed
from fastlif.kernels.jit import contiguous
from fastlif.kernels.layout import AT_COUNT, AT_MEMBRANE, ROW
from fastlif.kernels.streaming import stream_row

# Four steps' spikes, as bytes, in a scratch array of their own.
_SCRATCH = tuple(np.uintp(k * ROW) for k in range(4))


class Records(NamedTuple):
    """The arrays that a tile's records go to; None for what is not recorded."""

    membrane: Any = None  # (steps, size)
    spikes: Any = None  # (steps, size)
    scratch: Any = None  # four rows of spikes, if something is made of them but ``spikes`` is None,
    # or if ``spikes`` is streamed
    counts: Any = None  # (size,): the scratch's row COUNT, or an int64 array of several spikes
    packed: Any = None  # (steps, size/8)
    events: Any = None  # a buffer
    selected: Any = None  # the selected neurons of the tile
    columns: Any = None  # and their columns in
    selected_membrane: Any = None  # (rows, columns): of the step ``skip``, and of each ``every``-th
    every: Any = None
    skip: Any = None
    selected_spikes: Any = None  # (all steps, columns)


# --- the hooks ------------------------------------------------------------------------------------
# What is not recorded is known from the type of ``records``. Numba removes branches on such names
# from a closure before it compiles: this takes less time than an empty function per record.


def _recorded(records, *names):
    """Tell for each name whether the field of the type ``records`` is an array."""
    kinds = dict(zip(Records._fields, records.types, strict=True))
    return [not isinstance(kinds[name], types.NoneType) for name in names]


def has_room(records, used, size):
    """Tell whether the events of ``size`` neurons fit, and one that is written in advance."""


@overload(has_room)
def _overload_has_room(records, used, size):
    (events,) = _recorded(records, "events")
    if not events:
        return lambda records, used, size: True
    return lambda records, used, size: used + 2 * size < len(records.events)


def membrane_row(records, t):
    """Return the row of membranes that step ``t`` fills, or None."""


@overload(membrane_row)
def _overload_membrane_row(records, t):
    (membrane,) = _recorded(records, "membrane")
    if not membrane:
        return lambda records, t: None
    return lambda records, t: contiguous(records.membrane[t])


def spike_row(records, t, k):
    """Return the row of spikes that step ``t`` fills: of the record or of scratch, or None."""


@overload(spike_row)
def _overload_spike_row(records, t, k):
    spikes, scratch = _recorded(records, "spikes", "scratch")
    if spikes:
        return lambda records, t, k: contiguous(records.spikes[t])
    if scratch:
        return lambda records, t, k: records.scratch[k * ROW : (k + 1) * ROW]
    return lambda records, t, k: None


def scratch_row(records):
    """Return a row of scratch for a step's spikes, or None."""


@overload(scratch_row)
def _overload_scratch_row(records):
    (scratch,) = _recorded(records, "scratch")
    if scratch:
        return lambda records: records.scratch[:ROW]
    return lambda records: None


def stream_rows(records, spikes, t, size, work):
    """Copy the rows of step ``t`` from scratch to dense records, past the caches."""


@overload(stream_rows)
def _overload_stream_rows(records, spikes, t, size, work):
    membrane, dense_spikes = _recorded(records, "membrane", "spikes")

    def copy(records, spikes, t, size, work):
        if membrane:
            stream_row(contiguous(records.membrane[t]), work[AT_MEMBRANE : AT_MEMBRANE + ROW], size)
        if dense_spikes:
            stream_row(contiguous(records.spikes[t]), spikes, size)

    return copy


def keep(records, membranes, spikes, work, j, state, spike):
    """Record the state and the spikes of the tile's neuron ``j`` after one step."""


@overload(keep)
def _overload_keep(records, membranes, spikes, work, j, state, spike):
    has_membrane, has_spikes = not _is_none(membranes), not _is_none(spikes)
    (counts,) = _recorded(records, "counts")
    several = spike != types.boolean

    def write(records, membranes, spikes, work, j, state, spike):
        if has_membrane:
            membranes[j] = state[0]
        if has_spikes:
            spikes[j] = spike
        if counts:
            if several:
                records.counts[j] += spike
            else:
                work[j + AT_COUNT] = add_to_bits(work[j + AT_COUNT], spike)

    return write


def keep_four(records, work, j, s0, s1, s2, s3):
    """Record the spikes of the tile's neuron ``j`` in four steps."""


@overload(keep_four)
def _overload_keep_four(records, work, j, s0, s1, s2, s3):
    counts, scratch = _recorded(records, "counts", "scratch")
    several = s0 != types.boolean

    def write(records, work, j, s0, s1, s2, s3):
        if counts:
            if several:
                records.counts[j] += np.int64(s0) + np.int64(s1) + np.int64(s2) + np.int64(s3)
            else:
                total = add_to_bits(add_to_bits(work[j + AT_COUNT], s0), s1)
                work[j + AT_COUNT] = add_to_bits(add_to_bits(total, s2), s3)
        if scratch:
            row = records.scratch
            row[j], row[j + _SCRATCH[1]] = s0, s1
            row[j + _SCRATCH[2]], row[j + _SCRATCH[3]] = s2, s3

    return write


@intrinsic
def timing_of(typing_context, rule, shared):
    """Return what tells the times of spikes within a step, or None for a rule that has none.

    This is not left to ``after_step``, which would then be compiled for each rule.
    """
    if not rule.rule.timed:
        return types.none(rule, shared), lambda context, *_: context.get_dummy_value()

    def codegen(context, builder, signature, args):
        return context.make_tuple(builder, signature.return_type, args)

    return types.Tuple((rule, shared))(rule, shared), codegen


def after_step(records, timing, spikes, t, step, used, size, work):
    """Record what is made of the row of spikes of step ``t``, the run's step ``step``.

    Returns how much of the events' buffer is used. For selected membranes and for ``timing``,
    ``work`` holds the state after the step.
    """


@overload(after_step)
def _overload_after_step(records, timing, spikes, t, step, used, size, work):
    packed, events, selected_membrane, selected_spikes = _recorded(
        records, "packed", "events", "selected_membrane", "selected_spikes"
    )

    timed = events and not _is_none(timing)

    def write(records, timing, spikes, t, step, used, size, work):
        if packed:
            pack(contiguous(records.packed[t]), spikes, size)
        # Before ``skip``, which is less than ``every``, the difference is no multiple of it.
        if selected_membrane and (step - records.skip) % records.every == 0:
            into = records.selected_membrane[(step - records.skip) // records.every]
            for k in range(len(records.selected)):
                into[records.columns[k]] = work[np.uintp(records.selected[k]) + AT_MEMBRANE]
        if selected_spikes:
            for k in range(len(records.selected)):
                records.selected_spikes[step, records.columns[k]] = spikes[records.selected[k]]
        if timed:
            used = append_timed(records.events, timing, used, step, spikes, size, work)
        elif events:
            used = append(records.events, used, step, spikes, size)
        return used

    return write


def _is_none(kind):
    return isinstance(kind, types.NoneType)
