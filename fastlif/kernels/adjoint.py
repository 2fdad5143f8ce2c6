"""Adjoints: a step of a rule in reverse, from gradients at its results to those at its arguments.

Each order of orders.py that can be differentiated has its reverse here. It takes the derivatives of
the rule's parts, and returns the function ``back(u, v, x, g, gs, c, values)``:

- ``u`` and ``v`` are the membranes that enter and leave the step, and ``x`` is its drive;
- ``g`` is the gradient that arrives at ``v`` from the loss and from later steps, ``gs`` the one
  that arrives at the spikes;
- ``c`` holds the neuron's constants, and ``values`` the parameters of the surrogate.

It returns the gradients at ``u``, at ``x``, at the fraction ``keep``, and at the threshold. Spikes
are differentiated by a surrogate, ``slope``. A reset is differentiated only where the source does
that: elsewhere it counts as a constant ("detached").

The gradient at ``v`` is the sum of what arrives from the loss, ``gm``, and of ``carried``, the
gradient at the next step's ``u``. ``arrive(gm, carried, v, c)`` adds them.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlif.kernels import orders
from fastlif.kernels.compose import Rule
from fastlif.kernels.jit import inlined
from fastlif.kernels.rules import DERIVATIVES, to_zero, zero


class Adjoint(NamedTuple):
    """A step in reverse, as kernels call it."""

    back: Callable[..., Any]
    arrive: Callable[..., Any]
    reads_drive: bool  # because the membrane before its reset is computed again


class _Parts(NamedTuple):
    """The parts of a rule, their derivatives, and the surrogate."""

    charge: Any
    fires: Any
    reset: Any
    d_charge: Any
    d_reset: Any
    d_again: Any
    slope: Callable[..., Any]
    spikes_and: Callable[..., Any]  # adds a gradient that arrives at spikes from the reset


class NoGradientError(TypeError):
    """A rule has a part that is not differentiated."""


def resets_later(rule: Rule) -> bool:
    """Tell whether a spike resets the membrane in the next step: snnTorch detaches this reset."""
    return rule.order in (orders.delayed, orders.delayed_before_charge)


def reads_drive(rule: Rule, detached: bool) -> bool:
    """Tell whether the reverse of ``rule`` needs the input."""
    if rule.order is orders.entering:
        return not detached
    return not resets_later(rule)


@functools.cache
def adjoint_of(rule: Rule, slope: Callable[..., Any], detached: bool) -> Adjoint:
    """Return the reverse of ``rule`` with a surrogate, and with a detached reset or not."""
    check_differentiable(rule)
    d_charge, d_reset, d_again = (
        None if part is None else DERIVATIVES[part]
        for part in (rule.charge, rule.reset, rule.again)
    )
    both = _alone if detached else _both
    parts = _Parts(rule.charge, rule.fires, rule.reset, d_charge, d_reset, d_again, slope, both)
    if rule.order is orders.delayed and rule.reset is to_zero:
        back, arrive = _delayed_to_zero(parts)
        return Adjoint(back, arrive, False)
    back = _REVERSE[rule.order](parts)
    return Adjoint(back, _arrive, reads_drive(rule, detached))


def check_differentiable(rule: Rule) -> None:
    """Raise NoGradientError if a part of ``rule`` has no derivative."""
    if rule.order not in _REVERSE:
        raise NoGradientError(_WITHOUT.get(rule.order, "its order of operations"))
    if rule.synapse is not None:
        raise NoGradientError("its synaptic current")
    if rule.limit is not None:
        raise NoGradientError("its lower bound of the membrane")
    for part in (rule.drive, rule.charge, rule.reset, rule.again):
        if part is not None and part not in DERIVATIVES:
            raise NoGradientError(f"the part {part.__name__!r} of its equation")


_WITHOUT = {
    orders.refractory_entering: "its refractory period",
    orders.refractory_at_once: "its refractory period",
    orders.refractory_delayed: "its refractory period",
    orders.within_step: "spikes that have times within a step (within_step)",
}


@inlined
def _alone(gs, g):
    return gs


@inlined
def _both(gs, g):
    return gs + g


@inlined
def _arrive(gm, carried, v, c):
    return gm + carried


# --- the orders in reverse ------------------------------------------------------------------------


def _delayed(p):
    fires, d_charge, d_reset, slope = p.fires, p.d_charge, p.d_reset, p.slope

    @inlined
    def back(u, v, x, g, gs, c, values):
        a = slope(v - c.threshold, gs, values)
        g_reset, _, at_threshold = d_reset(g + a, zero(u), fires(u, c), c)
        g_u, g_x = d_charge(g_reset, c)
        return g_u, g_x, g_reset * u, at_threshold - a

    return back


def _delayed_to_zero(p):
    # snnTorch's Lapicque computes the charged membrane b twice, in b - r*b, and autograd adds the
    # gradients of both: so ``arrive`` has to apply the reset, between what it adds.
    fires, d_charge, d_reset, slope = p.fires, p.d_charge, p.d_reset, p.slope

    @inlined
    def back(u, v, x, g, gs, c, values):
        a = slope(v - c.threshold, gs, values)
        total = g + a
        g_reset, _, at_threshold = d_reset(total, zero(u), fires(u, c), c)
        g_u, _ = d_charge(total, c)
        _, g_x = d_charge(g_reset, c)
        return g_u, g_x, g_reset * u, at_threshold - a

    @inlined
    def arrive(gm, carried, v, c):
        return (gm - (carried if fires(v, c) else zero(v) * carried)) + carried

    return back, arrive


def _delayed_before_charge(p):
    fires, reset, d_charge, d_reset, slope = p.fires, p.reset, p.d_charge, p.d_reset, p.slope

    @inlined
    def back(u, v, x, g, gs, c, values):
        a, r = slope(v - c.threshold, gs, values), fires(u, c)
        total = g + a
        g_u, g_x = d_charge(total, c)
        g_u, _, at_threshold = d_reset(g_u, u, r, c)
        return g_u, g_x, total * reset(u, r, c), at_threshold - a

    return back


def _snntorch_at_once(p):
    charge, fires, reset, slope, both = p.charge, p.fires, p.reset, p.slope, p.spikes_and
    d_charge, d_reset, d_again = p.d_charge, p.d_reset, p.d_again

    @inlined
    def back(u, v, x, g, gs, c, values):
        r = fires(u, c)
        before = reset(charge(u, x, c), r, c)  # the second reset
        d = np.int8(fires(before, c)) - np.int8(r)
        g_before, g_spikes, again_at_threshold = d_again(g, before, d, c)
        a = slope(before - c.threshold, both(gs, g_spikes), values)
        g_reset, _, at_threshold = d_reset(g_before + a, zero(u), r, c)
        g_u, g_x = d_charge(g_reset, c)
        return g_u, g_x, g_reset * u, again_at_threshold + at_threshold - a

    return back


def _snntorch_at_once_before_charge(p):
    charge, fires, reset, slope, both = p.charge, p.fires, p.reset, p.slope, p.spikes_and
    d_charge, d_reset, d_again = p.d_charge, p.d_reset, p.d_again

    @inlined
    def back(u, v, x, g, gs, c, values):
        r = fires(u, c)
        left = reset(u, r, c)
        before = charge(left, x, c)
        d = np.int8(fires(before, c)) - np.int8(r)
        g_before, g_spikes, again_at_threshold = d_again(g, before, d, c)
        a = slope(before - c.threshold, both(gs, g_spikes), values)
        total = g_before + a
        g_u, g_x = d_charge(total, c)
        g_u, _, at_threshold = d_reset(g_u, u, r, c)
        return g_u, g_x, total * left, again_at_threshold + at_threshold - a

    return back


def _at_once(p):
    charge, fires, slope, both = p.charge, p.fires, p.slope, p.spikes_and
    d_charge, d_reset = p.d_charge, p.d_reset

    @inlined
    def back(u, v, x, g, gs, c, values):
        b = charge(u, x, c)
        g_b, g_spikes, at_threshold = d_reset(g, b, fires(b, c), c)
        a = slope(b - c.threshold, both(gs, g_spikes), values)
        total = g_b + a
        g_u, g_x = d_charge(total, c)
        return g_u, g_x, total * u, at_threshold - a

    return back


def _entering(p):
    charge, fires, slope, both = p.charge, p.fires, p.slope, p.spikes_and
    d_charge, d_reset = p.d_charge, p.d_reset

    @inlined
    def back(u, v, x, g, gs, c, values):
        g_b, g_spikes, at_threshold = d_reset(g, charge(u, x, c), fires(u, c), c)
        g_u, g_x = d_charge(g_b, c)
        a = slope(u - c.threshold, both(gs, g_spikes), values)
        return g_u + a, g_x, g_b * u, at_threshold - a

    return back


_REVERSE: dict[Callable[..., Any], Callable[[_Parts], Any]] = {
    orders.entering: _entering,
    orders.at_once: _at_once,
    orders.delayed: _delayed,
    orders.delayed_before_charge: _delayed_before_charge,
    orders.snntorch_at_once: _snntorch_at_once,
    orders.snntorch_at_once_before_charge: _snntorch_at_once_before_charge,
}
