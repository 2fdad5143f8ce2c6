"""Create the NIR files with the exporters of snnTorch and Norse, and the results of these tools.

    pip install torch snntorch==1.0.0 norse==1.1.0 nir==1.0.8 nirtorch==2.6 numpy python
    tests/golden/make_nir.py

For each file, `nir_networks.npz` contains the input (step, neuron) and the spikes and membranes of
each layer (the membrane as the tool stores it between steps), starting from zeros, or in Norse from
`v_leak`. A file contains `v_reset` = 0 regardless of its network's reset, so each network ran
twice: with the reset of the file, and with reset by subtraction (`_subtract`; membranes of the last
layer only). Inputs are 0 or 1 and weights are multiples of 1/64, so that the sums of the linear
layers are exact in any order. `meta` is JSON: versions, the time step at which each file equals its
network, and the resets. Reading the files requires nir 1.0.6 or later, and none of the other
packages.
"""

import json
from importlib.metadata import version
from pathlib import Path

import nir
import norse.torch as norse
import numpy as np
import snntorch
import torch
from norse.torch.functional.reset import reset_subtract, reset_value
from snntorch.export_nir import _extract_snntorch_module, export_to_nir

STEPS, INPUTS, HIDDEN, OUTPUTS, CUBA = 200, 12, 30, 5, 6
HERE = Path(__file__).parent
PACKAGES = ("nir", "nirtorch", "norse", "numpy", "snntorch", "torch")
# snnTorch assumes a step of 1e-4. Norse multiplies its time constants by its step of 1e-3.
TIME_STEP = {"snntorch": 1e-4, "norse": 1e-6, "cuba": 1e-4}
SNNTORCH_RESET = "reset_mechanism='zero', reset_delay=False"
SNNTORCH_SUBTRACT = "reset_mechanism='subtract', reset_delay=True (the default)"
RESET = {
    "snntorch": SNNTORCH_RESET,
    "snntorch_subtract": SNNTORCH_SUBTRACT,
    "norse": "reset_method=reset_value, v_reset=0 (the default)",
    "norse_subtract": "reset_method=reset_subtract",
    "cuba": SNNTORCH_RESET,
    "cuba_subtract": SNNTORCH_SUBTRACT,
}


def each(rng, low, high, neurons):
    """Draw a parameter with one value per neuron, because nir 1.0.8 rejects scalars for a layer."""
    return torch.tensor(rng.uniform(low, high, neurons), dtype=torch.float32)


def linear(rng, before, after, scale, bias=True):
    layer = torch.nn.Linear(before, after, bias=bias)
    for parameter in layer.parameters():
        drawn = rng.normal(0.25, 1, parameter.shape) * scale
        parameter.data = torch.tensor(np.round(drawn * 64) / 64, dtype=torch.float32)
    return layer


def snntorch_network(subtract):
    rng = np.random.RandomState(1)

    def leaky(neurons):
        beta, threshold = each(rng, 0.7, 0.97, neurons), each(rng, 0.8, 1.6, neurons)
        return snntorch.Leaky(beta, threshold, init_hidden=True, **reset)

    reset = snntorch_reset(subtract)
    layers = linear(rng, INPUTS, HIDDEN, 0.3), leaky(HIDDEN)
    layers += linear(rng, HIDDEN, OUTPUTS, 0.25, bias=False), leaky(OUTPUTS)
    return torch.nn.Sequential(*layers)


def norse_network(subtract):
    rng = np.random.RandomState(2)

    def lif(neurons):
        parameters = norse.LIFBoxParameters(
            tau_mem_inv=each(rng, 60, 250, neurons),
            v_leak=each(rng, -0.2, 0.3, neurons),
            v_th=each(rng, 0.6, 1.4, neurons),
            reset_method=reset_subtract if subtract else reset_value,
        )
        return norse.LIFBoxCell(parameters)

    layers = linear(rng, INPUTS, HIDDEN, 1.75), lif(HIDDEN)
    layers += linear(rng, HIDDEN, OUTPUTS, 1), lif(OUTPUTS)
    return norse.SequentialState(*layers)


def cuba_network(subtract):
    rng = np.random.RandomState(3)
    alpha, beta = each(rng, 0.5, 0.95, CUBA), each(rng, 0.7, 0.97, CUBA)
    threshold = each(rng, 4, 12, CUBA)
    reset = snntorch_reset(subtract)
    return torch.nn.Sequential(snntorch.Synaptic(alpha, beta, threshold, init_hidden=True, **reset))


def snntorch_reset(subtract):
    return {"reset_mechanism": "subtract" if subtract else "zero", "reset_delay": subtract}


def run(network, inputs):
    """Simulate a network step by step; return spikes and states of each layer of neurons."""
    rows = {layer: [] for layer in network if not isinstance(layer, torch.nn.Linear)}
    state = dict.fromkeys(rows)
    for step in torch.tensor(inputs):
        values = step
        for layer in network:
            if isinstance(layer, norse.LIFBoxCell):
                values, state[layer] = layer(values, state[layer])
                rows[layer].append((values, state[layer].v))
            else:
                values = layer(values)
                if isinstance(layer, snntorch.Synaptic):
                    rows[layer].append((values, layer.mem, layer.syn))
                elif layer in rows:
                    rows[layer].append((values, layer.mem))
    return [[torch.stack(kind).numpy() for kind in zip(*row, strict=True)] for row in rows.values()]


def export(name, network):
    if name == "cuba":  # nirtorch does not find the input of a network with one layer
        graph = nir.NIRGraph.from_list(_extract_snntorch_module(network[0]))
    elif name == "norse":
        graph = norse.to_nir(network, torch.zeros(INPUTS))
    else:
        graph = export_to_nir(network, torch.zeros(INPUTS))
    graph.edges.sort()  # nirtorch returns them in the order of a set
    nir.write(HERE / f"{name}.nir", graph, compression=None)


def main():
    draw = np.random.RandomState(20261123)
    versions = {package: version(package) for package in PACKAGES}
    arrays = {"meta": json.dumps({"versions": versions, "dt": TIME_STEP, "reset": RESET})}
    for name, network in (
        ("snntorch", snntorch_network),
        ("norse", norse_network),
        ("cuba", cuba_network),
    ):
        shape = (STEPS, CUBA if name == "cuba" else INPUTS)
        arrays[f"{name}_input"] = (draw.uniform(size=shape) < 0.25).astype(np.float32)
        for subtract in (False, True):
            key = f"{name}_subtract" if subtract else name
            with torch.no_grad():
                layers = run(network(subtract), arrays[f"{name}_input"])
            for i, (spikes, *states) in enumerate(layers, start=1):
                number = "" if name == "cuba" else f"_{i}"
                arrays[f"{key}_spikes{number}"] = spikes.astype(bool)
                if i == len(layers) or not subtract:
                    for kind, state in zip(("membrane", "current"), states, strict=False):
                        arrays[f"{key}_{kind}{number}"] = state
                print(f"{key}: {spikes.mean():.1%} of the steps of layer {i} fire")
        export(name, network(False))
    np.savez_compressed(HERE / "nir_networks.npz", **arrays)


if __name__ == "__main__":
    main()
