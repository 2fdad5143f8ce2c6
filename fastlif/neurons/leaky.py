"""The leaky integrate-and-fire neuron with a decay rate."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, flag, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.neurons.base import Neuron
from fastlif.neurons.circuit import RESETS, warn_reset_by_name


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
        If ``beta`` is clipped, or if the threshold is not above the resting membrane, 0.

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

    _learned: ClassVar = {"beta": "beta", "threshold": "threshold"}

    def __post_init__(self) -> None:
        self._set(
            beta=parameter("beta", self.beta),
            threshold=parameter("threshold", self.threshold, finite=False),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
            reset_delay=flag("reset_delay", self.reset_delay),
        )
        clipped = np.clip(self.beta, 0, 1)
        if np.any(np.asarray(self.beta) != clipped):
            warnings.warn("beta is clipped to [0, 1], as in snnTorch", stacklevel=3)
            self._set(beta=parameter("beta", clipped if np.ndim(clipped) else float(clipped)))

        warn_reset_by_name(self.reset_mechanism, self.threshold)

    @property
    def _detaches_reset(self) -> bool:  # type: ignore[override]
        return self.reset_delay

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return (catalogue.LEAKY if self.reset_delay else catalogue.LEAKY_AT_ONCE)[
            self.reset_mechanism
        ]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {"threshold": self.threshold, "keep": self.beta}
