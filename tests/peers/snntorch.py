"""snnTorch 1.0.0: its modules `Lapicque` and `Leaky`, stepped through time."""

import numpy as np
import snntorch
import torch

PACKAGE = "snntorch"


def snntorch_lapicque(
    current,
    beta=None,
    R=None,
    C=None,
    time_step=1.0,
    threshold=1.0,
    reset_mechanism="subtract",
):
    # In snnTorch, a missing parameter is False.
    neuron = snntorch.Lapicque(
        beta=beta or False,
        R=R or False,
        C=C or False,
        time_step=time_step,
        threshold=given(threshold),
        reset_mechanism=reset_mechanism,
    )
    return stepped(neuron, current)


def snntorch_leaky(current, beta, threshold=1.0, reset_mechanism="subtract", reset_delay=True):
    neuron = snntorch.Leaky(
        beta=given(beta),
        threshold=given(threshold),
        reset_mechanism=reset_mechanism,
        reset_delay=reset_delay,
    )
    return stepped(neuron, current)


def given(value):
    return torch.from_numpy(value) if np.ndim(value) else value


def stepped(neuron, current):
    current = torch.from_numpy(current)
    spikes, membrane = [], []
    mem = torch.zeros_like(current[0])
    with torch.no_grad():
        for now in current:
            spk, mem = neuron(now, mem)
            spikes.append(spk)
            membrane.append(mem)
    return torch.stack(spikes).bool().numpy(), torch.stack(membrane).numpy()
