"""Sinabs' neuron."""

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
    r"""Sinabs' ``LIF`` layer, whose neurons may fire several spikes in a step.

    .. math:: b = \alpha u + (1 - \alpha) I, \qquad \alpha = e^{-1/\tau_{mem}}

    where I is the input, or with ``tau_syn`` the current
    :math:`I \leftarrow e^{-1/\tau_{syn}} (I + i)`; without ``norm_input`` it is added as it is.

    A step reports, and resets in the same step: with "MultiSpike" ``floor(b/spike_threshold)``
    spikes (``run.spikes`` is int32), with "SingleSpike" one, where the charged membrane reaches
    the threshold (``>=``). "MembraneSubtract" subtracts the threshold for each, "MembraneReset"
    empties the membrane. After that the membrane is raised to ``min_v_mem``, by
    ``relu(v - min_v_mem) + min_v_mem``. No refractory period.

    Checked with Sinabs 3.1.3, in float32: spikes equal, membranes bit for bit with the same decays
    (PyTorch's exponential may differ in its last bit; here it is correctly rounded).

    Parameters
    ----------
    tau_mem : float or array_like
        Membrane time constant in steps, positive.
    tau_syn : float or array_like, optional
        Synaptic time constant in steps, positive.
    spike_threshold : float or array_like
        Threshold, positive.
    spike_fn : {"MultiSpike", "SingleSpike"}
        Whether a step may have several spikes.
    reset_fn : {"MembraneSubtract", "MembraneReset"}
        What a spike does to the membrane.
    min_v_mem : float or array_like, optional
        Floor of the membrane.
    norm_input : bool
        Whether the input is scaled by 1 - alpha.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a real number, NaN or out of its range.

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
        """The rule of one step."""
        rule = catalogue.SINABS_LIF[self.spike_fn, self.reset_fn]
        if self.tau_syn is not None:
            rule = rule._replace(drive=rules.raw, synapse=rules.leaks_then_used)
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
