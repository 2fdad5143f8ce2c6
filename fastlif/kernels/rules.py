"""The physics: what one neuron does in one step. Each equation is here and nowhere else.

A neuron's rule is composed of small scalar functions, which the kernels inline:

- ``drive(i, c)``: the input's part of the update. It does not depend on the membrane, so the
  drive of a constant input is computed only once;
- ``synapse(syn, x, c)``: the current that the membrane receives, and the synaptic current after
  the step;
- ``charge(u, x, c)``: the membrane ``u`` after the integration of the drive ``x``;
- ``fires(u, c)``: the spikes of a membrane: a bool, or their number;
- ``reset(b, s, c)``: the charged membrane ``b`` after ``s`` spikes;
- ``again(v, d, c)``: the second reset of snnTorch's ``reset_delay=False``;
- ``limit(v, s, c)``: a lower bound of the membrane;
- ``hold(u, v, active)``: the membrane of a neuron that may be refractory.

``orders.py`` determines the sequence of these and which spike a step reports, ``compose.py`` joins
them, and ``catalogue.py`` lists the combinations. ``c`` holds the neuron's constants by the names
in ``CONSTANTS``. The order of operations is part of the contract: it reproduces the bits of the
sources.

Two notations of the same operation are distinguished with care. ``b - (theta if s else 0)`` equals
``b - s*theta``, but also holds for an infinite threshold (``0*inf`` is NaN) and compiles to an AND.
``b - s*b`` remains a product, because that is what the source does to an infinite membrane.

A part that can be differentiated is followed by its derivative: the function that takes the
gradient ``g`` at the part's result to the gradients at its arguments. ``adjoint.py`` joins them.
Their order of operations is that of PyTorch's autograd.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastlif.kernels.jit import as_computed, inlined, inlined_early, select

# The constants that a rule may read, in the order in which a kernel stores them, and what they are.
CONSTANTS = {
    "threshold": "spike threshold",
    "gain": "factor of the input: a resistance, or a product with one",
    "rate": "fraction of the distance to its target that the membrane moves in one step: step/tau, "
    "or 1 - exp(-step/tau) if the integration is exact",
    "keep": "fraction of the membrane that remains after one step",
    "step": "time step",
    "rest": "resting potential, or a current that always flows",
    "tau": "membrane time constant",
    "reset": "value to which a spike resets the membrane, or the amount that it subtracts",
    "minimum": "lower bound of the membrane",
    "period": "duration of the refractory period",
    "decay": "decay of the synaptic current in one step",
    "most": "largest number of spikes in one step",
    "weight": "factor of the input before the synapse",
}

DERIVATIVES: dict[Callable[..., Any], Callable[..., Any]] = {}  # of each part that has one


def derivative_of(part):
    """Mark a function as the derivative of ``part``."""

    def register(function):
        DERIVATIVES[part] = inlined(function)
        return DERIVATIVES[part]

    return register


@inlined
def zero(u):
    """Return 0 in the dtype of ``u``."""
    return type(u)(0)


# --- drive: x from the input i ------------------------------------------------------------------


@inlined
def raw(i, c):
    return i


@derivative_of(raw)
def _raw(g, c):
    return g


@inlined
def times_gain(i, c):
    return i * c.gain


@derivative_of(times_gain)
def _times_gain(g, c):
    return g * c.gain


@inlined
def to_target(i, c):
    return c.rest + i * c.gain


@derivative_of(to_target)
def _to_target(g, c):
    return g * c.gain


@inlined
def part_of_target(i, c):
    x = to_target(i, c)
    return x - x * c.keep


@inlined
def plus_rest(i, c):
    return i + c.rest


@derivative_of(plus_rest)
def _plus_rest(g, c):
    return g


@inlined
def with_rest_times_gain(i, c):
    return c.gain * (i + c.rest)


@inlined
def weighted(i, c):
    return i * c.weight


@inlined
def rectified(i, c):
    return (i if i > zero(i) else zero(i)) * c.step


@inlined
def lapicque_drive(i, c):
    return i * c.gain * c.rate * c.step  # i*R*(1/(R*C))*dt


@derivative_of(lapicque_drive)
def _lapicque_drive(g, c):
    return g * c.step * c.rate * c.gain


# --- synapse: the current of this step, and the synaptic current after it ------------------------


@inlined
def used_then_leaks(syn, x, c):
    now = syn + x
    return now, now + c.decay * now


@inlined
def leaks_then_used(syn, x, c):
    now = c.decay * (syn + x)
    return c.gain * now, now


@inlined
def filtered(syn, x, c):
    now = syn + c.decay * (x - syn)
    return c.gain * now + c.rest, now


# --- charge: b from u and x ---------------------------------------------------------------------
# A derivative returns the gradients at u and at x.


@inlined
def relaxed_by(u, x, rate):
    return u + rate * (x - u)


@inlined
def relaxed(u, x, c):
    return relaxed_by(u, x, c.rate)  # Euler: rate = dt/tau; exact: 1 - exp(-dt/tau)


@derivative_of(relaxed)
def _relaxed(g, c):
    toward = g * c.rate
    return g - toward, toward


@inlined
def relaxed_to_rest(u, x, c):
    return u + c.rate * ((c.rest - u) + x)


@inlined
def relaxed_by_division(u, x, c):
    return u + c.step * (x - u) / c.tau


@inlined
def leaked_and_jumped(u, x, c):
    return u + c.rate * (c.rest - u) + x


@inlined
def divided(u, x, c):
    return u + (x - (u - c.rest)) / c.tau


@derivative_of(divided)
def _divided(g, c):
    toward = g / c.tau
    return g - toward, toward


@inlined
def divided_and_jumped(u, x, c):
    return u - (u - c.rest) / c.tau + x


@derivative_of(divided_and_jumped)
def _divided_and_jumped(g, c):
    return g - g / c.tau, g


@inlined
def decayed(u, x, c):
    return c.keep * u + x


@derivative_of(decayed)
def _decayed(g, c):
    return g * c.keep, g


@inlined
def decayed_with_rest(u, x, c):
    return c.keep * u + x + c.rest


@inlined
def decayed_then_jumped(u, x, c):
    return c.rest + c.keep * u + x


# Brian2's exact integration, as its algebra system writes it: with tau, v_rest and R as numbers,
# and with one of them as a parameter of each neuron.


@inlined
def brian2_exact(u, x, c):
    return c.rest + (x + c.keep * u - c.keep * (c.rest + x))


@inlined
def brian2_exact_each(u, x, c):
    return x + c.keep * u + c.rest - (x + c.rest) * c.keep


# --- fires --------------------------------------------------------------------------------------


@inlined_early
def above(u, c):
    return u > c.threshold


@inlined_early
def reached(u, c):
    return u >= c.threshold


@inlined_early
def how_often(u, c):
    times = np.floor(u / c.threshold)
    most = times if times < c.most else c.most
    return np.int32(most if u >= c.threshold else zero(u))


# --- reset: v from b, after spikes s ------------------------------------------------------------
# A derivative returns the gradients at b, at s and at the threshold.


@inlined
def _product_if_finite(threshold, g):
    # Of an infinite threshold, 0: it is never reached, and a product would become NaN.
    return (threshold if threshold < type(g)(np.inf) else zero(g)) * g


@inlined_early
def by_threshold(b, s, c):
    return b - (c.threshold if s else zero(b))


@derivative_of(by_threshold)
def _by_threshold(g, b, s, c):
    return g, -_product_if_finite(c.threshold, g), -(g if s else zero(g))


@inlined_early
def by_amount(b, s, c):
    return b - (c.reset if s else zero(b))


@derivative_of(by_amount)
def _by_amount(g, b, s, c):
    return g, -(c.reset * g), zero(g)


@inlined_early
def by_each_threshold(b, s, c):
    return b - (type(b)(s) * c.threshold if s else zero(b))


@inlined_early
def to_value(b, s, c):
    return c.reset if s else b


@derivative_of(to_value)
def _to_value(g, b, s, c):
    return g * (zero(g) if s else type(g)(1)), (c.reset - b) * g, zero(g)


@inlined_early
def to_zero(b, s, c):
    return b - (b if s else zero(b) * b)  # s*b, of which both products are known at once


@derivative_of(to_zero)
def _to_zero(g, b, s, c):
    return g - (g if s else zero(g) * g), -(b * g), zero(g)


@inlined_early
def emptied(b, s, c):
    return zero(b) * b if s else b  # (not s)*b


@derivative_of(emptied)
def _emptied(g, b, s, c):
    return g * (zero(g) if s else type(g)(1)), -(b * g), zero(g)


@inlined_early
def not_reset(b, s, c):
    return b


@derivative_of(not_reset)
def _not_reset(g, b, s, c):
    return g, zero(g), zero(g)


# --- limit --------------------------------------------------------------------------------------


@inlined_early
def floored(v, s, c):
    return c.minimum if v < c.minimum else v


@inlined_early
def floored_unless_reset(v, s, c):
    return c.minimum if v < c.minimum and not s else v


@inlined_early
def floored_by_difference(v, s, c):
    beyond = v - c.minimum
    return (beyond if beyond > zero(v) else zero(v)) + c.minimum


# --- again: snnTorch's second reset, by d = 1, or undone by d = -1 -------------------------------
# With d = 0 nothing happens, also to an infinite membrane or threshold.


@inlined_early
def by_threshold_again(v, d, c):
    return v if d == 0 else v - type(v)(d) * c.threshold


@derivative_of(by_threshold_again)
def _by_threshold_again(g, v, d, c):
    return g, -_product_if_finite(c.threshold, g), -(type(g)(d) * g)


@inlined_early
def to_zero_again(v, d, c):
    return v - type(v)(d) * v


@derivative_of(to_zero_again)
def _to_zero_again(g, v, d, c):
    return g - type(g)(d) * g, -(v * g), zero(g)


# --- hold: the membrane in and after a refractory period, from the old and the next one ----------


@inlined_early
def held(u, v, active):
    return select(active, v, as_computed(u))


@inlined_early
def integrated(u, v, active):
    return v
