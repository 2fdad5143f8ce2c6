"""The sweep: one tile of neurons over a stretch of time, everything fused in one inner loop.

The caller owns every array and has checked them all. The types of the arguments choose the
variant that is compiled.
"""

import functools
from typing import Any

import numpy as np

from fastlif.kernels.access import (
    AT_DRIVE,
    AT_INPUT,
    AT_MEMBRANE,
    constants_at,
    constants_of,
    count,
    drive_at,
    row_of,
    store,
)
from fastlif.kernels.jit import compiled
from fastlif.kernels.records import append, choose_membrane, choose_spikes, pack, room
from fastlif.kernels.rules import Rule


@functools.cache
def sweep_kernel(physics: Rule) -> Any:
    """Return the compiled sweep for one neuron's physics."""
    drive, advance = physics

    def sweep(
        first, begin, steps, start, size, constants, work, current,
        membrane, spikes, counting, packed, events,
        chosen, places, chosen_membrane, every, chosen_spikes,
    ):  # fmt: skip
        """Advance the neurons ``start:start+size``, whose membranes stand in ``work``.

        Goes from step ``begin`` to ``steps`` of arrays whose first row is the run's step
        ``first``, or as far as ``events`` has room. Returns how far it came, and how much of
        ``events`` is used.

        ``constants`` is one set for all, or None where they stand in ``work``. ``current`` is
        (steps, size), or (steps,) where all neurons get the same, or None where it is constant
        and stands in ``work``. ``membrane`` (steps, size), ``spikes`` (steps, size), ``counting``,
        ``packed`` (steps, size/8) and ``events`` (2, room) are None where not wanted; what is made
        of spikes needs ``spikes``. ``chosen_membrane`` and ``chosen_spikes`` (all steps, columns)
        get, in their columns ``places``, the tile's neurons ``chosen``.
        """
        source = constants_of(constants, work)
        if current is None:
            for k in range(size):
                j = np.uintp(k)
                work[j + AT_DRIVE] = drive(work[j + AT_INPUT], constants_at(source, j))
        used = 0
        for t in range(begin, steps):
            if not room(events, used, size):
                return t, used
            row = row_of(current, t)
            membrane_row = row_of(membrane, t)
            spike_row = row_of(spikes, t)
            for k in range(size):
                j = np.uintp(k)
                c = constants_at(source, j)
                x = drive_at(drive, row, work, j, c)
                u, spike = advance(work[j + AT_MEMBRANE], x, c)
                work[j + AT_MEMBRANE] = u
                store(membrane_row, j, u)
                store(spike_row, j, spike)
                count(counting, work, j, spike)
            pack(packed, t, spike_row, size)
            used = append(events, used, first + t, start, spike_row, size)
            choose_membrane(chosen_membrane, first + t, every, chosen, places, work)
            choose_spikes(chosen_spikes, first + t, chosen, places, spike_row)
        return steps, used

    return compiled(sweep)
