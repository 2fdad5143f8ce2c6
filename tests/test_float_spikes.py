"""Spikes that are stored as 0.0 and 1.0, for hosts that need them: the same spikes."""

import numpy as np
import pytest
from cases import same_bits

import fastlif
from fastlif import presets
from fastlif.execution import records, stores
from fastlif.execution.integrator import Integrator
from fastlif.model import Model

DTYPES = [np.float32, np.float64]
NEURONS = {
    "shared": lambda: fastlif.Leaky(beta=0.9),
    "each": lambda: fastlif.Lapicque(R=np.linspace(1, 2, 777, dtype=np.float32), C=3.0),
    "refractory": lambda: fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, refractory=2),
    "several": lambda: presets.sinabs_lif(tau_mem=20.0, norm_input=False),
}


def storing_floats(neuron):
    own = neuron._model
    return Integrator(
        Model(own.rule, neuron._derive, own.resting, own.shapes, repr, float_spikes=True)
    )


def run(neuron, current, initial=None, record=("membrane", "spikes"), neurons=None, out=None):
    return storing_floats(neuron).run(current, initial, None, record, neurons, 1, out, 2, False)


def drawn(dtype, *shape):
    return np.random.default_rng(0).uniform(0, 1.5, shape).astype(dtype)


@pytest.mark.parametrize("streams", ["0", "1"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", NEURONS.values(), ids=NEURONS)
def test_the_spikes_of_a_run_are_the_same(monkeypatch, make, dtype, streams):
    monkeypatch.setattr(records, "LARGE", 0)
    monkeypatch.setenv(stores.ENVIRONMENT, streams)
    neuron, current = make(), drawn(dtype, 23, 777)
    expected = neuron.run(current, record=("membrane", "spikes", "counts"))
    floats = run(neuron, current, record=("membrane", "spikes", "counts"))
    assert floats.spikes.dtype == dtype
    assert 0 < expected.spikes.mean() < 1.5
    assert same_bits(floats.spikes, expected.spikes.astype(dtype))
    assert same_bits(floats.membrane, expected.membrane)
    assert np.array_equal(floats.counts, expected.counts)
    assert same_bits(floats.final.mem, expected.final.mem)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9,), (9, 1), (9, 4, 5), (0, 3), (9, 0)])
def test_other_shapes_and_spikes_alone(shape, dtype):
    neuron, current = fastlif.Leaky(beta=0.9), drawn(dtype, *shape)
    floats = run(neuron, current, record=("spikes",))
    assert floats.membrane is None
    assert same_bits(floats.spikes, neuron.run(current).spikes.astype(dtype))


def test_selected_neurons_and_arrays_of_the_caller():
    neuron, current = fastlif.Leaky(beta=0.9), drawn(np.float32, 9, 50)
    expected = neuron.run(current).spikes.astype(np.float32)
    assert same_bits(run(neuron, current, neurons=[7, 3]).spikes, expected[:, [7, 3]])
    for order in "CF":
        into = np.empty((9, 50), np.float32, order)
        run(neuron, current, record=("spikes",), out={"spikes": into})
        assert same_bits(into, expected)
    with pytest.raises(TypeError, match=r"^out\['spikes'\] must have dtype float32, got bool"):
        run(neuron, current, record=("spikes",), out={"spikes": np.empty((9, 50), np.bool_)})


@pytest.mark.parametrize("record", ["packed", "events"])
def test_records_that_are_made_of_bools_are_refused(record):
    with pytest.raises(ValueError, match="packed and events are made of spikes as bool or int32"):
        run(fastlif.Leaky(beta=0.9), drawn(np.float32, 9, 50), record=(record, "spikes"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 777, 40_000])
def test_steps(dtype, size):
    neuron = fastlif.Leaky(beta=0.9, threshold=np.linspace(0.8, 1.2, size).astype(dtype))
    integrator, mem = storing_floats(neuron), np.zeros(size, dtype)
    for cur in drawn(dtype, 9, size):
        spk, expected = neuron(cur, mem)
        done = integrator.again(cur, mem, None)  # None in the first step
        floats, mem = integrator.step(cur, mem, None) if done is None else done
        assert same_bits(mem, expected)
        assert same_bits(floats, spk.astype(dtype))
