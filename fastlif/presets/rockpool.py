"""The leaky integrate-and-fire neuron of Rockpool."""

from __future__ import annotations

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
    r"""Rockpool's neuron ``LIFTorch``, which can fire several spikes per step.

    .. math::

        I \leftarrow \beta (I + i), \qquad b = \alpha u + I + bias, \qquad
        s = \lfloor b/\theta \rfloor \text{ if } b \ge \theta

    with :math:`\alpha = e^{-\Delta t/\tau_{mem}}` and :math:`\beta = e^{-\Delta t/\tau_{syn}}`.

    **Spikes**: a step reports s spikes, at most ``max_spikes_per_dt``, and subtracts the threshold
    for each of them in the same step. ``run.spikes`` has dtype int32. There is no refractory
    period.

    Parameters
    ----------
    tau_mem, tau_syn : float or array_like
        Time constants of the membrane and the synapse (second), positive.
    bias : float or array_like
        Added to the membrane in every step.
    threshold : float or array_like
        Threshold, positive.
    max_spikes_per_dt : int
        Maximum number of spikes per step.
    dt : float
        Time step (second), positive.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Notes
    -----
    Array parameters have one value per neuron and broadcast with the population. In float32, the
    spikes are equal to Rockpool's, and the membranes are bit-identical if PyTorch's exponential is
    correctly rounded. Otherwise a decay factor differs by 1 ulp; in the recorded runs, the
    membranes of such neurons agree within 2e-5.

    References
    ----------
    Rockpool 3.1.0, ``rockpool.nn.modules.LIFTorch``.

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
