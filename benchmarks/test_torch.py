"""PyTorch: snnTorch's loop over time, the same loop with fastlif's layers, and one fused run.

All return spikes and membranes of all steps as two float32 tensors, and have the same bits.
"""

import functools
import statistics

import pytest
from limits import mean_time

torch = pytest.importorskip("torch", reason="missing: torch")
snntorch = pytest.importorskip("snntorch", reason="missing: snntorch")

from fastlif.interop.torch import from_snntorch  # noqa: E402 - requires torch

RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
NEURONS = {
    "Leaky": lambda: snntorch.Leaky(beta=0.9),
    "Lapicque": lambda: snntorch.Lapicque(**RC),
}
MOST_NEURONS, STEPS, ROUNDS = 100_000, 200, 5


@pytest.fixture
def _threads(threads):
    """Let PyTorch, and therefore the layers, use as many threads as fastlif's other runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    yield
    torch.set_num_threads(before)


def loop(neuron, current, stacked=True):
    """Step a neuron through time as snnTorch's tutorials do; optionally, return lists."""
    mem = neuron.reset_mem()
    spikes, membranes = [], []
    for now in current:
        spk, mem = neuron(now, mem)
        spikes.append(spk)
        membranes.append(mem)
    return (torch.stack(spikes), torch.stack(membranes)) if stacked else (spikes, membranes)


@pytest.mark.benchmark(group="PyTorch, compared with snnTorch's loop")
@pytest.mark.parametrize("neurons", [100, 1000, MOST_NEURONS])
@pytest.mark.parametrize("name", NEURONS)
@pytest.mark.usefixtures("_threads")
def test_run(benchmark, noted, shape, name, neurons):
    """Check that all bits are equal, then time all alternately."""
    size = min(shape[0], STEPS), min(shape[1], neurons)
    current = 0.6 * torch.rand(size, generator=torch.Generator().manual_seed(0))
    theirs = NEURONS[name]()
    ours = from_snntorch(theirs)
    run = functools.partial(ours.run, current)
    others = {
        "snnTorch's loop": functools.partial(loop, theirs, current),
        "snnTorch's loop, with lists of tensors as results": functools.partial(
            loop, theirs, current, stacked=False
        ),
        "the same loop with fastlif's steps": functools.partial(loop, ours, current),
    }
    with torch.inference_mode():
        expected = run()
        assert 0 < expected[0].mean() < 1
        for other in others.values():
            spikes, membranes = other()
            assert torch.equal(torch.stack([*spikes]), expected[0])
            assert torch.equal(torch.stack([*membranes]), expected[1])
        del spikes, membranes, expected
        ratios = {what: [] for what in others}
        for _ in range(ROUNDS):
            for what, other in others.items():
                ratios[what].append(mean_time(other) / mean_time(run))
        benchmark.pedantic(run, rounds=ROUNDS, warmup_rounds=1)
    noted(current.numel(), 12, writes=True)  # reads the current, writes both results
    for what, values in ratios.items():
        ratio = statistics.median(values)
        benchmark.extra_info[f"times as fast as {what}"] = ratio
        print(f"\n{name}, {size}: {ratio:.1f} times as fast as {what}")


@pytest.mark.benchmark(group="PyTorch, one step of 100 neurons")
@pytest.mark.parametrize("name", NEURONS)
@pytest.mark.parametrize("whose", ["snnTorch", "fastlif"])
def test_step(benchmark, noted, name, whose):
    """One step of a batch, with the membrane of the last one."""
    neuron = NEURONS[name]()
    neuron = neuron if whose == "snnTorch" else from_snntorch(neuron)
    cur = torch.full((100,), 0.3)
    with torch.inference_mode():
        _, mem = neuron(cur)
        benchmark(lambda: neuron(cur, mem))
    noted(100, 16, writes=True)
