"""Streams: the runs of any stretches of time together are one run, bit for bit."""

import gc
import threading

import numpy as np
import pytest
from cases import EMBEDDED, currents, same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import ALL, assert_same_runs, joined

import fastlif
from fastlif.execution import currents as cut

F4 = np.float32
RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3}
STEPS, SIZE = 60, 70


@pytest.fixture
def neuron():
    return fastlif.LIF(**RC, refractory=2, order="at_once")


@pytest.fixture
def current():
    return currents(np.random.default_rng(0), (STEPS, SIZE))


@pytest.mark.parametrize("name", EMBEDDED)
def test_stretches_of_an_array_are_one_run(name):
    cell, largest = EMBEDDED[name]
    current = np.random.default_rng(0).uniform(0, largest, (STEPS, SIZE)).astype(F4)
    record = ALL if cell.spike_dtype == np.bool_ else tuple(n for n in ALL if n != "packed")
    one = cell.run(current, record=record)
    assert len(one.events.step)
    for chunk in (7, 59, 60, 1000):
        runs = list(cell.stream(current, chunk=chunk, record=record))
        assert len(runs) == -(-STEPS // chunk)
        assert_same_runs(joined(runs), one)


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(0, STEPS), max_size=6),
    every=st.integers(1, 11),
    select=st.booleans(),
)
def test_any_chunks_with_any_choice_of_rows_and_neurons_are_one_run(cuts, every, select):
    cell, rng = fastlif.LIF(**RC), np.random.default_rng(1)
    current, initial = currents(rng, (STEPS, 9)), rng.uniform(0, 1, 9)  # float64
    options = {"record": ALL, "every": every, "neurons": [7, 0, 7, -1] if select else None}
    chunks = np.split(current, sorted(cuts))  # some of them empty
    runs = list(cell.stream(iter(chunks), initial, **options))
    assert [len(run.spikes) for run in runs] == [len(chunk) for chunk in chunks]
    assert_same_runs(joined(runs), cell.run(current, initial, **options))


SOURCES = {
    "Poisson": fastlif.PoissonSpikes(100.0, weight=3.0, seed=1, time_step=1e-3),
    "changing rate": fastlif.PoissonSpikes(
        np.linspace(0, 300, STEPS)[:, None], weight=3.0, seed=1, time_step=1e-3
    ),
    "noise with a state": fastlif.OrnsteinUhlenbeckCurrent(
        mean=0.3, std=0.3, tau=0.01, seed=2, time_step=1e-3
    ),
    "sum with an array": fastlif.GaussianCurrent(mean=0.1, std=0.2, seed=3)
    + currents(np.random.default_rng(0), (STEPS, SIZE)),
}


@pytest.mark.parametrize("name", SOURCES)
def test_stretches_of_a_source_are_one_run(neuron, name):
    source, initial = SOURCES[name], neuron.initial_state(SIZE)
    one = neuron.run(source, initial, steps=STEPS, record=ALL)
    assert_same_runs(
        joined(list(neuron.stream(source, initial, steps=STEPS, chunk=7, record=ALL))), one
    )


@pytest.mark.parametrize(
    "value", [0.4, np.float64(0.4), np.linspace(0, 0.6, SIZE, dtype=F4), [0.3, 1]]
)
def test_stretches_of_a_constant_are_one_run(neuron, value):
    if isinstance(value, list):
        value = np.array(value)
    one = neuron.run(value, steps=STEPS, record=ALL)
    assert_same_runs(joined(list(neuron.stream(value, steps=STEPS, chunk=7, record=ALL))), one)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.astype(">f4"),
        lambda a: a.astype(np.float64),
        lambda a: (a * 9).astype(np.uint8),
        np.asfortranarray,
        lambda a: a[:, :1],
        lambda a: a.reshape(STEPS, 7, 10),
        lambda a: a[:0],
        lambda a: a[:, :0],
    ],
)
def test_stretches_of_any_layout_are_one_run(neuron, current, change):
    current = change(current)
    one = neuron.run(current, record=ALL)
    assert_same_runs(joined(list(neuron.stream(current, chunk=13, record=ALL))), one)


def test_a_stream_continues_a_run(neuron, current):
    first = neuron.run(current[:20])
    one = neuron.run(current[20:], first.final, record=ALL)
    assert_same_runs(
        joined(list(neuron.stream(current[20:], first.final, chunk=9, record=ALL))), one
    )


def test_lists_of_python_numbers_are_chunks_of_float64(neuron):
    values = np.random.default_rng(0).uniform(0, 0.6, (30, 3))
    runs = list(neuron.stream([values[:10].tolist(), values[10:].tolist()]))
    assert_same_runs(joined(runs), neuron.run(values.tolist()))
    assert runs[0].membrane.dtype == np.float64
    # Python numbers do not widen an initial state.
    initial = np.zeros(3, F4)
    runs = list(neuron.stream([values[:10].tolist(), values[10:].tolist()], initial))
    assert_same_runs(joined(runs), neuron.run(values.tolist(), initial))
    assert runs[1].membrane.dtype == F4


def test_the_next_chunk_may_depend_on_the_last_run(neuron):
    spikes, currents = [], []

    def feedback():
        for _ in range(6):
            last = spikes[-1].any(axis=0) if spikes else np.zeros(5, bool)
            currents.append(np.full((10, 5), 0.4, F4) - F4(0.3) * last)
            yield currents[-1]

    spikes.extend(run.spikes for run in neuron.stream(feedback()))
    current = np.concatenate(currents)
    assert len(np.unique(current)) == 2
    assert same_bits(np.concatenate(spikes), neuron.run(current).spikes)


def test_the_state_and_the_steps_are_those_after_the_last_run(neuron, current):
    stream = neuron.stream(current, chunk=25)
    assert (stream.state, stream.steps) == (None, 0)
    for run, steps in zip(stream, (25, 50, 60), strict=True):
        assert stream.state is run.final
        assert stream.steps == steps
    assert next(stream, None) is None
    assert stream.state.steps == 60


def test_the_default_stretch_has_some_megabytes():
    assert cut.default_chunk(2**15, []) == 1024
    assert cut.default_chunk(2**15, [100, 300]) == 900
    assert cut.default_chunk(2**15, [5000]) == 5000  # one block, although it is larger
    assert cut.default_chunk(2**15, [2**20]) == 1024  # a block that is too large is cut
    assert cut.default_chunk(2**40, [7]) == 1
    assert cut.default_chunk(0, []) == 2**25


# --- arrays in memory as out ----------------------------------------------------------------------


def test_out_holds_all_steps_and_the_runs_their_rows(neuron, current):
    one = neuron.run(current, record=ALL, every=7)
    out = {name: np.empty_like(getattr(one, name)) for name in ALL[:4]}
    runs = list(neuron.stream(current, chunk=13, every=7, out=out))
    for name, array in out.items():
        assert same_bits(array, getattr(one, name)), name
    assert_same_runs(joined(runs), one._replace(events=None))
    assert runs[1].spikes.base is not None
    assert np.shares_memory(runs[1].spikes, out["spikes"])


def test_out_for_an_iterable_needs_the_number_of_steps(neuron, current):
    out = {"spikes": np.empty(current.shape, bool)}
    chunks = np.split(current, [20, 45])
    with pytest.raises(
        ValueError, match=r"^steps must be given with out for an iterable of chunks"
    ):
        neuron.stream(chunks, out=out)
    list(neuron.stream(chunks, out=out, steps=STEPS))
    assert same_bits(out["spikes"], neuron.run(current).spikes)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (50, "chunk 2 must end at step 50, which steps= sets, got 15 steps from step 45 on"),
        (70, "the chunks must have 70 steps in all, got 60"),
    ],
)
def test_chunks_must_have_as_many_steps_as_were_announced(neuron, current, steps, message):
    stream = neuron.stream(np.split(current, [20, 45]), steps=steps)
    with pytest.raises(ValueError, match=message):
        list(stream)
    assert stream.steps == (45 if steps == 50 else 60)


# --- bad arguments and errors on the way ----------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "error", "message"),
    [
        (
            np.zeros((5, 71), F4),
            ValueError,
            r"chunk 1 must have dtype float32 and shape \(steps, 70\)",
        ),
        (np.zeros((5, 70)), ValueError, r"chunk 1 must have dtype float32 .* and dtype float64$"),
        (
            np.zeros((5, 70, 1), F4),
            ValueError,
            r"chunk 1 must .* got an array of shape \(5, 70, 1\)",
        ),
        (np.float32(1), ValueError, "chunk 1 must be an array with time as its first axis, got"),
        (None, TypeError, "chunk 1 must be a number or an array of real numbers, got None"),
        (["a"], TypeError, "chunk 1 must hold real numbers"),
    ],
)
def test_a_chunk_unlike_the_first_is_named(neuron, current, chunk, error, message):
    stream = neuron.stream([current, chunk])
    first = next(stream)
    with pytest.raises(error, match=message):
        next(stream)
    assert stream.state is first.final
    assert next(stream, None) is None


def test_numbers_and_arrays_of_float64_are_not_integrated_in_two_dtypes(neuron):
    chunks = [np.full((5, 2), 0.3).tolist(), np.full((5, 2), 0.3)]
    stream = neuron.stream(chunks, np.zeros(2, F4))
    assert next(stream).membrane.dtype == F4
    message = r"chunk 1 must not have dtype float64, because .* are integrated in float32"
    with pytest.raises(ValueError, match=message):
        next(stream)
    assert [run.membrane.dtype for run in neuron.stream(chunks)] == [np.float64] * 2


def test_chunks_of_another_byte_order_are_alike(neuron, current):
    runs = list(neuron.stream([current[:20], current[20:].astype(">f4")], record=ALL))
    assert_same_runs(joined(runs), neuron.run(current, record=ALL))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"chunk": 0}, ValueError, "chunk must be at least 1, got 0"),
        ({"chunk": 2.5}, TypeError, "chunk must be a whole number, got 2.5"),
        ({"every": 0}, ValueError, "every must be at least 1"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"record": "spike"}, ValueError, "record must be one of"),
        ({"neurons": [99]}, IndexError, "neurons must be indices .* got 99"),
        ({"initial": np.zeros(71)}, ValueError, "the shapes do not broadcast"),
        (
            {"initial": fastlif.State(np.zeros(SIZE), np.zeros(SIZE), steps=-1)},
            ValueError,
            "initial.steps must be at least 0, got -1",
        ),
        ({"progress": "yes"}, TypeError, "progress must be"),
        ({"out": {"spikes": np.empty((59, SIZE), bool)}}, ValueError, r"out\['spikes'\] must have"),
        ({"out": {"spikes": np.empty((60, SIZE))}}, TypeError, r"out\['spikes'\] must have dtype"),
        ({"out": {"events": []}}, ValueError, "out cannot hold 'events'"),
        ({"out": 3}, TypeError, "out must map"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path, got 3"),
        (
            {"checkpoint": "/nowhere/at/all"},
            ValueError,
            "checkpoint must be in a folder that exists",
        ),
        ({"checkpoint": "/"}, ValueError, "checkpoint must be a file, got the folder"),
    ],
)
def test_bad_arguments_raise_at_once(neuron, current, options, error, message):
    with pytest.raises(error, match=message):
        neuron.stream(current, **options)


@pytest.mark.parametrize(
    ("current", "options", "error", "message"),
    [
        (0.4, {}, ValueError, "current must have time as its first axis, got 0.4 .* give steps="),
        (None, {}, TypeError, "current must be a number or an array of real numbers, got None"),
        ({}, {}, TypeError, r"current must hold real numbers .* got {} \(dict\)"),
        (SOURCES["Poisson"], {}, ValueError, "steps must be given for a source"),
        (SOURCES["changing rate"], {"steps": 61}, ValueError, "61"),
        (
            [np.zeros((3, 4))],
            {"chunk": 3},
            ValueError,
            "chunk is the number of steps .* got chunk=3",
        ),
        (np.zeros((3, 4), complex), {}, TypeError, "current must hold real numbers"),
        (0.4, {"steps": -1}, ValueError, "steps must be at least 0"),
    ],
)
def test_bad_currents_raise_at_once(neuron, current, options, error, message):
    with pytest.raises(error, match=message):
        neuron.stream(current, **options)


def test_no_output_may_overlap_the_current(neuron, current):
    with pytest.raises(ValueError, match=r"out\['membrane'\] must not overlap current in memory"):
        neuron.stream(current, chunk=9, out={"membrane": current})


def test_without_chunks_there_are_no_runs(neuron):
    assert list(neuron.stream([])) == []
    assert list(neuron.stream(iter(()), steps=0)) == []
    with pytest.raises(ValueError, match="the chunks must have 5 steps in all, got 0"):
        list(neuron.stream([], steps=5))


def test_an_error_of_the_iterable_leaves_the_state(neuron, current):
    def chunks():
        yield current[:20]
        raise RuntimeError("no more")

    stream = neuron.stream(chunks(), record=ALL)
    first = next(stream)
    with pytest.raises(RuntimeError, match="no more"):
        next(stream)
    assert stream.state is first.final
    assert stream.steps == 20
    more = neuron.run(current[20:], stream.state)
    assert same_bits(more.spikes, neuron.run(current).spikes[20:])


def test_an_interrupt_closes_the_stream(neuron, current):
    def interrupt(done, total):
        if done > 25 * SIZE:
            raise KeyboardInterrupt

    stream = neuron.stream(current, chunk=20, progress=interrupt)
    next(stream)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert stream.steps == 20
    assert next(stream, None) is None


# --- progress -------------------------------------------------------------------------------------


def test_progress_covers_all_stretches(neuron, current):
    told = []
    list(neuron.stream(current, chunk=7, progress=lambda *report: told.append(report)))
    assert told == sorted(told)
    assert told[-1] == (STEPS * SIZE, STEPS * SIZE)
    assert {total for _, total in told} == {STEPS * SIZE}
    assert len(told) >= 9


def test_progress_goes_on_within_a_stretch(neuron, monkeypatch):
    monkeypatch.setattr("fastlif.execution.plan._CALL_DENSE", 20 * SIZE)
    told = []
    current = np.zeros((STEPS, SIZE), F4)
    list(neuron.stream(current, chunk=40, progress=lambda done, total: told.append(done // SIZE)))
    assert {20, 40, 60} <= set(told)


def test_the_total_of_chunks_may_be_unknown(neuron, current):
    told = []
    list(neuron.stream(np.split(current, 3), progress=lambda *report: told.append(report)))
    assert told[-1] == (STEPS * SIZE, None)


@pytest.mark.parametrize("chunks", [False, True])
def test_a_bar_shows_the_rate_and_the_remaining_time(neuron, current, chunks, capsys):
    list(neuron.stream(np.split(current, 3) if chunks else current, progress=True))
    shown = capsys.readouterr().err
    assert "neuron-step/s" in shown
    assert "4.20k" in shown
    assert ("100%" in shown) != chunks


# --- closing --------------------------------------------------------------------------------------


def test_a_stream_in_memory_has_no_threads_of_its_own(neuron, current):
    before = set(threading.enumerate())
    stream = neuron.stream(current, chunk=7)
    next(stream)
    assert set(threading.enumerate()) == before


def test_the_name_of_a_file_is_no_iterable_of_chunks(neuron):
    with pytest.raises(TypeError, match=r"current must hold real numbers .* got 'current\.zarr'"):
        neuron.stream("current.zarr")


def test_a_closed_stream_is_at_its_end(neuron, current):
    with neuron.stream(current, chunk=7) as stream:
        next(stream)
        assert repr(stream) == f"<Stream after 7 of {len(current)} steps>"
    assert next(stream, None) is None
    stream.close()
    assert stream.steps == 7
    assert repr(stream) == f"<Stream after 7 of {len(current)} steps, closed>"
    assert repr(neuron.stream(iter([current]))) == "<Stream after 0 steps>"


def test_a_stream_that_is_dropped_needs_no_garbage_collection(neuron, tmp_path, current):
    file = np.memmap(tmp_path / "spikes", bool, "w+", shape=current.shape)
    before = set(threading.enumerate())
    gc.disable()
    try:
        stream = neuron.stream(current, chunk=7, out={"spikes": file})
        run = next(stream)
        del stream
        assert set(threading.enumerate()) == before
    finally:
        gc.enable()
    assert same_bits(np.asarray(file[:7]), run.spikes)
