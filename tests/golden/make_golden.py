"""Create the golden files with snnTorch and with the tutorial's functions on tensors.

    pip install torch snntorch==1.0.0 numpy python tests/golden/make_golden.py

Each file contains runs as arrays (run, step, neuron), and their parameters as JSON. The files were
created with snnTorch 1.0.0 and PyTorch 2.13.0 (CPU). The tests read the files and require neither.
"""

import json
from pathlib import Path

import numpy as np
import snntorch
import torch

STEPS, NEURONS = 200, 4
RESETS = ("subtract", "zero", "none")
HERE = Path(__file__).parent


def leaky_integrate_neuron(U, time_step=1e-3, I=0, R=5e7, C=1e-10):  # noqa: E741 - the tutorial's
    tau = R * C
    U = U + (time_step / tau) * (-U + I * R)
    return U


def leaky_integrate_and_fire(mem, cur=0, threshold=1, time_step=1e-3, R=5.1, C=5e-3):
    tau_mem = R * C
    spk = mem > threshold
    mem = mem + (time_step / tau_mem) * (-mem + cur * R) - spk * threshold
    return mem, spk


def stepped(neuron, current, mem):
    membrane, spikes = [], []
    for cur in current:
        spk, mem = neuron(cur, mem)
        membrane.append(mem)
        spikes.append(spk)
    return torch.stack(membrane), torch.stack(spikes)


def values(rng, low, high, each):
    """Draw a parameter: a number with few digits, or a float32 array with one value per neuron."""
    drawn = rng.uniform(low, high, NEURONS if each else None)
    return drawn.astype(np.float32) if each else float(f"{drawn:.3g}")


def tensor(value):
    return torch.as_tensor(value, dtype=torch.float32)


def lapicque(rng, run):
    """Draw a Lapicque with R and C, or with beta and at most one of them; numbers or arrays."""
    reset, given, each = RESETS[run % 3], ("RC", "RC", "b", "bR", "bC")[run % 5], run % 2 == 1
    time_step = values(rng, 5e-4, 1.5e-3, each and run % 4 == 1)
    kwargs = {"time_step": time_step, "threshold": values(rng, 0.3, 1.5, each)}
    if "b" in given:
        kwargs["beta"] = values(rng, 0.5, 0.99, each)
    if "R" in given:
        kwargs["R"] = values(rng, 1, 8, each)
    if "C" in given:
        kwargs["C"] = values(rng, 2e-3, 9e-3, each and run % 3 != 1)

    # snnTorch's constructor requires numbers; its forward pass also accepts tensors in the buffers.
    def one(j):
        numbers = {k: v if np.ndim(v) == 0 else float(v[j]) for k, v in kwargs.items()}
        return snntorch.Lapicque(reset_mechanism=reset, **numbers)

    neuron = one(0)
    for name in ("R", "C", "time_step", "threshold"):
        stacked = torch.stack([tensor(getattr(one(j), name)).reshape(()) for j in range(NEURONS)])
        same = bool((stacked == stacked[0]).all())
        setattr(neuron, name, stacked[0] if same else stacked)
    kwargs["reset_mechanism"] = reset
    inferred = {"R": neuron.R, "C": neuron.C}
    scale = 3 * float(torch.as_tensor(neuron.threshold).mean() / neuron.R.double().mean())
    return kwargs, neuron, inferred, scale


def leaky(rng, run):
    reset, each = RESETS[run % 3], run // 6 % 2 == 1
    kwargs = {"beta": values(rng, 0.3, 1, each), "threshold": values(rng, 0.3, 1.5, each)}
    settings = {"reset_mechanism": reset, "reset_delay": run % 2 == 0}
    given = {k: tensor(v) if np.ndim(v) else v for k, v in kwargs.items()}
    return kwargs | settings, snntorch.Leaky(**given, **settings), {}, 1.0


def notebook(rng, run):
    """Draw parameters of the tutorial's function: Python numbers, or float32 tensors."""
    each = run % 2 == 1
    kwargs = {
        "threshold": values(rng, 0.3, 1.5, each),
        "time_step": values(rng, 5e-4, 1.5e-3, each),
        "R": values(rng, 1, 8, each),
        "C": values(rng, 2e-3, 9e-3, each),
    }
    given = {k: tensor(v) if each else v for k, v in kwargs.items()}

    def neuron(cur, mem):
        mem, spk = leaky_integrate_and_fire(mem, cur, **given)
        return spk, mem

    return kwargs, neuron, {}, 3 * float(np.mean(kwargs["threshold"]) / np.mean(kwargs["R"]))


def passive(rng, run):
    each = run % 2 == 1
    kwargs = {
        "time_step": values(rng, 5e-4, 1.5e-3, each),
        "R": values(rng, 1e7, 8e7, each),
        "C": values(rng, 5e-11, 3e-10, each),
    }
    given = {k: tensor(v) if each else v for k, v in kwargs.items()}

    def neuron(cur, mem):
        return torch.zeros_like(mem, dtype=torch.bool), leaky_integrate_neuron(mem, I=cur, **given)

    return kwargs, neuron, {}, 3e-8


def main():
    for name, draw, runs in (
        ("lapicque", lapicque, 60),
        ("leaky", leaky, 48),
        ("notebook", notebook, 30),
        ("passive", passive, 10),
    ):
        rng = np.random.default_rng(20261123)
        parameters, arrays = [], {"current": [], "initial": [], "membrane": [], "spikes": []}
        for run in range(runs):
            kwargs, neuron, inferred, scale = draw(rng, run)
            current = (rng.normal(0.4, 0.6, (STEPS, NEURONS)) * scale).astype(np.float32)
            initial = rng.uniform(-1, 3, NEURONS).astype(np.float32)
            with torch.no_grad():
                membrane, spikes = stepped(neuron, torch.tensor(current), torch.tensor(initial))
            arrays["current"].append(current)
            arrays["initial"].append(initial)
            arrays["membrane"].append(membrane.numpy())
            arrays["spikes"].append(spikes.numpy().astype(bool))
            entry = {"parameters": kwargs, "inferred": inferred}
            parameters.append(json.dumps(entry, default=lambda a: np.asarray(a).tolist()))
        stacked = {k: np.stack(v) for k, v in arrays.items()}
        assert np.isfinite(stacked["membrane"]).all()
        np.savez_compressed(HERE / f"{name}.npz", parameters=np.array(parameters), **stacked)
        print(f"{name}: {runs} runs, {stacked['spikes'].mean():.1%} of the steps fire")


if __name__ == "__main__":
    main()
