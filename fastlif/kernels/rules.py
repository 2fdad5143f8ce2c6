"""The update rules: what one neuron computes in one step. Each equation is written only here.

A rule is a combination of small scalar functions, which the kernels inline:

- ``drive(i, c)``: the contribution of the input ``i``, independent of the membrane, so that it is
  computed only once for a constant input;
- ``synapse(syn, x, c)``: the current that the membrane receives, and the synaptic current after the
  step;
- ``charge(u, x, c)``: the membrane ``u`` after integrating the drive ``x`` over one step;
- ``fires(u, c)``: the spikes of a membrane: a bool, or the number of spikes;
- ``reset(b, s, c)``: the integrated membrane ``b`` after ``s`` spikes;
- ``limit(v, s, c)``: the membrane with its lower bound applied, if there is one;
- ``order``, in orders.py: the order of these operations, and which spike is reported.

``peers.py`` lists all rules. ``c`` contains the neuron's constants in the order given below. The
order of operations is part of the contract: it reproduces the sources bit for bit.

Two notations are distinguished on purpose. ``b - (theta if s else 0)`` equals ``b - s*theta``, but
is also correct for an infinite threshold (``0*inf`` is NaN) and compiles to an AND. ``b - s*b``
remains a product, because that is what the source computes for an infinite membrane.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fastlif.kernels.jit import rule

# The names of a neuron's constants, in their order in ``c``.
CONSTANTS = (
    "threshold",
    "gain",  # of the input: a resistance, or the resistance times factors of the step
    "rate",  # fraction of the distance to its target that the membrane covers in one step
    "keep",  # fraction of the membrane that remains after one step
    "step",  # the time step
    "rest",  # resting potential, or a constant current
    "tau",  # membrane time constant
    "reset",  # reset potential, or the amount to subtract
    "floor",  # lower bound of the membrane
    "period",  # refractory period
    "decay",  # of the synapse
    "most",  # maximum number of spikes per step
    "weight",  # of the input, before the synapse
)
THRESHOLD, GAIN, RATE, KEEP, STEP, REST, TAU, RESET, FLOOR, PERIOD, DECAY, MOST, WEIGHT = range(13)


@rule
def zero(u):
    """Return 0 with the dtype of ``u``."""
    return type(u)(0)


# --- drive: x from the input i ------------------------------------------------------------------


@rule
def raw(i, c):
    return i


@rule
def times_gain(i, c):
    return i * c[GAIN]


@rule
def to_target(i, c):
    return c[REST] + i * c[GAIN]


@rule
def plus_rest(i, c):
    return i + c[REST]


@rule
def with_rest_times_gain(i, c):
    return c[GAIN] * (i + c[REST])


@rule
def weighted(i, c):
    return i * c[WEIGHT]


@rule
def rectified(i, c):
    return (i if i > zero(i) else zero(i)) * c[STEP]


@rule
def lapicque_drive(i, c):
    return i * c[GAIN] * c[RATE] * c[STEP]  # i*R*(1/(R*C))*dt


# --- synapse: current to the membrane, and synaptic current after the step ----------------------


@rule
def used_then_leaks(syn, x, c):
    now = syn + x
    return now, now + c[DECAY] * now


@rule
def leaks_then_used(syn, x, c):
    now = c[DECAY] * (syn + x)
    return c[GAIN] * now, now


@rule
def filtered(syn, x, c):
    now = syn + c[DECAY] * (x - syn)
    return c[GAIN] * now + c[REST], now


# --- charge: b from u and x ---------------------------------------------------------------------


@rule
def relaxed(u, x, c):
    return u + c[RATE] * (x - u)  # Euler: rate = dt/tau; exact: 1 - exp(-dt/tau)


@rule
def relaxed_to_rest(u, x, c):
    return u + c[RATE] * ((c[REST] - u) + x)


@rule
def relaxed_by_division(u, x, c):
    return u + c[STEP] * (x - u) / c[TAU]


@rule
def leaked_and_jumped(u, x, c):
    return u + c[RATE] * (c[REST] - u) + x


@rule
def divided(u, x, c):
    return u + (x - (u - c[REST])) / c[TAU]


@rule
def divided_and_jumped(u, x, c):
    return u - (u - c[REST]) / c[TAU] + x


@rule
def kept(u, x, c):
    return c[KEEP] * u + x


@rule
def kept_with_rest(u, x, c):
    return c[KEEP] * u + x + c[REST]


@rule
def kept_then_jumped(u, x, c):
    return c[REST] + c[KEEP] * u + x


# Brian2's exact integration, in the two forms that its symbolic algebra generates: with tau, v_rest
# and R all numbers, and with at least one of them an array.


@rule
def brian2_exact(u, x, c):
    return c[REST] + (x + c[KEEP] * u - c[KEEP] * (c[REST] + x))


@rule
def brian2_exact_each(u, x, c):
    return x + c[KEEP] * u + c[REST] - (x + c[REST]) * c[KEEP]


# --- fires --------------------------------------------------------------------------------------


@rule
def above(u, c):
    return u > c[THRESHOLD]


@rule
def reached(u, c):
    return u >= c[THRESHOLD]


@rule
def how_often(u, c):
    times = np.floor(u / c[THRESHOLD])
    most = times if times < c[MOST] else c[MOST]
    return np.int32(most if u >= c[THRESHOLD] else zero(u))


# --- reset: v from b, after spikes s ------------------------------------------------------------


@rule
def by_threshold(b, s, c):
    return b - (c[THRESHOLD] if s else zero(b))


@rule
def by_amount(b, s, c):
    return b - (c[RESET] if s else zero(b))


@rule
def by_each_threshold(b, s, c):
    return b - type(b)(s) * c[THRESHOLD]


@rule
def to_value(b, s, c):
    return c[RESET] if s else b


@rule
def to_zero(b, s, c):
    return b - s * b


@rule
def emptied(b, s, c):
    return (not s) * b


@rule
def not_reset(b, s, c):
    return b


# --- limit --------------------------------------------------------------------------------------


@rule
def unlimited(v, s, c):
    return v


@rule
def floored(v, s, c):
    return c[FLOOR] if v < c[FLOOR] else v


@rule
def floored_unless_reset(v, s, c):
    return c[FLOOR] if v < c[FLOOR] and not s else v


@rule
def floored_by_difference(v, s, c):
    beyond = v - c[FLOOR]
    return (beyond if beyond > zero(v) else zero(v)) + c[FLOOR]


# --- meanwhile: the membrane after a step, from the membranes before and after integration ------


@rule
def held(u, v, active):
    # The addition of zero is necessary. Without it, the compiler sees that the loaded value is
    # stored again and uses a masked store, which takes several times as long.
    return (v if active else u) + zero(u)


@rule
def integrated(u, v, active):
    return v


class Rule(NamedTuple):
    """The update rule of a neuron.

    Its parts are module-level functions, so that compiled code can be cached.
    """

    drive: Callable
    charge: Callable
    fires: Callable
    reset: Callable
    order: Callable
    limit: Callable = unlimited
    synapse: Callable | None = None
    meanwhile: Callable = held
    refractory: bool = False  # whether ``order`` counts the remaining refractory steps

    @property
    def states(self) -> tuple[str, ...]:
        """The state variables of a neuron, by the names of State's fields."""
        names = ("mem", "refractory" if self.refractory else "", "syn" if self.synapse else "")
        return tuple(name for name in names if name)
