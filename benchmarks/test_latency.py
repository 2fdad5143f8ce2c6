"""The cost of one call: a step of few neurons, small and narrow runs, and a new process."""

import subprocess
import sys

import numpy as np
import pytest

import fastlif


@pytest.mark.benchmark(group="one step of 100 neurons")
@pytest.mark.parametrize("into", ["new arrays", "out", "in place"])
def test_one_step(benchmark, noted, into):
    """Spikes and membrane of one step."""
    neuron = fastlif.LIF()
    cur, mem = np.full(100, 0.2, np.float32), np.zeros(100, np.float32)
    spk = np.empty(100, np.bool_)
    out = {"new arrays": None, "out": (spk, np.empty_like(mem)), "in place": (spk, mem)}[into]
    neuron(cur, mem, out=out)
    benchmark(lambda: neuron(cur, mem, out=out))
    noted(100, 13, writes=True)  # reads current and membrane, writes both results


@pytest.mark.benchmark(group="small and narrow runs")
@pytest.mark.parametrize(("steps", "neurons"), [(200, 1), (1_000_000, 1), (1_000_000, 16)])
def test_run_of_few_neurons(benchmark, noted, steps, neurons):
    """Membrane and spikes; the long runs write into buffers."""
    neuron = fastlif.LIF()
    current = np.random.default_rng(0).uniform(0, 0.6, (steps, neurons)).astype(np.float32)
    run = neuron.run(current)
    out = {"membrane": run.membrane, "spikes": run.spikes} if steps > 1000 else None
    benchmark(lambda: neuron.run(current, out=out))
    noted(steps * neurons, 9, writes=True)
    benchmark.extra_info["seconds_per_step"] = benchmark.stats.stats.median / steps


FIRST_RUN = "import numpy, fastlif; fastlif.LIF().run(numpy.full((200, 1000), 0.2, 'f4'))"


@pytest.mark.benchmark(group="a new process")
@pytest.mark.parametrize("code", ["import numba", "import fastlif", FIRST_RUN])
def test_import(benchmark, code):
    """Start a process. ``import numba`` is the lower bound. Compiled code is cached."""
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds=7, warmup_rounds=1
    )
