"""Sinabs 3.1.3: its module `LIF`, called once with the whole sequence as a batch of one."""

import numpy as np
import torch
from sinabs import activation
from sinabs.layers import LIF

PACKAGE = "sinabs"


def sinabs_lif(
    current,
    tau_mem,
    tau_syn=None,
    spike_threshold=1.0,
    spike_fn="MultiSpike",
    reset_fn="MembraneSubtract",
    min_v_mem=None,
    norm_input=True,
):
    module = LIF(
        tau_mem=given(tau_mem),
        tau_syn=given(tau_syn),
        spike_threshold=given(spike_threshold),
        spike_fn=getattr(activation, spike_fn),
        reset_fn=getattr(activation, reset_fn)(),
        min_v_mem=given(min_v_mem),
        norm_input=norm_input,
        record_states=True,
    )
    with torch.no_grad():
        spikes = module(torch.from_numpy(current)[None])[0].numpy()
    spikes = spikes.astype(np.int32 if spike_fn == "MultiSpike" else bool)
    return spikes, module.recordings["v_mem"][0].numpy()


def given(value):
    return torch.from_numpy(value) if np.ndim(value) else value
