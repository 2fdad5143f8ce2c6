"""Surrogate gradients: derivatives that stand for that of a spike.

A spike is a step function of ``x``, the membrane minus the threshold, and its derivative is zero
almost everywhere. A surrogate replaces it when gradients are computed, and changes no spikes. The
names, parameters and defaults are those of ``snntorch.surrogate``.

Those of other simulators are among them: SpikingJelly's ``Sigmoid(4)`` is ``sigmoid(4)``, its
``ATan(2)`` is ``atan(2)``, and SuperSpike with a steepness of 100 is ``fast_sigmoid(100)``. Norse
1.1.0 ignores the steepness ``alpha`` of its SuperSpike, which is therefore ``fast_sigmoid(1)``.

Examples
--------
>>> import numpy as np
>>> from fastlif import surrogate
>>> surrogate.fast_sigmoid(slope=10).derivative(np.array([-0.1, 0.0, 0.1]))
array([0.25, 1.  , 0.25])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, choice, number, numbers
from fastlif.kernels.surrogates import SURROGATES, derivative_kernel

__all__ = [
    "LSO", "SFS", "Surrogate", "atan", "fast_sigmoid", "heaviside", "none", "sigmoid",
    "spike_rate_escape", "straight_through_estimator", "triangular",
]  # fmt: skip

_WORTH_COMPILING = 2**16  # numbers that Python takes a fraction of a second for


@dataclass(frozen=True)
class Surrogate:
    """A surrogate gradient; the functions of this module make them.

    Attributes
    ----------
    name : str
        The name of the function.
    parameters : tuple of float
        Its arguments.
    """

    name: str
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise if there is no such surrogate, or none with so many parameters."""
        expected = SURROGATES[choice("name", self.name, tuple(SURROGATES))].defaults
        if len(self.parameters) != len(expected):
            raise ValueError(
                f"parameters must be those of {self.name!r}, {tuple(expected)}, got "
                f"{self.parameters}"
            )

    @property
    def values(self) -> tuple[float, ...]:
        """What the kernels compute with."""
        return SURROGATES[self.name].values(*self.parameters)

    def derivative(self, x: ArrayLike) -> Numbers:
        """Return the surrogate of the derivative at ``x``, the membrane minus the threshold.

        Parameters
        ----------
        x : array_like
            Numbers of any shape.

        Returns
        -------
        numpy.ndarray
            In the shape of ``x``; float32 for an array of float32, else float64.
        """
        array = numbers("x", x)
        kind = np.float32 if array.dtype == np.float32 else np.float64
        function, values = SURROGATES[self.name].function, (*map(kind, self.values),)
        flat, found = np.ascontiguousarray(array, kind).reshape(-1), np.empty(array.size, kind)
        if flat.size < _WORTH_COMPILING:
            for k, each in enumerate(flat):
                found[k] = function(each, kind(1), values)
        else:
            derivative_kernel(function)(flat, np.array([*values, 0, 0][:2], kind), found)
        return found.reshape(array.shape)

    def __repr__(self) -> str:
        """Return the call that makes this surrogate."""
        given = zip(SURROGATES[self.name].defaults, self.parameters, strict=True)
        return f"{self.name}({', '.join(f'{name}={value:g}' for name, value in given)})"


def surrogate_of(value: str | Surrogate) -> Surrogate:
    """Return a surrogate that is given by itself or, with its defaults, by its name."""
    if isinstance(value, Surrogate):
        return value
    if not isinstance(value, str):
        raise TypeError(
            "surrogate must be one of fastlif.surrogate or the name of one, such as 'atan', got "
            f"{value!r}"
        )
    name = choice("surrogate", value, tuple(SURROGATES))
    return Surrogate(name, tuple(SURROGATES[name].defaults.values()))


def _positive(name: str, value: float) -> float:
    return number(name, value, above=0)


def _finite(name: str, value: float) -> float:
    return number(name, value, above=-math.inf)


def atan(alpha: float = 2.0) -> Surrogate:
    r"""Return the derivative of a shifted arc tangent, snnTorch's default.

    .. math:: \frac{\alpha / 2}{1 + (\frac{\pi}{2} \alpha x)^2}

    Parameters
    ----------
    alpha : float
        Steepness, positive.
    """
    return Surrogate("atan", (_positive("alpha", alpha),))


def fast_sigmoid(slope: float = 25.0) -> Surrogate:
    r"""Return the derivative of a fast sigmoid, also known as SuperSpike.

    .. math:: \frac{1}{(k |x| + 1)^2}

    Parameters
    ----------
    slope : float
        The steepness :math:`k`, positive.
    """
    return Surrogate("fast_sigmoid", (_positive("slope", slope),))


def sigmoid(slope: float = 25.0) -> Surrogate:
    r"""Return the derivative of a logistic function.

    .. math:: \frac{k e^{-k x}}{(e^{-k x} + 1)^2}

    Parameters
    ----------
    slope : float
        The steepness :math:`k`, positive.

    Notes
    -----
    Far below the threshold (``slope*x < -89`` in float32), snnTorch's gradient is NaN, because its
    exponential overflows. This one is the limit, 0.
    """
    return Surrogate("sigmoid", (_positive("slope", slope),))


def straight_through_estimator() -> Surrogate:
    """Return the derivative 1 everywhere."""
    return Surrogate("straight_through_estimator")


def triangular(threshold: float = 1.0) -> Surrogate:
    r"""Return snnTorch's triangular surrogate.

    .. math:: \theta \text{ for } x < 0, \quad -\theta \text{ otherwise}

    Parameters
    ----------
    threshold : float
        The height :math:`\theta`.
    """
    return Surrogate("triangular", (_finite("threshold", threshold),))


def spike_rate_escape(beta: float = 1.0, slope: float = 25.0) -> Surrogate:
    r"""Return the derivative of an escape rate.

    .. math:: k e^{-\beta |x - 1|}

    Parameters
    ----------
    beta : float
        The steepness :math:`\beta`, positive.
    slope : float
        The factor :math:`k`.
    """
    return Surrogate("spike_rate_escape", (_positive("beta", beta), _finite("slope", slope)))


def SFS(slope: float = 25.0, B: float = 1.0) -> Surrogate:
    r"""Return the sparse fast sigmoid: a fast sigmoid above ``B``, and 0 elsewhere.

    .. math:: \frac{1}{(k |x| + 1)^2} \text{ for } x > B, \quad 0 \text{ otherwise}

    Parameters
    ----------
    slope : float
        The steepness :math:`k`, positive.
    B : float
        The bound.
    """
    return Surrogate("SFS", (_positive("slope", slope), _finite("B", B)))


def LSO(slope: float = 0.1) -> Surrogate:
    """Return the derivative of a leaky rectifier: 1 for ``x > 0``, and ``slope`` elsewhere.

    Parameters
    ----------
    slope : float
        The derivative below the threshold.

    Notes
    -----
    ``snntorch.surrogate.LSO`` of version 1.0.0 calls another operator, which fails. This is the
    operator that its documentation describes.
    """
    return Surrogate("LSO", (_finite("slope", slope),))


def heaviside() -> Surrogate:
    """Return the spike itself as its derivative: 1 for ``x > 0``, and 0 elsewhere."""
    return Surrogate("heaviside")


def none() -> Surrogate:
    """Return the derivative 0 everywhere: spikes count as constants."""
    return Surrogate("none")
