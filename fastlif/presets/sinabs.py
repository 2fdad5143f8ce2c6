"""The leaky integrate-and-fire neuron of Sinabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Parameter, choice, flag, optional, parameter
from fastlif.kernels import catalogue, rules
from fastlif.kernels.compose import Rule
from fastlif.neurons.base import Neuron
from fastlif.presets.decay import decay


@dataclass(frozen=True, eq=False)
class sinabs_lif(Neuron):
    r"""Sinabs' layer ``LIF``, whose neurons can fire several spikes per step.

    .. math:: b = \alpha u + (1 - \alpha) I, \qquad \alpha = e^{-1/\tau_{mem}}

    where I is the input or, with ``tau_syn``, the synaptic current :math:`I \leftarrow
    e^{-1/\tau_{syn}} (I + i)`. Without ``norm_input``, I is not scaled.

    **Spikes**: with "MultiSpike", a step reports ``floor(b/spike_threshold)`` spikes, and
    ``run.spikes`` has dtype int32. With "SingleSpike", it reports one spike if the membrane after
    integration reaches the threshold (``>=``). The reset follows in the same step:
    "MembraneSubtract" subtracts the threshold for each spike, and "MembraneReset" sets the membrane
    to 0. A membrane that is then below ``min_v_mem`` is set to it, computed as
    ``relu(v - min_v_mem) + min_v_mem``. There is no refractory period.

    Parameters
    ----------
    tau_mem : float or array_like
        Membrane time constant in steps, positive.
    tau_syn : float or array_like, optional
        Synaptic time constant in steps, positive.
    spike_threshold : float or array_like
        Threshold, positive.
    spike_fn : {"MultiSpike", "SingleSpike"}
        Whether a step can have several spikes.
    reset_fn : {"MembraneSubtract", "MembraneReset"}
        How a spike resets the membrane.
    min_v_mem : float or array_like, optional
        Lower bound of the membrane.
    norm_input : bool
        Whether the input is scaled by 1 - alpha.

    Raises
    ------
    TypeError
        If a parameter has a wrong type.
    ValueError
        If a parameter is NaN or out of its range.

    Notes
    -----
    Array parameters have one value per neuron and broadcast with the population. In float32, the
    spikes are equal to Sinabs', and the membranes are bit-identical if PyTorch's exponential is
    correctly rounded. Otherwise a decay factor differs by 1 ulp; in the recorded runs, the
    membranes of such neurons agree within 3e-5.

    References
    ----------
    Sinabs 3.1.3, ``sinabs.layers.LIF``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlif import presets
    >>> presets.sinabs_lif(tau_mem=20.0, norm_input=False).run(np.float32(0.7), steps=5).spikes
    array([0, 1, 1, 0, 1], dtype=int32)
    """

    tau_mem: Parameter
    tau_syn: Parameter | None = None
    spike_threshold: Parameter = 1.0
    spike_fn: str = "MultiSpike"
    reset_fn: str = "MembraneSubtract"
    min_v_mem: Parameter | None = None
    norm_input: bool = True

    def __post_init__(self) -> None:
        self._set(
            tau_mem=parameter("tau_mem", self.tau_mem, above=0),
            tau_syn=optional("tau_syn", self.tau_syn, above=0),
            spike_threshold=parameter("spike_threshold", self.spike_threshold, above=0),
            spike_fn=choice("spike_fn", self.spike_fn, ("MultiSpike", "SingleSpike")),
            reset_fn=choice("reset_fn", self.reset_fn, ("MembraneSubtract", "MembraneReset")),
            min_v_mem=optional("min_v_mem", self.min_v_mem),
            norm_input=flag("norm_input", self.norm_input),
        )

    @property
    def rule(self) -> Rule:
        """The update rule that the kernels apply."""
        rule = catalogue.SINABS_LIF[self.spike_fn, self.reset_fn]
        if self.tau_syn is not None:
            rule = rule._replace(
                drive=rules.raw, synapse=rules.leaks_then_used, states=("mem", "syn")
            )
        if self.min_v_mem is not None:
            rule = rule._replace(limit=rules.floored_by_difference)
        return rule

    def _derive(self, dtype: np.dtype[Any]) -> dict[str, ArrayLike | None]:
        keep = decay(1.0, self.tau_mem, dtype)
        return {
            "threshold": self.spike_threshold,
            "keep": keep,
            "gain": dtype.type(1) - keep if self.norm_input else 1.0,
            "most": 2.0**30,
            "decay": None if self.tau_syn is None else decay(1.0, self.tau_syn, dtype),
            "minimum": self.min_v_mem,
        }
