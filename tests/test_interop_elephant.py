"""Statistics and distances of spikes, compared with Elephant's."""

import numpy as np
import pytest

from fastlif import spikes

pytest.importorskip("elephant")
pytest.importorskip("neo")

import quantities as pq
from elephant import spike_train_dissimilarity, statistics

from fastlif.interop.neo import to_neo

# Elephant's own use of its dependencies.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The 'copy' argument in Quantity:quantities.QuantitiesDeprecationWarning"
)

DT, STEPS, SIZE = 1e-3, 400, 25
DENSE = np.random.default_rng(0).random((STEPS, SIZE)) < np.linspace(0, 0.3, SIZE)
FORMATS = {
    "dense": (DENSE, {}),
    "packed": (spikes.to_packed(DENSE), {"population": SIZE}),
    "events": (spikes.to_events(DENSE), {"population": SIZE, "steps": STEPS}),
}
each_format = pytest.mark.parametrize(("value", "known"), FORMATS.values(), ids=FORMATS)


def offsets():
    return np.random.default_rng(1).random(DENSE.sum())


@each_format
@pytest.mark.parametrize("within", [None, offsets()], ids=["", "offsets"])
def test_intervals_and_their_variability(value, known, within):
    trains = to_neo(value, DT, **known, offsets=within)
    own = spikes.intervals(value, DT, **known, offsets=within)
    variability = spikes.cv(value, **known, offsets=within)
    first = spikes.first_spikes(value, DT, **known, offsets=within)
    assert np.isnan(first[0])  # silent
    assert np.isnan(variability[0])
    for k in range(1, SIZE):
        theirs = statistics.isi(trains[k])
        np.testing.assert_allclose(own[k], theirs.rescale("s").magnitude, atol=1e-15)
        np.testing.assert_allclose(variability[k], statistics.cv(theirs), rtol=1e-9)
        assert first[k] == trains[k].magnitude[0]


@each_format
def test_rates(value, known):
    trains = to_neo(value, DT, **known)
    theirs = [float(statistics.mean_firing_rate(train).rescale("Hz")) for train in trains]
    np.testing.assert_allclose(spikes.rates(value, DT, **known), theirs, rtol=1e-12)


@each_format
@pytest.mark.parametrize("window", [1, 5, 40])
def test_population_rate(value, known, window):
    # Elephant's bins are open on the right, and a spike at the end of a step belongs to the step.
    middle = np.full(int(DENSE.sum()), 0.5)
    trains = to_neo(value, DT, **known, offsets=middle)
    histogram = statistics.time_histogram(trains, window * DT * pq.s, output="rate")
    theirs = histogram.rescale("Hz").magnitude.ravel()
    own = spikes.population_rate(value, DT, window, **known)
    np.testing.assert_allclose(own, theirs, rtol=1e-9)


@each_format
@pytest.mark.parametrize("within", [None, offsets()], ids=["", "offsets"])
@pytest.mark.parametrize("tau", [1e-4, 5e-3, 0.3, np.inf])
def test_van_rossum(value, known, within, tau):
    trains = to_neo(value, DT, **known, offsets=within)
    theirs = spike_train_dissimilarity.van_rossum_distance(trains, tau * pq.s)
    own = spikes.van_rossum(value, time_step=DT, tau=tau, **known, offsets=within)
    np.testing.assert_allclose(own, theirs, rtol=1e-7, atol=1e-6)


@each_format
@pytest.mark.parametrize("within", [None, offsets()], ids=["", "offsets"])
@pytest.mark.parametrize("cost", [0.0, 10.0, 300.0, 1e5])
def test_victor_purpura(value, known, within, cost):
    trains = to_neo(value, DT, **known, offsets=within)
    theirs = spike_train_dissimilarity.victor_purpura_distance(trains, cost * pq.Hz)
    own = spikes.victor_purpura(value, time_step=DT, cost=cost, **known, offsets=within)
    np.testing.assert_allclose(own, theirs, rtol=1e-9, atol=1e-9)
