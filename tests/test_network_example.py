"""The network of examples/embed_numba.py, compared with a plain loop and with Poisson's law."""

import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import full

import fastlif

SCRIPT = Path(__file__).parents[1] / "examples" / "embed_numba.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(example, background, steps):
    """Return the background's inputs; its generators stay as they are."""
    copy = background._replace(a=background.a.copy(), b=background.b.copy())
    inputs = np.empty((steps, len(copy.a)), np.float32)
    for row in inputs:
        example.fill(row, copy)
    return inputs


def test_the_network_is_the_one_of_a_plain_loop(example):
    size, steps = 300, 4000
    rng = np.random.default_rng(0)
    synapses, background = example.connect(size, rng), example.background(size, rng)
    external = drawn(example, background, steps)
    mem = rng.uniform(0, example.neuron.threshold, size)

    source = np.repeat(np.arange(size), np.diff(synapses.first))
    weights = np.zeros((size, size))
    np.add.at(weights, (source, synapses.targets), synapses.weights[source])
    state = example.neuron.initial_state(size, np.float64)._replace(mem=mem.copy())
    spikes = np.zeros((steps, size), np.bool_)
    for t in range(steps):
        arriving = spikes[t - example.delay] @ weights if t >= example.delay else 0
        spikes[t], state = example.neuron(external[t].astype(np.float64) + arriving, state)

    step = fastlif.embed.row(example.neuron, np.float64)
    events = example.simulate(step, (mem, np.zeros(size)), synapses, background, steps)
    assert len(events) > 2 * size  # the list of spikes has grown
    assert np.array_equal(events, np.argwhere(spikes))
    assert np.allclose(mem, state.mem, rtol=0, atol=1e-9)


def test_all_neurons_have_the_same_number_of_inputs(example):
    size = 250
    synapses = example.connect(size, np.random.default_rng(1))
    border = example.excitatory_among(size)
    excitatory = synapses.targets[: synapses.first[border]]
    inhibitory = synapses.targets[synapses.first[border] :]
    assert (np.bincount(excitatory, minlength=size) == 160).all()
    assert (np.bincount(inhibitory, minlength=size) == 40).all()
    assert (synapses.weights > 0).sum() == border == 200


def test_the_generators_are_xoroshiro64(example):
    """The first numbers for the seed (1, 2), as other implementations compute them."""
    seed = np.array([[1], [2]], np.uint32)
    background = example.Background(*seed, (), np.float32(1))
    expected = [3802928447, 813792938, 1618621494, 2955957307, 3252880261]
    assert [int(example.draw(background, 0)) for _ in expected] == expected


def test_the_background_has_poissons_distribution(example):
    size, steps, mean = 400, 5000, example.background_rate
    background = example.background(size, np.random.default_rng(2))
    counts = drawn(example, background._replace(weight=np.float32(1)), steps)
    found = np.bincount(counts.astype(np.int64).ravel())
    share = [math.exp(-mean) * mean**k / math.factorial(k) for k in range(len(found))]
    expected = counts.size * np.array(share)
    assert len(found) > 5
    assert (np.abs(found - expected) < 5 * np.sqrt(expected) + 5).all()
    # Neither neurons nor steps are correlated: 5 standard errors of the mean product.
    for other in (np.roll(counts, 1, axis=0), np.roll(counts, 1, axis=1)):
        product = ((counts - mean) * (other - mean)).mean()
        assert abs(product) < 5 * mean / math.sqrt(counts.size)


@full
def test_the_example_draws_its_figure(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(SCRIPT), "--neurons", "400", "--seconds", "0.3"]
    command += ["--output-dir", str(tmp_path / "new")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "80,000 synapses" in result.stdout
    assert (tmp_path / "new" / "network.png").stat().st_size > 10_000
    wrong = subprocess.run([*command, "--neurons", "5"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "at least 10 neurons" in wrong.stderr
