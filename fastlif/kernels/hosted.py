"""A step in three parts, for simulators that act on the membrane between them.

Such a host applies the reset itself, and stores the time of the last spike of each neuron instead
of the rest of its refractory period. All arrays are contiguous, and the caller has checked them.
"""

import functools
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastlif.kernels.compose import Rule, constants_class
from fastlif.kernels.jit import as_computed, compiled, inlined, select, wide_vectors
from fastlif.kernels.rules import CONSTANTS

# The constants that a charge may read here. Each is a number, or an array of one value per neuron.
NAMES = ("gain", "rest", "rate", "keep", "step", "tau")
_Constants = constants_class(tuple(name for name in CONSTANTS if name in (*NAMES, "threshold")))
_CHUNK = 64  # neurons that are tested for a spike together


def _item(values, j):
    """Return neuron ``j``'s value of what is an array, or one number for all."""


@overload(_item)
def _overload_item(values, j):
    if isinstance(values, types.Array):
        return lambda values, j: values[j]
    return lambda values, j: values


def _held(active, j, old, new):
    """Return the membrane ``new``, or ``old`` if neuron ``j`` is not active."""


@overload(_held)
def _overload_held(active, j, old, new):
    if isinstance(active, types.NoneType):
        return lambda active, j, old, new: new
    return lambda active, j, old, new: select(active[j], new, old)


def _fired(active, j, s):
    """Return the spike ``s``, unless neuron ``j`` is not active."""


@overload(_fired)
def _overload_fired(active, j, s):
    if isinstance(active, types.NoneType):
        return lambda active, j, s: s
    return lambda active, j, s: s & active[j]


def _mark(active, last, j, now):
    """Note that neuron ``j`` fired ``now``."""


@overload(_mark)
def _overload_mark(active, last, j, now):
    if isinstance(active, types.NoneType):
        return lambda active, last, j, now: None

    def mark(active, last, j, now):
        active[j] = False
        last[j] = now

    return mark


@functools.cache
def recover_kernel() -> Any:
    """Return ``recover(active, last, now, least)``.

    A neuron is active if at least the time ``least`` has passed since its last spike.
    """

    def recover(active, last, now, least):
        wide_vectors()
        for k in range(active.size):
            j = np.uintp(k)
            active[j] = now - last[j] >= _item(least, j)

    return compiled(recover)


@functools.cache
def charge_kernel(rule: Rule) -> Any:
    """Return ``charge(mem, cur, *constants, active)``: the integration of one step, in place.

    ``constants`` are in the order of NAMES. Neurons that are not active keep their membrane;
    ``active`` is None if all neurons are integrated.
    """
    drive, charge = rule.drive, rule.charge

    def integrate(mem, cur, gain, rest, rate, keep, step, tau, active):
        wide_vectors()
        for k in range(mem.size):
            j = np.uintp(k)
            c = _Constants(
                threshold=0.0,
                gain=_item(gain, j),
                rate=_item(rate, j),
                keep=_item(keep, j),
                step=_item(step, j),
                rest=_item(rest, j),
                tau=_item(tau, j),
            )
            u = mem[j]
            b = charge(u, drive(_item(cur, j), c), c)
            mem[j] = as_computed(_held(active, j, u, b))

    return compiled(integrate)


@functools.cache
def fire_kernel(fires: Any) -> Any:
    """Return ``fire(mem, threshold, events, active, last, now)``: the test for spikes.

    The indices of the neurons that fire are the first items of ``events``, and their number is the
    last one. Only active neurons fire; they become inactive, and ``now`` is their last spike.
    """

    @inlined
    def spike(mem, threshold, active, j):
        value = _item(threshold, j)
        c = _Constants(
            threshold=value, gain=0.0, rate=0.0, keep=0.0, step=0.0, rest=0.0, tau=0.0
        )
        return _fired(active, j, fires(mem[j], c))

    def fire(mem, threshold, events, active, last, now):
        wide_vectors()
        count, size = 0, mem.size
        for start in range(0, size, _CHUNK):
            stop = min(start + _CHUNK, size)
            some = 0
            for k in range(start, stop):
                some += spike(mem, threshold, active, np.uintp(k))
            if some:
                for k in range(start, stop):
                    j = np.uintp(k)
                    if spike(mem, threshold, active, j):
                        events[count] = k
                        count += 1
                        _mark(active, last, j, now)
        events[size] = count

    return compiled(fire)
