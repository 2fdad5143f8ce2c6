"""What the general LIF's settings cost, beside the plain neuron; full record, into buffers."""

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
    """Make buffers whose pages the system has already given."""
    return {"membrane": np.full(shape, 1, np.float32), "spikes": np.full(shape, 1, np.bool_)}


@pytest.mark.benchmark(group="general LIF, beside the plain one")
@pytest.mark.parametrize("settings", SETTINGS)
def test_general(beside, current, out, threads, settings):
    """Read 4 bytes and write 5 a neuron-step, as the plain neuron does."""
    neuron, plain = fastlif.LIF(**SETTINGS[settings]), fastlif.LIF()
    beside(
        lambda: neuron.run(current, out=out, threads=threads), 9,
        lambda: plain.run(current, out=out, threads=threads), current.size,
        "rate by the plain neuron's", by_steps=True, writes=True,
    )  # fmt: skip
    assert out["spikes"].any()
