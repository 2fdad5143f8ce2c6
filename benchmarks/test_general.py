"""The cost of the general LIF's options, compared with the plain neuron, with dense records."""

import numpy as np
import pytest

import fastlif

AT_ONCE = {"order": "at_once", "reset_mechanism": "value", "reset_to": -0.1}
SETTINGS = {
    "exact": {"integration": "exact"},
    "rest, reset to a value": {**AT_ONCE, "rest": 0.05},
    "refractory, held": {**AT_ONCE, "refractory": 5},
    "refractory, integrating": {**AT_ONCE, "refractory": 5, "while_refractory": "integrate"},
    "exact, refractory": {**AT_ONCE, "refractory": 5, "integration": "exact"},
    "floor": {"floor": -0.1},
}


@pytest.fixture(scope="module")
def out(shape):
    """Create buffers whose pages are already allocated."""
    return {"membrane": np.full(shape, 1, np.float32), "spikes": np.full(shape, 1, np.bool_)}


@pytest.mark.benchmark(group="general LIF, compared with the plain one")
@pytest.mark.parametrize("settings", SETTINGS)
def test_general(beside, current, out, threads, settings):
    """Each neuron-step reads 4 bytes and writes 5, as for the plain neuron."""
    neuron, plain = fastlif.LIF(**SETTINGS[settings]), fastlif.LIF()
    beside(
        lambda: neuron.run(current, out=out, threads=threads), 9,
        lambda: plain.run(current, out=out, threads=threads), current.size,
        "rate relative to the plain neuron", by_steps=True, writes=True,
    )  # fmt: skip
    assert out["spikes"].any()
