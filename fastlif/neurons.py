"""The neurons Lapicque and Leaky: validated, immutable parameters and derived constants."""

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
    """Return time_step/(R*C) with NumPy's rounding: Python numbers are computed in float64."""
    tau = R * C
    if isinstance(tau, float) and tau == 0:
        return np.asarray(math.inf)
    with np.errstate(all="ignore"):
        return np.asarray(time_step / tau)


def warn_unstable(rates: ArrayLike, stacklevel: int = 4) -> None:
    """Warn if an Euler step is longer than the time constant."""
    worst = float(np.max(rates, initial=0.0))
    if worst > 1:
        warnings.warn(
            f"time_step is {worst:.3g} times R*C: Euler's method overshoots if this ratio exceeds "
            "1 and diverges if it exceeds 2",
            stacklevel=stacklevel,
        )


@dataclass(frozen=True, eq=False)
class Lapicque(Neuron):
    r"""Lapicque's RC-circuit neuron, bit-for-bit identical to ``snntorch.Lapicque`` in float32.

    .. math::

        b = i R \frac{1}{RC} \Delta t + \left(1 - \frac{\Delta t}{RC}\right) u, \qquad
        r = [u > \theta]

    The membrane leaving the step is ``b - r*threshold`` ("subtract"), ``b - r*b`` ("zero") or ``b``
    ("none").

    **When a spike is reported**: a step reports a spike if the membrane *leaving* it is above the
    threshold. The reset follows in the next step. :class:`LIF`, which describes the same circuit,
    reports the spike one step later.

    Parameters
    ----------
    beta : float or array_like, optional
        Decay rate, between 0 and 1, from which the missing R or C is inferred:
        ``R*C = time_step/log(1/beta)``, with R = 1 if neither R nor C is given. The steps are still
        Euler steps, so that the membrane decays by ``1 + log(beta)`` per step and not by ``beta``.
    R, C : float or array_like, optional
        Resistance (ohm) and capacitance (farad), positive. Give both, or ``beta`` and at most one.
    time_step : float or array_like
        Time step (second), positive.
    threshold : float or array_like
        Membrane potential (volt) above which the neuron fires; may be infinite.
    reset_mechanism : {"subtract", "zero", "none"}
        How a spike resets the membrane.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range, or if too many or too few of ``beta``, ``R`` and
        ``C`` are given.

    Warns
    -----
    UserWarning
        If ``time_step`` is longer than ``R*C``, because Euler's method then overshoots.

    See Also
    --------
    Leaky : The neuron that decays by ``beta`` per step.
    LIF : The same circuit with many options; reports a spike one step later.

    Notes
    -----
    Parameters are cast to the dtype of the computation, float32 or float64, before any constant is
    derived from them. Array parameters have one value per neuron and broadcast with the population.

    snnTorch computes the logarithm of ``beta`` in single precision, and its last bit differs
    between machines. Here, the logarithm is correctly rounded.

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
                "Lapicque requires R and C, or beta alone, or beta and one of R and C, "
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
    r"""Leaky integrate-and-fire neuron with a decay rate, bit-for-bit equal to ``snntorch.Leaky``.

    .. math:: b = \beta u + i, \qquad r = [u > \theta]

    The membrane leaving the step is ``b - r*threshold`` ("subtract") or ``b`` ("none"). With
    "zero", a membrane above the threshold is set to 0 before the update, so that the input of the
    step is kept.

    **When a spike is reported**: a step reports a spike if the membrane *leaving* it (before an
    immediate reset) is above the threshold. With ``reset_delay``, the reset follows in the next
    step. :class:`LIF` reports a spike one step later.

    Parameters
    ----------
    beta : float or array_like
        Decay rate per step. Values outside [0, 1] are clipped with a warning, as in snnTorch.
    threshold : float or array_like
        Membrane potential above which the neuron fires; may be infinite.
    reset_mechanism : {"subtract", "zero", "none"}
        How a spike resets the membrane.
    reset_delay : bool
        If False, a spike resets the membrane in the same step. As in snnTorch, a neuron whose
        membrane is still above the threshold after this reset is reset again in the next step, and
        this second reset is undone if the neuron does not fire in that step.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Warns
    -----
    UserWarning
        If ``beta`` is clipped.

    See Also
    --------
    Lapicque : The neuron with resistance and capacitance.

    Notes
    -----
    Parameters are cast to the dtype of the computation, float32 or float64. Array parameters have
    one value per neuron and broadcast with the population.

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
            warnings.warn("beta is clipped to [0, 1], as in snnTorch", stacklevel=3)

    @property
    def physics(self) -> rules.Rule:
        """The update rule that the kernels apply."""
        return (peers.LEAKY if self.reset_delay else peers.LEAKY_AT_ONCE)[self.reset_mechanism]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {"threshold": self.threshold, "keep": np.clip(np.asarray(self.beta, dtype), 0, 1)}
