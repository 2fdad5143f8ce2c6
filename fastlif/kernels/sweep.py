"""The sweep: one tile of neurons over a stretch of time, everything fused in one inner loop.

The caller owns every array and has checked them all. The types of the arguments choose the
variant that is compiled.
"""

import functools
from typing import Any

import numpy as np

from fastlif.kernels.access import (
    AT_DRIVE,
    AT_FIRED,
    AT_INPUT,
    constants_at,
    constants_of,
    count,
    drive_at,
    fetch,
    fired_row,
    load,
    part,
    row_of,
    save,
    store,
    stretch,
)
from fastlif.kernels.jit import compiled
from fastlif.kernels.physics import advance, drive, membrane_of
from fastlif.kernels.records import append, choose_membrane, choose_spikes, pack, room
from fastlif.kernels.rules import Rule

_SHORT = 128  # neurons


@functools.cache
def sweep_kernel(rule: Rule) -> Any:
    """Return the compiled sweep for one neuron's physics."""

    def sweep(
        first, begin, steps, size, constants, work, current,
        membrane, spikes, fired, counting, packed, events,
        chosen, places, chosen_membrane, every, chosen_spikes,
    ):  # fmt: skip
        """Advance a tile of ``size`` neurons, whose states stand in ``work``.

        Goes from step ``begin`` to ``steps`` of arrays whose first row is the run's step
        ``first``, or as far as ``events`` has room. Returns how far it came, and how much of
        ``events`` is used.

        ``constants`` is one set for all, or None where they stand in ``work``. ``current`` is
        (steps, size), or (steps,) where all neurons get the same, or None where it is constant
        and stands in ``work``. ``membrane`` (steps, size), ``spikes`` (steps, size), ``counting``,
        ``packed`` (steps, size/8) and ``events`` are None where not wanted; ``fired`` is
        scratch where something is made of spikes. ``chosen_membrane`` and ``chosen_spikes`` (all
        steps, columns) get, in their columns ``places``, the tile's neurons ``chosen``.
        """
        source = constants_of(constants, work)
        used = 0
        if current is None:
            for k in range(size):
                j = np.uintp(k)
                work[j + AT_DRIVE] = drive(rule, work[j + AT_INPUT], constants_at(source, j))

        # Where no membrane and no dense spikes are recorded, four steps at a time: states stay
        # in registers, and the rows of the next four are called for meanwhile. Short rows do not
        # repay that.
        if (
            membrane is None
            and spikes is None
            and chosen_membrane is None
            and (current is None or size >= _SHORT)
        ):
            while begin + 4 <= steps:
                if not room(events, used, 4 * size):
                    return begin, used
                row0, row1 = row_of(current, begin), row_of(current, begin + 1)
                row2, row3 = row_of(current, begin + 2), row_of(current, begin + 3)
                for a in range(0, size, stretch(current)):
                    b = min(a + stretch(current), size)
                    fetch(current, begin + 4, steps, a, b)
                    in0, in1 = part(row0, a, b), part(row1, a, b)
                    in2, in3 = part(row2, a, b), part(row3, a, b)
                    for k in range(b - a):
                        i, j = np.uintp(k), np.uintp(a + k)
                        c = constants_at(source, j)
                        state = load(rule, work, j)
                        state, s0 = advance(rule, state, drive_at(rule, in0, work, i, j, c), c)
                        state, s1 = advance(rule, state, drive_at(rule, in1, work, i, j, c), c)
                        state, s2 = advance(rule, state, drive_at(rule, in2, work, i, j, c), c)
                        state, s3 = advance(rule, state, drive_at(rule, in3, work, i, j, c), c)
                        save(rule, work, j, state)
                        count(counting, work, j, s0, s1, s2, s3)
                        store(fired, j, s0)
                        store(fired, j + AT_FIRED[1], s1)
                        store(fired, j + AT_FIRED[2], s2)
                        store(fired, j + AT_FIRED[3], s3)
                for k in range(4):
                    spike_row = fired_row(None, fired, k)
                    pack(packed, begin + k, spike_row, size)
                    used = append(events, used, first + begin + k, spike_row, size)
                    choose_spikes(chosen_spikes, first + begin + k, chosen, places, spike_row)
                begin += 4

        # One neuron: its state stays in registers.
        if chosen_membrane is None and events is None and size == 1:
            c, j = constants_at(source, np.uintp(0)), np.uintp(0)
            state = load(rule, work, j)
            for t in range(begin, steps):
                x = drive_at(rule, row_of(current, t), work, j, j, c)
                state, spike = advance(rule, state, x, c)
                spike_row = fired_row(row_of(spikes, t), fired, 0)
                store(row_of(membrane, t), j, membrane_of(state))
                store(spike_row, j, spike)
                count(counting, work, j, spike, False, False, False)
                pack(packed, t, spike_row, size)
                choose_spikes(chosen_spikes, first + t, chosen, places, spike_row)
            save(rule, work, j, state)
            return steps, used

        for t in range(begin, steps):
            if not room(events, used, size):
                return t, used
            row = row_of(current, t)
            membrane_row = row_of(membrane, t)
            spike_row = fired_row(row_of(spikes, t), fired, 0)
            for k in range(size):
                j = np.uintp(k)
                c = constants_at(source, j)
                x = drive_at(rule, row, work, j, j, c)
                state, spike = advance(rule, load(rule, work, j), x, c)
                save(rule, work, j, state)
                store(membrane_row, j, membrane_of(state))
                store(spike_row, j, spike)
                count(counting, work, j, spike, False, False, False)
            pack(packed, t, spike_row, size)
            used = append(events, used, first + t, spike_row, size)
            choose_membrane(chosen_membrane, first + t, every, chosen, places, work)
            choose_spikes(chosen_spikes, first + t, chosen, places, spike_row)
        return steps, used

    return compiled(sweep)
