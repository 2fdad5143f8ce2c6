"""The neurons: their parameters, checked once and never changed, and their constants."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, Parameter, choice, flag, optional, parameter
from fastlif.kernels import peers, rules
from fastlif.neuron import Neuron

RESETS = ("subtract", "zero", "none")


def ratio(time_step: Parameter, R: Parameter, C: Parameter) -> Numbers:
    """Return time_step/(R*C), rounded as NumPy does: Python's numbers are doubles."""
    tau = R * C
    if isinstance(tau, float) and tau == 0:
        return np.asarray(math.inf)
    with np.errstate(all="ignore"):
        return np.asarray(time_step / tau)


def warn_unstable(rates: ArrayLike, stacklevel: int = 4) -> None:
    """Warn where an Euler step is longer than the time constant."""
    worst = float(np.max(rates, initial=0.0))
    if worst > 1:
        warnings.warn(
            f"time_step is {worst:.3g} times R*C: Euler's method overshoots where it is more than "
            "1 and diverges where it is more than 2",
            stacklevel=stacklevel,
        )


@dataclass(frozen=True, eq=False)
class Lapicque(Neuron):
    r"""Lapicque's RC-circuit neuron, bit for bit that of ``snntorch.Lapicque`` in float32.

    .. math::

        b = i R \frac{1}{RC} \Delta t + \left(1 - \frac{\Delta t}{RC}\right) u, \qquad
        r = [u > \theta]

    and the membrane that leaves the step is ``b - r*threshold`` ("subtract"), ``b - r*b``
    ("zero") or ``b`` ("none").

    **When a spike is reported**: by the step whose membrane *leaves* above the threshold; the
    reset follows in the next step. :class:`LIF`, the same circuit, reports it one step later.

    Parameters
    ----------
    beta : float or array_like, optional
        Decay rate, between 0 and 1, from which the R or C that is not given is inferred:
        ``R*C = time_step/log(1/beta)``, with R = 1 if neither is given. The steps remain
        Euler's, so that the membrane really decays by ``1 + log(beta)`` a step, not by beta.
        snnTorch takes the logarithm in single precision, and its last bit differs between
        machines; here it is correctly rounded.
    R, C : float or array_like, optional
        Resistance (ohm) and capacitance (farad), positive. Give both, or beta and at most one.
    time_step : float or array_like
        Step (second), positive.
    threshold : float or array_like
        Membrane potential (volt) above which the neuron fires; may be infinite.
    reset_mechanism : {"subtract", "zero", "none"}
        What a spike does to the membrane.

    Notes
    -----
    Parameters are cast to the state's dtype, float32 or float64, before anything is derived from
    them. Arrays have a value for each neuron and broadcast with the population.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range, or if too many or too few
        of beta, R and C are given.

    Warns
    -----
    UserWarning
        If time_step is longer than R*C: Euler's method overshoots.

    References
    ----------
    L. Lapicque (1907), J. Physiol. Pathol. Gen. 9, 620-635. ``snntorch.Lapicque``, version 1.0.0.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> neuron = fastlif.Lapicque(R=5, C=1e-3, time_step=1e-3)
    >>> run = neuron.run(np.zeros((3, 1), np.float32), initial=0.9)
    >>> run.membrane[:, 0]
    array([0.71999997, 0.576     , 0.4608    ], dtype=float32)
    """

    beta: Parameter | None = None
    R: Parameter | None = None
    C: Parameter | None = None
    time_step: Parameter = 1.0
    threshold: Parameter = 1.0
    reset_mechanism: str = "subtract"

    _rules: ClassVar = peers.LAPICQUE

    def __post_init__(self) -> None:
        given = [name for name in ("beta", "R", "C") if getattr(self, name) is not None]
        if given not in (["R", "C"], ["beta"], ["beta", "R"], ["beta", "C"]):
            raise ValueError(
                "give R and C, or beta alone, or beta and one of R and C, "
                f"got {' and '.join(given) or 'none of them'}"
            )
        self._keep(
            beta=optional("beta", self.beta, above=0, below=1),
            R=optional("R", self.R, above=0),
            C=optional("C", self.C, above=0),
            time_step=parameter("time_step", self.time_step, above=0),
            threshold=parameter("threshold", self.threshold, finite=False),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
        )
        if self.beta is not None:
            warn_unstable(np.log(1 / np.asarray(self.beta, np.float64)))
        else:
            warn_unstable(ratio(*(np.float64(p) for p in (self.time_step, self.R, self.C))))

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        one, time_step = dtype.type(1), np.asarray(self.time_step, dtype)
        R, C = (None if p is None else np.asarray(p, dtype) for p in (self.R, self.C))
        if self.beta is not None:
            inverse = one / np.asarray(self.beta, dtype)
            decay = np.log(inverse.astype(np.float64)).astype(dtype)
            if C is not None:
                R = time_step / (C * decay)
            else:
                R = np.asarray(1, dtype) if R is None else R
                C = time_step / (R * decay)
        tau = R * C  # type: ignore[operator]
        return {
            "threshold": self.threshold,
            "gain": R,
            "rate": one / tau,
            "step": time_step,
            "keep": one - time_step / tau,
        }


@dataclass(frozen=True, eq=False)
class Leaky(Neuron):
    r"""The leaky integrate-and-fire neuron with a decay rate, bit for bit ``snntorch.Leaky``.

    .. math:: b = \beta u + i, \qquad r = [u > \theta]

    and the membrane that leaves the step is ``b - r*threshold`` ("subtract"), ``b`` from a
    membrane that was emptied first, so that the step's input survives ("zero"), or ``b``
    ("none").

    **When a spike is reported**: by the step whose membrane *leaves* above the threshold (before
    the reset, if that is immediate); with ``reset_delay`` the reset follows in the next step.
    :class:`LIF` reports one step later.

    Parameters
    ----------
    beta : float or array_like
        Decay rate. Values outside 0 to 1 are clamped, as in snnTorch, with a warning.
    threshold : float or array_like
        Membrane potential above which the neuron fires; may be infinite.
    reset_mechanism : {"subtract", "zero", "none"}
        What a spike does to the membrane.
    reset_delay : bool
        False resets in the step that fires. As in snnTorch, a neuron that this leaves above the
        threshold is reset again in the next step, and gets that back if it then does not fire.

    Notes
    -----
    Parameters are cast to the state's dtype, float32 or float64. Arrays have a value for each
    neuron and broadcast with the population.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, or NaN.

    References
    ----------
    ``snntorch.Leaky``, version 1.0.0.

    Examples
    --------
    >>> import numpy as np, fastlif
    >>> run = fastlif.Leaky(beta=0.9).run(np.float32(0.3), steps=6)
    >>> run.membrane.round(2)
    array([0.3 , 0.57, 0.81, 1.03, 0.23, 0.51], dtype=float32)
    >>> run.spikes
    array([False, False, False,  True, False, False])
    """

    beta: Parameter
    threshold: Parameter = 1.0
    reset_mechanism: str = "subtract"
    reset_delay: bool = True

    def __post_init__(self) -> None:
        self._keep(
            beta=parameter("beta", self.beta),
            threshold=parameter("threshold", self.threshold, finite=False),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
            reset_delay=flag("reset_delay", self.reset_delay),
        )
        if np.any(np.asarray(self.beta) != np.clip(self.beta, 0, 1)):
            warnings.warn("beta is clamped to [0, 1], as in snnTorch", stacklevel=3)

    @property
    def physics(self) -> rules.Rule:
        """The rule that the kernels apply."""
        return (peers.LEAKY if self.reset_delay else peers.LEAKY_AT_ONCE)[self.reset_mechanism]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {"threshold": self.threshold, "keep": np.clip(np.asarray(self.beta, dtype), 0, 1)}
