"""Rockpool's neuron."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, number, parameter, whole
from fastlif.kernels import catalogue
from fastlif.neurons.base import Neuron
from fastlif.presets.decay import decay


@dataclass(frozen=True, eq=False)
class rockpool_lif(Neuron):
    r"""Rockpool's ``LIFTorch``, which may fire several spikes in a step.

    .. math::

        I \leftarrow \beta (I + i), \qquad b = \alpha u + I + bias, \qquad
        s = \lfloor b/\theta \rfloor \text{ where } b \ge \theta

    with :math:`\alpha = e^{-\Delta t/\tau_{mem}}` and :math:`\beta = e^{-\Delta t/\tau_{syn}}`. A
    step reports s spikes, at most ``max_spikes_per_dt`` (``run.spikes`` is int32), and subtracts
    the threshold for each in the same step. No refractory period.

    Checked with Rockpool 3.1.0, in float32: spikes equal, membranes bit for bit with the same
    decays (PyTorch's exponential may differ in its last bit; here it is correctly rounded).

    Parameters
    ----------
    tau_mem, tau_syn : float or array_like
        Time constants of membrane and synapse (second), positive.
    bias : float or array_like
        Added to the membrane in every step.
    threshold : float or array_like
        Threshold, positive.
    max_spikes_per_dt : int
        The most spikes that a step may have.
    dt : float
        Step (second), positive.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> presets.rockpool_lif().run(np.float32(0.4), steps=5).spikes
    array([0, 1, 1, 1, 2], dtype=int32)
    """

    tau_mem: Parameter = 0.02
    tau_syn: Parameter = 0.02
    bias: Parameter = 0.0
    threshold: Parameter = 1.0
    max_spikes_per_dt: int = 2**16
    dt: float = 1e-3

    rule = catalogue.ROCKPOOL_LIF

    def __post_init__(self) -> None:
        self._set(
            tau_mem=parameter("tau_mem", self.tau_mem, above=0),
            tau_syn=parameter("tau_syn", self.tau_syn, above=0),
            bias=parameter("bias", self.bias),
            threshold=parameter("threshold", self.threshold, above=0, finite=False),
            max_spikes_per_dt=whole("max_spikes_per_dt", self.max_spikes_per_dt, 1, 2**30),
            dt=number("dt", self.dt, above=0),
        )

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {
            "threshold": self.threshold,
            "keep": decay(self.dt, self.tau_mem, dtype),
            "decay": decay(self.dt, self.tau_syn, dtype),
            "gain": 1.0,
            "rest": self.bias,
            "most": self.max_spikes_per_dt,
        }
