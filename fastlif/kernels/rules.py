"""The physics: what one neuron does in one step. Each equation stands here and nowhere else.

A rule is two scalar functions that the kernels inline:

- ``drive(i, c)``: the input's part of the update. It does not depend on the membrane, so that a
  constant input's is computed once.
- ``advance(u, x, c)``: from the membrane ``u`` that enters the step and the drive ``x`` to the
  membrane that leaves it and the spike that the step reports.

``c`` holds the neuron's constants, in the order that its first rule unpacks them. The order of the
operations is a contract: in float32 it gives the bits of the source that each section names.

Two ways of writing the same thing are told apart with care. ``b - (theta if r else 0)`` is
``b - r*theta``, but also holds for an infinite threshold (``0*inf`` is NaN), and compiles to an
AND. ``b - r*b`` stays a product: it is what the source does to an infinite membrane.
"""

from collections.abc import Callable
from typing import NamedTuple

from fastlif.kernels.jit import rule

CONSTANTS = 5  # how many constants each rule gets; those it has no use for are zero


class Rule(NamedTuple):
    """One neuron's physics: two module-level functions, so that compiled code can be cached."""

    drive: Callable
    advance: Callable


@rule
def zero(u):
    """Return 0 in the dtype of ``u``."""
    return type(u)(0)


# --- Lapicque: snntorch.Lapicque ----------------------------------------------------------------
# b = i*R*(1/(R*C))*dt + (1 - dt/(R*C))*u. A spike is reported by the step whose membrane leaves
# above the threshold; the reset follows one step later.


@rule
def lapicque_drive(i, c):
    threshold, R, inverse_tau, time_step, keep = c
    return i * R * inverse_tau * time_step


@rule
def lapicque_charge(u, x, c):
    threshold, R, inverse_tau, time_step, keep = c
    return x + keep * u


@rule
def lapicque_subtract(u, x, c):
    threshold = c[0]
    b = lapicque_charge(u, x, c)
    v = b - (threshold if u > threshold else zero(u))
    return v, v > threshold


@rule
def lapicque_zero(u, x, c):
    threshold = c[0]
    b = lapicque_charge(u, x, c)
    v = b - (u > threshold) * b
    return v, v > threshold


@rule
def lapicque_none(u, x, c):
    v = lapicque_charge(u, x, c)
    return v, v > c[0]


# --- Leaky: snntorch.Leaky ----------------------------------------------------------------------
# b = beta*u + i. Spikes as Lapicque's. "zero" empties the membrane before the step, so the step's
# input survives. Without reset_delay the membrane that just fired is reset in the same step; a
# neuron that was still above the threshold and now is below gets that second reset undone
# (d = -1), as in the source.


@rule
def leaky_drive(i, c):
    return i


@rule
def leaky_charge(u, x, c):
    threshold, beta, _, _, _ = c
    return beta * u + x


@rule
def leaky_subtract(u, x, c):
    threshold = c[0]
    b = leaky_charge(u, x, c)
    v = b - (threshold if u > threshold else zero(u))
    return v, v > threshold


@rule
def leaky_zero(u, x, c):
    threshold = c[0]
    v = leaky_charge((not u > threshold) * u, x, c)
    return v, v > threshold


@rule
def leaky_none(u, x, c):
    v = leaky_charge(u, x, c)
    return v, v > c[0]


@rule
def leaky_subtract_now(u, x, c):
    threshold = c[0]
    before = u > threshold
    v, spike = leaky_subtract(u, x, c)
    once = v - threshold if spike and not before else v
    return (v + threshold if before and not spike else once), spike


@rule
def leaky_zero_now(u, x, c):
    before = u > c[0]
    v, spike = leaky_zero(u, x, c)
    kept = v - (spike and not before) * v
    return (v + v if before and not spike else kept), spike


# --- LIF: the notebook's leaky_integrate_and_fire, and without a reset leaky_integrate_neuron -----
# b = u + (dt/(R*C))*(-u + i*R). A spike is reported, and reset, by the step that the membrane
# enters above the threshold: one step after Lapicque would report it.


@rule
def lif_drive(i, c):
    threshold, R, rate, _, _ = c
    return i * R


@rule
def lif_charge(u, x, c):
    threshold, R, rate, _, _ = c
    return u + rate * (-u + x)


@rule
def lif_subtract(u, x, c):
    threshold = c[0]
    spike = u > threshold
    b = lif_charge(u, x, c)
    return b - (threshold if spike else zero(u)), spike


@rule
def lif_zero(u, x, c):
    spike = u > c[0]
    b = lif_charge(u, x, c)
    return b - spike * b, spike


@rule
def lif_none(u, x, c):
    return lif_charge(u, x, c), u > c[0]


LAPICQUE = {
    "subtract": Rule(lapicque_drive, lapicque_subtract),
    "zero": Rule(lapicque_drive, lapicque_zero),
    "none": Rule(lapicque_drive, lapicque_none),
}
LEAKY = {
    "subtract": Rule(leaky_drive, leaky_subtract),
    "zero": Rule(leaky_drive, leaky_zero),
    "none": Rule(leaky_drive, leaky_none),
}
LEAKY_NOW = {
    "subtract": Rule(leaky_drive, leaky_subtract_now),
    "zero": Rule(leaky_drive, leaky_zero_now),
    "none": LEAKY["none"],
}
LIF = {
    "subtract": Rule(lif_drive, lif_subtract),
    "zero": Rule(lif_drive, lif_zero),
    "none": Rule(lif_drive, lif_none),
}
