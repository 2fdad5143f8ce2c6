"""A NIR graph with one LIF node, imported and executed by Norse."""

import nir
import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional.reset import reset_subtract

PACKAGE = "norse"


def nir_lif(current, *, tau=0.02, r=1.0, v_leak=0.0, v_threshold=1.0, v_reset=None, dt=0.001):
    """Simulate a current (step, neuron) from `v_leak`; return spikes, membranes after resets.

    Norse ignores `r`, so the current is multiplied by it in advance. Its importer also ignores
    `reset_method` for a LIF and resets to zero; if `v_reset` is None, subtraction is set on the
    neuron.
    """
    assert v_reset in (None, 0)
    current = np.asarray(current, np.float32)
    values = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": v_threshold}
    shape = current.shape[1:]
    values = {k: np.broadcast_to(np.float32(v), shape).copy() for k, v in values.items()}
    graph = nir.NIRGraph.from_list(nir.LIF(**values))
    network = norse.from_nir(graph, ignore_warnings=True, reset_method=reset_subtract, dt=dt)
    if v_reset is None:
        network.lif.p = network.lif.p._replace(reset_method=reset_subtract)
    spikes, membrane, state = [], [], None
    with torch.no_grad():
        for step in torch.tensor(current * values["r"]):
            spike, state = network(step, state)
            spikes.append(spike)
            membrane.append(state.state["lif"][0].v)
    return torch.stack(spikes).numpy().astype(bool), torch.stack(membrane).numpy()
