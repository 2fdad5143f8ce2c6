"""Neurons of fastlif inside Nengo, compared with Nengo's own neurons in the same network.

The network is one ensemble with a constant input. Without a decoded connection, a step consists of
the input currents and the neurons; with it, the products with the decoders are added.
"""

import statistics
import time

import numpy as np
import pytest

from fastlif import presets

nengo = pytest.importorskip("nengo", reason="missing: nengo")
from fastlif.interop.nengo import NeuronType  # noqa: E402 - which imports Nengo

OWN = {
    "nengo_lif": nengo.LIF,
    "nengo_spiking_rectified_linear": nengo.SpikingRectifiedLinear,
}


@pytest.fixture
def peer_shape(request):
    """Return (steps, neurons) of the ensemble."""
    return request.config.getoption("peer_steps"), request.config.getoption("peer_neurons")


def simulator(neuron_type, size, probed, connected):
    """Return a simulator of one ensemble, and the probe of its spikes if there is one."""
    with nengo.Network(seed=0) as network:
        network.config[nengo.Ensemble].gain = np.linspace(0.5, 2, size)
        network.config[nengo.Ensemble].bias = np.linspace(0, 3, size)
        ensemble = nengo.Ensemble(size, 1, neuron_type=neuron_type)
        nengo.Connection(nengo.Node(0.5), ensemble)
        if connected:
            decoders = np.full((1, size), 1e-4)
            nengo.Connection(ensemble.neurons, nengo.Node(size_in=1), transform=decoders)
        probe = nengo.Probe(ensemble.neurons) if probed else None
    return nengo.Simulator(network, progress_bar=False), probe


@pytest.mark.filterwarnings("ignore")
@pytest.mark.benchmark(group="inside Nengo, compared with its own neurons")
@pytest.mark.parametrize("connected", [False, True], ids=["neurons", "network"])
@pytest.mark.parametrize("name", OWN)
def test_nengo(benchmark, noted, peer_shape, name, connected):
    """Check that every spike is equal, then time both alternately."""
    steps, size = peer_shape
    ours, theirs = NeuronType(getattr(presets, name)()), OWN[name]()
    spikes = []
    for neuron_type in (ours, theirs):
        checked, probe = simulator(neuron_type, min(size, 2000), True, connected)
        with checked:
            checked.run_steps(100)
        spikes.append(checked.data[probe])
    assert spikes[0].any()
    assert np.array_equal(*spikes)

    run, reference = (simulator(kind, size, False, connected)[0] for kind in (ours, theirs))
    ratios = []

    def setup():
        start = time.perf_counter()
        reference.run_steps(steps)
        between = time.perf_counter()
        run.run_steps(steps)
        ratios.append((between - start) / (time.perf_counter() - between))

    with run, reference:
        benchmark.pedantic(lambda: run.run_steps(steps), setup=setup, rounds=5, warmup_rounds=1)
    noted(size * steps, 8 * 5 + 1, writes=True)
    benchmark.extra_info["times as fast as Nengo's neurons"] = statistics.median(ratios)
    print(f"\n{name}: {statistics.median(ratios):.2f} times as fast as Nengo's own neurons")
