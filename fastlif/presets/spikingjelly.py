"""The neurons of SpikingJelly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, flag, optional, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.neurons.base import Neuron
from fastlif.surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class spikingjelly_lif(Neuron):
    r"""SpikingJelly's neuron ``LIFNode``.

    .. math::

        b = u + \frac{i - (u - u_{reset})}{\tau} \quad\text{or}\quad
        b = u - \frac{u - u_{reset}}{\tau} + i

    with and without ``decay_input``.

    **Spikes**: a step reports a spike if the membrane after integration reaches the threshold
    (``>=``), and resets it in the same step: to ``v_reset`` or, if ``v_reset`` is None, by the
    threshold (the membrane then decays to 0). There is no refractory period.

    Parameters
    ----------
    tau : float or array_like
        Membrane time constant in steps, above 1.
    decay_input : bool
        Whether the input is divided by ``tau`` too.
    v_threshold : float or array_like
        Threshold.
    v_reset : float, array_like or None
        Potential after a spike, to which the membrane also decays and at which a run starts.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Notes
    -----
    Array parameters have one value per neuron and broadcast with the population. In float32 and
    float64, spikes and membranes are bit-identical to SpikingJelly's.

    References
    ----------
    SpikingJelly 2.0.0, ``spikingjelly.activation_based.neuron.LIFNode``, multi-step mode.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.spikingjelly_lif(tau=2.0).run(np.float32(1.5), steps=8)
    >>> run.spikes
    array([False,  True, False,  True, False,  True, False,  True])
    """

    tau: Parameter = 2.0
    decay_input: bool = True
    v_threshold: Parameter = 1.0
    v_reset: Parameter | None = 0.0

    _surrogate: ClassVar = Surrogate("sigmoid", (4.0,))
    _detaches_reset: ClassVar = False
    _learned: ClassVar = {"v_threshold": "threshold"}

    def __post_init__(self) -> None:
        self._set(
            tau=parameter("tau", self.tau, above=1),
            decay_input=flag("decay_input", self.decay_input),
            v_threshold=parameter("v_threshold", self.v_threshold, finite=False),
            v_reset=optional("v_reset", self.v_reset),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return catalogue.SPIKINGJELLY_LIF[self.decay_input, self.v_reset is None]

    @property
    def resting(self) -> Parameter:
        """The membrane at which a run starts if ``initial`` is not given."""
        return 0.0 if self.v_reset is None else self.v_reset

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {
            "threshold": self.v_threshold,
            "tau": self.tau,
            "rest": self.resting,
            "reset": self.resting,
        }


@dataclass(frozen=True, eq=False)
class spikingjelly_if(Neuron):
    """SpikingJelly's neuron ``IFNode``, which has no leak.

    .. math:: b = u + i

    **Spikes**: a step reports a spike if the membrane after integration reaches the threshold
    (``>=``), and resets it in the same step: to ``v_reset`` or, if ``v_reset`` is None, by the
    threshold. There is no refractory period.

    Parameters
    ----------
    v_threshold : float or array_like
        Threshold.
    v_reset : float, array_like or None
        Potential after a spike, at which a run also starts.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Notes
    -----
    Array parameters have one value per neuron and broadcast with the population. In float32 and
    float64, spikes and membranes are bit-identical to SpikingJelly's.

    References
    ----------
    SpikingJelly 2.0.0, ``spikingjelly.activation_based.neuron.IFNode``, multi-step mode.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> presets.spikingjelly_if().run(np.float32(0.5), steps=4).spikes
    array([False,  True, False,  True])
    """

    v_threshold: Parameter = 1.0
    v_reset: Parameter | None = 0.0

    _surrogate: ClassVar = Surrogate("sigmoid", (4.0,))
    _detaches_reset: ClassVar = False
    _learned: ClassVar = {"v_threshold": "threshold"}

    def __post_init__(self) -> None:
        self._set(
            v_threshold=parameter("v_threshold", self.v_threshold, finite=False),
            v_reset=optional("v_reset", self.v_reset),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return catalogue.SPIKINGJELLY_IF[self.v_reset is None]

    @property
    def resting(self) -> Parameter:
        """The membrane at which a run starts if ``initial`` is not given."""
        return 0.0 if self.v_reset is None else self.v_reset

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {"threshold": self.v_threshold, "keep": 1.0, "reset": self.resting}
