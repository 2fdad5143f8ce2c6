"""The leaky integrate-and-fire neuron with a decay rate."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, flag, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.neurons.base import Neuron
from fastlif.neurons.circuit import RESETS


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
        self._set(
            beta=parameter("beta", self.beta),
            threshold=parameter("threshold", self.threshold, finite=False),
            reset_mechanism=choice("reset_mechanism", self.reset_mechanism, RESETS),
            reset_delay=flag("reset_delay", self.reset_delay),
        )
        if np.any(np.asarray(self.beta) != np.clip(self.beta, 0, 1)):
            warnings.warn("beta is clamped to [0, 1], as in snnTorch", stacklevel=3)

    @property
    def rule(self) -> Rule:
        """The rule of one step."""
        return (catalogue.LEAKY if self.reset_delay else catalogue.LEAKY_AT_ONCE)[self.reset_mechanism]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {"threshold": self.threshold, "keep": np.clip(np.asarray(self.beta, dtype), 0, 1)}
