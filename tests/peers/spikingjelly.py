"""SpikingJelly 2.0.0: its modules `LIFNode` and `IFNode`, called once with the whole sequence."""

import torch
from spikingjelly.activation_based import neuron

PACKAGE = "spikingjelly"


def spikingjelly_lif(current, tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0):
    return run(neuron.LIFNode, current, v_threshold, v_reset, tau=tau, decay_input=decay_input)


def spikingjelly_if(current, v_threshold=1.0, v_reset=0.0):
    return run(neuron.IFNode, current, v_threshold, v_reset)


def run(node, current, v_threshold, v_reset, **others):
    module = node(
        v_threshold=v_threshold, v_reset=v_reset, step_mode="m", store_v_seq=True, **others
    )
    with torch.no_grad():
        spikes = module(torch.from_numpy(current))
    return spikes.bool().numpy(), module.v_seq.numpy()
