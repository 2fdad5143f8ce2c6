"""Lapicque's neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, optional, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.kernels.elementary import log
from fastlif.neurons.base import Neuron
from fastlif.neurons.circuit import RESETS, ratio, warn_reset_by_name, warn_unstable


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
        If ``time_step`` is longer than ``R*C``, because Euler's method then overshoots, or if the
        threshold is not above the resting membrane, 0.

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

    _learned: ClassVar = {"threshold": "threshold"}

    def __post_init__(self) -> None:
        given = [name for name in ("beta", "R", "C") if getattr(self, name) is not None]
        if given not in (["R", "C"], ["beta"], ["beta", "R"], ["beta", "C"]):
            raise ValueError(
                "Lapicque requires R and C, or beta alone, or beta and one of R and C, "
                f"got {' and '.join(given) or 'none of them'}"
            )
        self._set(
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
            time_step, R, C = map(np.float64, (self.time_step, self.R, self.C))
            warn_unstable(ratio(time_step, R * C))
        warn_reset_by_name(self.reset_mechanism, self.threshold)

    @property
    def rule(self) -> Rule:
        """The rule of one step."""
        return catalogue.LAPICQUE[self.reset_mechanism]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        one, time_step = dtype.type(1), np.asarray(self.time_step, dtype)
        R, C = (None if p is None else np.asarray(p, dtype) for p in (self.R, self.C))
        if self.beta is not None:
            inverse = one / np.asarray(self.beta, dtype)
            decay = log(inverse.astype(np.float64)).astype(dtype)
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
