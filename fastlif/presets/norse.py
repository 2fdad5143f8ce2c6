"""The neurons of Norse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, number, parameter
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.neurons.base import Neuron
from fastlif.surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class norse_lif(Neuron):
    r"""Norse's neuron ``LIFCell``, with a synaptic current.

    .. math::

        I = I_0 + i, \qquad b = u + \Delta t\,\tau_{mem}^{-1}\,((u_{leak} - u) + I), \qquad
        I_0 \leftarrow I - \Delta t\,\tau_{syn}^{-1} I

    These are Euler steps. The input is added to the synaptic current before the membrane is
    updated.

    **Spikes**: a step reports a spike if the membrane after integration is above the threshold
    (``>``), and resets it to ``v_reset`` in the same step; a spike does not reset the synaptic
    current. There is no refractory period.

    Parameters
    ----------
    tau_syn_inv, tau_mem_inv : float or array_like
        Inverse time constants of the synapse and the membrane (1/second), positive.
    v_leak, v_th, v_reset : float or array_like
        Leak, threshold and reset potential. A run starts at ``v_leak`` with no synaptic current.
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
    Array parameters have one value per neuron and broadcast with the population. In float32 and
    float64, spikes and membranes are bit-identical to Norse's.

    References
    ----------
    Norse 1.1.0, ``norse.torch.functional.lif.lif_feed_forward_step``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.norse_lif().run(np.float32(0.5), steps=100)
    >>> np.flatnonzero(run.spikes)[:4]
    array([ 8, 14, 19, 24])
    >>> run.final.syn.round(3)
    np.float32(2.0)
    """

    tau_syn_inv: Parameter = 200.0
    tau_mem_inv: Parameter = 100.0
    v_leak: Parameter = 0.0
    v_th: Parameter = 1.0
    v_reset: Parameter = 0.0
    dt: float = 0.001

    _rests_at: ClassVar = "v_leak"
    rule = catalogue.NORSE_LIF

    def __post_init__(self) -> None:
        self._set(
            tau_syn_inv=parameter("tau_syn_inv", self.tau_syn_inv, above=0),
            tau_mem_inv=parameter("tau_mem_inv", self.tau_mem_inv, above=0),
            v_leak=parameter("v_leak", self.v_leak),
            v_th=parameter("v_th", self.v_th, finite=False),
            v_reset=parameter("v_reset", self.v_reset),
            dt=number("dt", self.dt, above=0),
        )

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        dt = np.asarray(self.dt, dtype)
        return {
            "threshold": self.v_th,
            "rate": dt * np.asarray(self.tau_mem_inv, dtype),
            "rest": self.v_leak,
            "reset": self.v_reset,
            "decay": -dt * np.asarray(self.tau_syn_inv, dtype),
        }


@dataclass(frozen=True, eq=False)
class norse_lif_box(Neuron):
    r"""Norse's neuron ``LIFBoxCell``, without a synaptic current.

    .. math:: b = u + \Delta t\,\tau_{mem}^{-1}\,(i + u_{leak} - u)

    These are Euler steps.

    **Spikes**: a step reports a spike if the membrane after integration is above the threshold
    (``>``), and resets it in the same step. There is no refractory period.

    Parameters
    ----------
    tau_mem_inv : float or array_like
        Inverse time constant of the membrane (1/second), positive.
    v_leak, v_th, v_reset : float or array_like
        Leak, threshold and reset potential. A run starts at ``v_leak``.
    reset_method : {"reset_value", "reset_subtract"}
        Whether a spike resets the membrane to ``v_reset`` or subtracts ``v_th``.
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
    Array parameters have one value per neuron and broadcast with the population. In float32 and
    float64, spikes and membranes are bit-identical to Norse's.

    References
    ----------
    Norse 1.1.0, ``norse.torch.functional.lif_box.lif_box_feed_forward_step``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> run = presets.norse_lif_box().run(np.float32(1.5), steps=40)
    >>> np.flatnonzero(run.spikes)
    array([10, 21, 32])
    """

    tau_mem_inv: Parameter = 100.0
    v_leak: Parameter = 0.0
    v_th: Parameter = 1.0
    v_reset: Parameter = 0.0
    reset_method: str = "reset_value"
    dt: float = 0.001

    _rests_at: ClassVar = "v_leak"
    _surrogate: ClassVar = Surrogate("fast_sigmoid", (1.0,))  # SuperSpike, without alpha
    _detaches_reset: ClassVar = False
    _learned: ClassVar = {"v_th": "threshold"}

    def __post_init__(self) -> None:
        self._set(
            tau_mem_inv=parameter("tau_mem_inv", self.tau_mem_inv, above=0),
            v_leak=parameter("v_leak", self.v_leak),
            v_th=parameter("v_th", self.v_th, finite=False),
            v_reset=parameter("v_reset", self.v_reset),
            reset_method=choice("reset_method", self.reset_method, tuple(catalogue.NORSE_LIF_BOX)),
            dt=number("dt", self.dt, above=0),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        return catalogue.NORSE_LIF_BOX[self.reset_method]

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike]:
        return {
            "threshold": self.v_th,
            "rate": np.asarray(self.dt, dtype) * np.asarray(self.tau_mem_inv, dtype),
            "rest": self.v_leak,
            "reset": self.v_reset,
        }
