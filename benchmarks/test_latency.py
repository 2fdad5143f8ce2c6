"""What one call costs: a step of few neurons, and a fresh process."""

import subprocess
import sys

import numpy as np
import pytest

import fastlif


@pytest.mark.benchmark(group="one step of 100 neurons")
@pytest.mark.parametrize("into", ["new arrays", "out", "in place"])
def test_one_step(benchmark, into):
    """Spikes and membrane of one step."""
    neuron = fastlif.LIF()
    cur, mem = np.full(100, 0.2, np.float32), np.zeros(100, np.float32)
    spk = np.empty(100, np.bool_)
    out = {"new arrays": None, "out": (spk, np.empty_like(mem)), "in place": (spk, mem)}[into]
    neuron(cur, mem, out=out)
    benchmark(lambda: neuron(cur, mem, out=out))


@pytest.mark.benchmark(group="a fresh process")
@pytest.mark.parametrize("code", ["import numba", "import fastlif"])
def test_import(benchmark, code):
    """A process that only imports; ``import numba`` is what cannot be avoided."""
    benchmark.pedantic(
        lambda: subprocess.run([sys.executable, "-c", code], check=True), rounds=7, warmup_rounds=1
    )
