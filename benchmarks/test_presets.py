"""Presets compared with the simulators' own neurons: same current, membranes and spikes.

A simulator that is not installed is skipped and listed as missing; .ci/peers installs them. The
code that runs the simulators is in tests/peers and is also used by the tests of the presets.
"""

import statistics
import time

import numpy as np
import pytest
from peers.tables import TABLES, peer_of

from fastlif import presets

STEPS, NEURONS = 500, 2000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.benchmark(group="presets, compared with their simulators")
@pytest.mark.parametrize("name", TABLES)
def test_preset(benchmark, noted, shape, name):
    """Check that every spike is equal, then time both alternately."""
    case = TABLES[name].CASES[name][0]
    steps, neurons = min(shape[0], STEPS), min(shape[1], NEURONS)
    current = np.random.RandomState(0).uniform(case.low, case.high, (steps, neurons))
    current = current.astype(case.dtype)
    peer = getattr(peer_of(name), name)
    neuron = getattr(presets, name)(**case.parameters)
    assert np.array_equal(neuron.run(current).spikes, peer(current, **case.parameters)[0])
    ratios = []

    def setup():
        start = time.perf_counter()
        peer(current, **case.parameters)
        between = time.perf_counter()
        neuron.run(current)
        ratios.append((between - start) / (time.perf_counter() - between))

    benchmark.pedantic(lambda: neuron.run(current), setup=setup, rounds=5, warmup_rounds=1)
    itemsize = current.dtype.itemsize
    noted(current.size, 2 * itemsize + neuron.spike_dtype.itemsize, writes=True)
    benchmark.extra_info["times as fast as the simulator"] = statistics.median(ratios)
    print(f"\n{name}: {statistics.median(ratios):.0f} times as fast as the simulator")
