"""Lapicque's neuron."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, optional, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.kernels.elementary import log
from fastlif.neurons.base import Neuron
from fastlif.neurons.circuit import RESETS, ratio, warn_unstable


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


    def __post_init__(self) -> None:
        given = [name for name in ("beta", "R", "C") if getattr(self, name) is not None]
        if given not in (["R", "C"], ["beta"], ["beta", "R"], ["beta", "C"]):
            raise ValueError(
                "give R and C, or beta alone, or beta and one of R and C, "
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
            warn_unstable(ratio(*(np.float64(p) for p in (self.time_step, self.R, self.C))))

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
