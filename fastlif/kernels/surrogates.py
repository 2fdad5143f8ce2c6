"""Surrogate gradients: what a reverse sweep takes for the derivative of a spike.

A spike is a step function of ``x``, the distance of the membrane from the threshold, and has no
useful derivative. Each function returns the gradient at ``x`` from the gradient ``g`` that arrives
at the spike. ``p`` holds its parameters. The order of operations is that of the sources, so that
gradients have the same bits.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastlif.kernels.elementary import exp
from fastlif.kernels.jit import compiled, inlined, inlined_early
from fastlif.kernels.rules import zero


@inlined
def _exp(x):
    return type(x)(exp(np.float64(x)))


@inlined
def straight_through_estimator(x, g, p):
    return g


@inlined
def none(x, g, p):
    return zero(x)


@inlined
def atan(x, g, p):
    one = type(x)(1)
    y = x * p[1]
    return one / (one + y * y) * p[0] * g


@inlined
def fast_sigmoid(x, g, p):
    y = p[0] * abs(x) + type(x)(1)
    return g / (y * y)


@inlined_early
def triangular(x, g, p):
    y = g * p[0]
    return -y if x >= zero(x) else y


@inlined_early
def SFS(x, g, p):
    return fast_sigmoid(x, g, p) * (type(x)(1) if x > p[1] else zero(x))


@inlined_early
def heaviside(x, g, p):
    return g * (type(x)(1) if x > zero(x) else zero(x))


@inlined_early
def LSO(x, g, p):
    return g if x > zero(x) else p[0] * g


@inlined
def sigmoid(x, g, p):
    one = type(x)(1)
    y = _exp(-abs(p[0] * x))  # the derivative is even, and does not overflow on this side
    return g * p[0] * y / ((y + one) * (y + one))


@inlined
def spike_rate_escape(x, g, p):
    return g * p[1] * _exp(-p[0] * abs(x - type(x)(1)))


@functools.cache
def derivative_kernel(function: Callable[..., Any]) -> Any:
    """Return the compiled function that fills ``out`` with a surrogate's derivatives at ``x``."""

    def fill(x, values, out):
        for k in range(x.size):
            out[k] = function(x[k], type(x[k])(1), (values[0], values[1]))

    return compiled(fill)


class Surrogate(NamedTuple):
    """A surrogate gradient, as kernels call it."""

    function: Callable[..., Any]
    defaults: dict[str, float]  # the parameters that users know, with their defaults
    values: Callable[..., tuple[float, ...]] = lambda *given: given  # what ``p`` holds of them


SURROGATES = {
    "atan": Surrogate(atan, {"alpha": 2.0}, lambda alpha: (alpha / 2, math.pi / 2 * alpha)),
    "fast_sigmoid": Surrogate(fast_sigmoid, {"slope": 25.0}),
    "sigmoid": Surrogate(sigmoid, {"slope": 25.0}),
    "straight_through_estimator": Surrogate(straight_through_estimator, {}),
    "triangular": Surrogate(triangular, {"threshold": 1.0}),
    "spike_rate_escape": Surrogate(spike_rate_escape, {"beta": 1.0, "slope": 25.0}),
    "SFS": Surrogate(SFS, {"slope": 25.0, "B": 1.0}),
    "LSO": Surrogate(LSO, {"slope": 0.1}),
    "heaviside": Surrogate(heaviside, {}),
    "none": Surrogate(none, {}),
}
