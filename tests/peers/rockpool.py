"""Rockpool 3.1.0: its module `LIFTorch`, called once with the whole sequence; float32 only."""

import sys

import numpy as np
import torch

# Rockpool imports samna if it is installed; the build on PyPI tries to replace itself with pip.
sys.modules.setdefault("samna", None)

from rockpool.nn.modules import LIFTorch  # noqa: E402

PACKAGE = "rockpool"


def rockpool_lif(
    current,
    tau_mem=0.02,
    tau_syn=0.02,
    bias=0.0,
    threshold=1.0,
    max_spikes_per_dt=65536,
    dt=0.001,
):
    module = LIFTorch(
        shape=(current.shape[1],),
        leak_mode="taus",
        tau_mem=tau_mem,
        # Synaptic parameters have an axis for the synapses of a neuron, here of length 1.
        tau_syn=tau_syn[:, None] if np.ndim(tau_syn) else tau_syn,
        bias=bias,
        threshold=threshold,
        noise_std=0.0,
        max_spikes_per_dt=max_spikes_per_dt,
        dt=dt,
    )
    with torch.no_grad():
        spikes, _, record = module(torch.from_numpy(current)[None], record=True)
    return spikes[0].numpy().astype(np.int32), record["vmem"][0].numpy()
