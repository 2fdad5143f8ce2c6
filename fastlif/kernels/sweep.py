"""The sweep: one tile of neurons over a stretch of time, everything fused in one inner loop.

The caller owns every array and has checked all of them. The types of the arguments choose the
variant that is compiled; the caller chooses the loop, so that only this one is compiled.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastlif.kernels.compose import Rule, advance
from fastlif.kernels.inputs import drive_at, part, prefetch_rows, prepare, row_of, stretch
from fastlif.kernels.jit import compiled, inlined, wide_vectors
from fastlif.kernels.layout import constants_at, load, save, shared_constants
from fastlif.kernels.records import (
    Records,
    after_step,
    has_room,
    keep,
    keep_four,
    membrane_row,
    scratch_row,
    spike_row,
    stream_rows,
    timing_of,
)
from fastlif.kernels.streaming import finish_streaming


@inlined
def step_by_step(rule, first, begin, steps, size, constants, work, current, records):
    """Advance the tile by one step at a time: the loop that suits every run."""
    wide_vectors()
    shared = shared_constants(rule, constants, work)
    timing, used = timing_of(rule, shared), 0
    prepare(rule, current, shared, work, size)
    for t in range(begin, steps):
        if not has_room(records, used, size):
            return t, used
        row = row_of(current, t)
        membranes, spikes = membrane_row(records, t), spike_row(records, t, 0)
        for k in range(size):
            j = np.uintp(k)
            c = constants_at(rule, shared, work, j)
            x = drive_at(rule, row, work, j, j, c)
            state, spike = advance(rule, load(rule, work, j), x, c)
            save(work, j, state)
            keep(records, membranes, spikes, work, j, state, spike)
        used = after_step(records, timing, spikes, t, first + t, used, size, work)
    return steps, used


@inlined
def streamed_steps(rule, first, begin, steps, size, constants, work, current, records):
    """Advance the tile by one step at a time, and write dense records past the caches.

    Their rows are copied from scratch, where the state stands anyway.
    """
    wide_vectors()
    shared = shared_constants(rule, constants, work)
    timing, used = timing_of(rule, shared), 0
    prepare(rule, current, shared, work, size)
    for t in range(begin, steps):
        if not has_room(records, used, size):
            finish_streaming()
            return t, used
        row, spikes = row_of(current, t), scratch_row(records)
        for k in range(size):
            j = np.uintp(k)
            c = constants_at(rule, shared, work, j)
            x = drive_at(rule, row, work, j, j, c)
            state, spike = advance(rule, load(rule, work, j), x, c)
            save(work, j, state)
            keep(records, None, spikes, work, j, state, spike)
        stream_rows(records, spikes, t, size, work)
        used = after_step(records, timing, spikes, t, first + t, used, size, work)
    finish_streaming()
    return steps, used


@inlined
def four_steps(rule, first, begin, steps, size, constants, work, current, records):
    """Advance the tile by four steps at a time, as far as there are four.

    States stay in registers, and the next four rows of the input are prefetched meanwhile. For
    runs that record no membrane, no dense spikes and no times within a step.
    """
    wide_vectors()
    shared = shared_constants(rule, constants, work)
    used = 0
    prepare(rule, current, shared, work, size)
    while begin + 4 <= steps:
        if not has_room(records, used, 4 * size):
            return begin, used
        row0, row1 = row_of(current, begin), row_of(current, begin + 1)
        row2, row3 = row_of(current, begin + 2), row_of(current, begin + 3)
        for a in range(0, size, stretch(current)):
            b = min(a + stretch(current), size)
            prefetch_rows(current, begin + 4, steps, a, b)
            in0, in1 = part(row0, a, b), part(row1, a, b)
            in2, in3 = part(row2, a, b), part(row3, a, b)
            for k in range(b - a):
                i, j = np.uintp(k), np.uintp(a + k)
                c = constants_at(rule, shared, work, j)
                state = load(rule, work, j)
                state, s0 = advance(rule, state, drive_at(rule, in0, work, i, j, c), c)
                state, s1 = advance(rule, state, drive_at(rule, in1, work, i, j, c), c)
                state, s2 = advance(rule, state, drive_at(rule, in2, work, i, j, c), c)
                state, s3 = advance(rule, state, drive_at(rule, in3, work, i, j, c), c)
                save(work, j, state)
                keep_four(records, work, j, s0, s1, s2, s3)
        for k in range(4):
            t, spikes = begin + k, spike_row(records, begin + k, k)
            used = after_step(records, None, spikes, t, first + t, used, size, work)
        begin += 4
    return begin, used


@inlined
def one_neuron(rule, first, begin, steps, size, constants, work, current, records):
    """Advance a tile of one neuron, whose state stays in registers.

    For runs that record no events and no selected membranes.
    """
    shared, j = shared_constants(rule, constants, work), np.uintp(0)
    prepare(rule, current, shared, work, 1)
    c = constants_at(rule, shared, work, j)
    state = load(rule, work, j)
    for t in range(begin, steps):
        membranes, spikes = membrane_row(records, t), spike_row(records, t, 0)
        x = drive_at(rule, row_of(current, t), work, j, j, c)
        state, spike = advance(rule, state, x, c)
        keep(records, membranes, spikes, work, j, state, spike)
        after_step(records, None, spikes, t, first + t, 0, 1, work)
    save(work, j, state)
    return steps, 0


@functools.cache
def sweep_kernel(rule: Rule, loop: Callable[..., Any]) -> Any:
    """Return the compiled sweep of one rule by one of the loops above."""

    def sweep(
        first, begin, steps, size, constants, work, current,
        membrane, spikes, scratch, counts, packed, events,
        selected, columns, selected_membrane, every, skip, selected_spikes,
    ):  # fmt: skip
        """Advance a tile of ``size`` neurons, whose states stand in ``work``.

        Goes from step ``begin`` to ``steps`` of arrays whose first row is the run's step
        ``first``, or as far as the loop goes and the events have room. Returns the step that was
        reached and how much of ``events`` is used.

        ``constants`` holds those that all neurons share, or is None if they stand in ``work``.
        ``current`` is an input as in inputs.py, and the other arguments are Records.
        """
        records = Records(
            membrane, spikes, scratch, counts, packed, events,
            selected, columns, selected_membrane, every, skip, selected_spikes,
        )  # fmt: skip
        return loop(rule, first, begin, steps, size, constants, work, current, records)

    return compiled(sweep)
