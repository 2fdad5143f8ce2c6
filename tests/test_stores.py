"""Streaming stores: the same bits, nothing written beside the rows, and a choice by measurement."""

import numpy as np
import pytest
from cases import same_bits, variables

import fastlif
from fastlif import presets
from fastlif.execution import records, stores

BOTH = ("membrane", "spikes")


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(records, "LARGE", 0)
    monkeypatch.setattr(stores, "CHOICE", stores.Choice())
    monkeypatch.setattr(stores, "_PATIENCE", -1)


def run(monkeypatch, streams, make, current, **keywords):
    monkeypatch.setenv(stores.ENVIRONMENT, streams)
    return make().run(current, **keywords)


def assert_same(run, expected):
    for name in ("membrane", "spikes", "packed", "counts"):
        a, b = getattr(run, name), getattr(expected, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert same_bits(a, b)
    assert (run.events is None) == (expected.events is None)
    if run.events is not None:
        assert all(map(np.array_equal, run.events, expected.events))
    assert all(map(same_bits, variables(run.final), variables(expected.final)))
    assert run.final.steps == expected.final.steps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [2, 15, 16, 63, 64, 65, 1000, 4099])
def test_bits_do_not_depend_on_the_stores(monkeypatch, size, dtype):
    current = np.random.default_rng(size).uniform(0, 0.8, (23, size)).astype(dtype)
    for record in (BOTH, "membrane", "spikes", (*BOTH, "packed", "counts", "events")):
        keywords = {"record": record, "threads": 2}
        assert_same(
            run(monkeypatch, "1", fastlif.LIF, current, **keywords),
            run(monkeypatch, "0", fastlif.LIF, current, **keywords),
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: fastlif.LIF(refractory=2, R=np.linspace(4, 6, 777)),
        lambda: presets.sinabs_lif(tau_mem=20.0, norm_input=False),  # several spikes per step
        presets.norse_lif,
    ],
)
def test_other_neurons(monkeypatch, make):
    current = np.random.default_rng(3).uniform(0, 3, (23, 777)).astype(np.float32)
    assert_same(run(monkeypatch, "1", make, current), run(monkeypatch, "0", make, current))


@pytest.mark.parametrize("offset", [0, 1, 7, 16])
def test_nothing_is_written_beside_the_rows(monkeypatch, offset):
    current = np.random.default_rng(4).uniform(0, 0.8, (30, 500)).astype(np.float32)
    wide = {"membrane": np.full((30, 600), 7, np.float32), "spikes": np.ones((30, 600), bool)}
    out = {name: array[:, offset : offset + 500] for name, array in wide.items()}
    run(monkeypatch, "1", fastlif.LIF, current, out=out)
    expected = run(monkeypatch, "0", fastlif.LIF, current)
    assert same_bits(np.ascontiguousarray(out["membrane"]), expected.membrane)
    assert same_bits(np.ascontiguousarray(out["spikes"]), expected.spikes)
    for array, filler in zip(wide.values(), (7, True), strict=True):
        assert (array[:, :offset] == filler).all()
        assert (array[:, offset + 500 :] == filler).all()


def test_the_faster_stores_are_chosen():
    for ratio, streams in ((0.7, True), (0.99, False), (1.4, False)):
        choice = stores.Choice()
        while choice.streams is None:
            choice.add(ratio)
        assert choice.streams is streams


@pytest.mark.parametrize(("seconds", "streams"), [((1.0, 0.6), True), ((1.0, 1.4), False)])
def test_a_trial_compares_both_in_turns(monkeypatch, seconds, streams):
    monkeypatch.delenv(stores.ENVIRONMENT, raising=False)
    now = [0.0]
    monkeypatch.setattr(stores.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(stores, "_page_faults", lambda: 0)
    trial, used = stores.Trial(), []
    while stores.CHOICE.streams is None:
        used.append(trial.begin())
        now[0] += seconds[used[-1]]
        trial.end(1000)
    assert stores.CHOICE.streams is streams
    assert used[:8] == [False, True, True, False] * 2
    assert trial.begin() is streams


def test_stretches_with_page_faults_do_not_count(monkeypatch):
    monkeypatch.delenv(stores.ENVIRONMENT, raising=False)
    faults = iter(range(1000))
    monkeypatch.setattr(stores, "_page_faults", lambda: next(faults))
    trial = stores.Trial()
    for _ in range(200):
        trial.begin()
        trial.end(1000)
    assert stores.CHOICE.streams is None


def test_nothing_is_tried_in_short_programs(monkeypatch):
    monkeypatch.delenv(stores.ENVIRONMENT, raising=False)
    monkeypatch.setattr(stores, "_PATIENCE", 5)
    now = [0.0]
    monkeypatch.setattr(stores.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(stores, "_page_faults", lambda: 0)
    trial, used = stores.Trial(), []
    for _ in range(10):
        used.append(trial.begin())
        now[0] += 1
        trial.end(1000)
    assert used == [False] * 7 + [True, True, False]


def test_a_wrong_setting_is_an_error(monkeypatch):
    with pytest.raises(ValueError, match=r"FASTLIF_STREAMING_STORES must be 0 .* got 'yes'"):
        run(monkeypatch, "yes", fastlif.LIF, np.zeros((3, 100), np.float32))
