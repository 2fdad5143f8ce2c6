"""Spikes to and from the spike trains of Neo."""

import numpy as np
import pytest

import fastlif
from fastlif import Events, spikes

neo = pytest.importorskip("neo")

from fastlif.interop.neo import from_neo, to_neo  # noqa: E402

DT = 1e-3


def drawn(shape=(50, 4, 6), density=0.2):
    dense = np.random.default_rng(0).random(shape) < density
    dense[:, 0, 2] = False  # silent
    return dense


def test_every_neuron_has_a_train():
    dense = drawn()
    events = spikes.to_events(dense)
    trains = events.to_neo(DT, steps=50, population=(4, 6))
    assert len(trains) == 24
    assert all(type(train) is neo.SpikeTrain for train in trains)
    for train, expected in zip(trains, spikes.trains(dense, DT), strict=True):
        assert train.dimensionality.string == "s"
        assert (float(train.t_start), float(train.t_stop)) == (0, 50 * DT)
        assert np.array_equal(train.magnitude, expected)
    assert not len(trains[2])


@pytest.mark.parametrize("dt", [1e-3, 1e-4, 0.1, 1.0, 1 / 3, 3e-5])
def test_the_steps_come_back(dt):
    rng = np.random.default_rng(0)
    for steps in (10, 1000, 3_000_000):
        step = np.unique(rng.integers(0, steps, 500))
        events = Events(np.append(step, steps), np.append(rng.integers(0, 7, len(step)), 6))
        found = Events.from_neo(events.to_neo(dt, steps=steps + 1, population=7), dt)
        assert all(a.dtype == np.int64 for a in found)
        assert all(map(np.array_equal, found, events))


def test_all_formats_and_runs():
    dense = drawn()
    current = np.random.default_rng(0).uniform(0, 0.6, (50, 4)).astype(np.float32)
    run = fastlif.LIF(R=5.1, C=5e-3, order="at_once").run(current)
    for value, known in [
        (dense, {}),
        (spikes.to_packed(dense), {"population": 24}),
        (spikes.to_events(dense), {"population": 24, "steps": 50}),
        (run, {}),
    ]:
        found = from_neo(to_neo(value, DT, **known), DT)
        assert all(map(np.array_equal, found, spikes.to_events(value)))


def test_offsets_come_back():
    events = spikes.to_events(drawn())
    offsets = np.random.default_rng(1).uniform(0.01, 0.99, len(events.step))
    trains = events.to_neo(DT, steps=50, population=24, offsets=offsets)
    assert np.array_equal(Events.from_neo(trains, DT).step, events.step)
    found, found_offsets = from_neo(trains, DT, offsets=True)
    assert all(map(np.array_equal, found, events))
    np.testing.assert_allclose(found_offsets, offsets, atol=1e-11)
    times = spikes.times(found, DT, offsets=found_offsets)
    np.testing.assert_allclose(times, spikes.times(events, DT, offsets=offsets), rtol=1e-14)


def test_units_start_order_and_borders():
    trains = [
        neo.SpikeTrain([103.0, 101.0, 101.2, 100.0], units="ms", t_start=100.0, t_stop=110.0),
        neo.SpikeTrain([0.11], units="s", t_start=0.1, t_stop=0.11),
        neo.SpikeTrain([], units="ms", t_start=100.0, t_stop=110.0),
    ]
    events, offsets = from_neo(trains, DT, offsets=True)
    assert events.step.tolist() == [0, 0, 1, 2, 9]
    assert events.neuron.tolist() == [0, 0, 0, 0, 1]
    np.testing.assert_allclose(offsets, [0, 1, 0.2, 1, 1], atol=1e-9)
    assert [len(field) for field in from_neo(iter([]), DT)] == [0, 0]


def test_bad_trains():
    for trains, name in ((None, "None"), (neo.Block(), "Block")):
        with pytest.raises(TypeError, match=f"trains must be a sequence of neo.SpikeTrain.*{name}"):
            Events.from_neo(trains, DT)
    far = neo.SpikeTrain([1e17], t_stop=1e18, units="s")
    with pytest.raises(ValueError, match=r"times of at most 9\.0072e\+15 steps, got 1e\+20"):
        Events.from_neo([far], DT)


def test_bad_input():
    events = Events([1], [0])
    train = events.to_neo(DT, steps=3, population=1)[0]
    with pytest.raises(ValueError, match="steps must be given"):
        to_neo(events, DT, population=1)
    with pytest.raises(ValueError, match=r"spikes\.step must be from 0 to 0, got 1"):
        events.to_neo(DT, steps=1, population=1)
    with pytest.raises(ValueError, match="time_step must be greater than 0"):
        events.to_neo(0, steps=3, population=1)
    with pytest.raises(TypeError, match=r"sequence of neo.SpikeTrain, got \[0.1\]"):
        from_neo([[0.1]], DT)
    with pytest.raises(TypeError, match=r"sequence of neo.SpikeTrain, got one neo.SpikeTrain"):
        from_neo(train, DT)
    other = neo.SpikeTrain([], units="s", t_start=1, t_stop=2)
    with pytest.raises(ValueError, match=r"same t_start, got \[0.0, 1.0\] s"):
        from_neo([train, other], DT)
