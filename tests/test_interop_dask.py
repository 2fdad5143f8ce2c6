"""Runs over dask arrays equal one ``neuron.run``, bit for bit, whatever the chunks and workers."""

import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest
from cases import EMBEDDED, same_bits

import fastlif
from fastlif import presets, sources
from fastlif.interop.dask.layout import are_adjacent, bytes_of, cells_of

pytest.importorskip("dask.array")
pytest.importorskip("distributed")

import dask
import dask.array as da
from dask.highlevelgraph import HighLevelGraph

from fastlif.interop.dask import run

# A busy disk is none of fastlif's business.
pytestmark = pytest.mark.filterwarnings("ignore:Creating scratch directories:UserWarning")

F4 = np.float32
ALL = ("membrane", "spikes", "packed", "counts", "events")
STEPS, SIZE = 40, 70  # the neurons in EMBEDDED have 70 values of their parameters
CHUNKS = {
    "one": ((40,), (70,)),
    "neurons": ((40,), (32, 38)),
    "time": ((13, 27), (70,)),
    "both": ((8, 32), (24, 40, 6)),
    "single steps": ((1,) * 40, (35, 35)),
    "single neurons": ((40,), (1,) * 70),
    "irregular": ((3, 1, 30, 6), (1, 2, 30, 3, 33, 1)),
    "empty": ((0, 25, 0, 15, 0), (0, 9, 0, 0, 61, 0)),
}


@pytest.fixture(autouse=True)
def _one_thread():
    """The threads of Dask are tested separately."""
    with dask.config.set(scheduler="synchronous"):
        yield


def drawn(shape=(STEPS, SIZE), most=0.6, dtype=F4, seed=0):
    return np.random.default_rng(seed).uniform(0, most, shape).astype(dtype)


def assert_same(got, expected, path="run"):
    """Compare runs, states, events and arrays bit for bit, and also whether they are absent."""
    assert type(got) is type(expected), path
    if isinstance(expected, tuple):
        for name in expected._fields:
            assert_same(getattr(got, name), getattr(expected, name), f"{path}.{name}")
    elif isinstance(expected, np.ndarray):
        assert same_bits(got, expected), path
    else:
        assert got == expected, path


def check(lazy, expected):
    """Compare a lazy run with one run in memory: what it declares, and what it computes."""
    (got,) = dask.compute(lazy)
    assert_same(got, expected)
    pairs = [(getattr(lazy, name), getattr(expected, name)) for name in ALL if name != "events"]
    pairs += zip(lazy.final, expected.final, strict=True)
    for declared, array in pairs:
        if isinstance(declared, da.Array):
            assert declared.dtype == array.dtype
            assert declared.shape == array.shape
    return got


# --- chunks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_chunks_do_not_change_the_bits(chunks):
    neuron, current = EMBEDDED["refractory"][0], drawn()
    lazy = run(neuron, da.from_array(current, chunks), record=ALL)
    assert lazy.membrane.chunks == lazy.spikes.chunks == chunks
    assert lazy.counts.chunks == lazy.final.mem.chunks == chunks[1:]
    check(lazy, neuron.run(current, record=ALL))


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_kind_of_neuron(name):
    neuron, most = EMBEDDED[name]
    record = tuple(r for r in ALL if r != "packed" or neuron.spike_dtype == np.bool_)
    current = drawn(most=most)
    expected = neuron.run(current, record=record)
    assert expected.counts.sum() > 0
    check(run(neuron, da.from_array(current, CHUNKS["irregular"]), record=record), expected)


@pytest.mark.parametrize("record", [*ALL, (), ("spikes", "counts")], ids=str)
def test_each_record_alone(record):
    current = drawn()
    expected = fastlif.LIF().run(current, record=record)
    check(run(fastlif.LIF(), da.from_array(current, CHUNKS["both"]), record=record), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, np.bool_, np.float16, ">f4"])
def test_dtypes_of_the_current(dtype):
    current = drawn(most=3).astype(dtype)
    lazy = run(fastlif.LIF(), da.from_array(current, (11, 30)))
    check(lazy, fastlif.LIF().run(current))


def test_a_population_of_two_dimensions():
    neuron = fastlif.LIF(R=drawn((5, 1), 2) + 4, threshold=drawn((7,)) + 0.7)
    current = drawn((STEPS, 5, 7))
    expected = neuron.run(current, record=ALL)
    assert expected.counts.any(axis=0).all()
    rows = da.from_array(current, ((10, 30), (2, 3), (7,)))
    check(run(neuron, rows, record=ALL), expected)
    tiles = da.from_array(current, ((10, 30), (2, 3), (3, 4)))
    others = tuple(name for name in ALL if name != "packed")
    check(run(neuron, tiles, record=others), neuron.run(current, record=others))
    with pytest.raises(ValueError, match=r"chunks must divide only the first axis .*'packed'"):
        run(neuron, tiles, record="packed")
    noise = fastlif.GaussianCurrent()
    with pytest.raises(ValueError, match=r"chunks must divide only the first axis .*a source"):
        run(neuron, noise, steps=3, chunks=(3, 5, (3, 4)))


def test_a_single_neuron_and_none():
    for shape in [(STEPS,), (STEPS, 0), (0, 4), (0,), (0, 0)]:
        current = drawn(shape)
        lazy = run(fastlif.LIF(), da.from_array(current, chunks=-1), record=ALL)
        check(lazy, fastlif.LIF().run(current, record=ALL))
    current = drawn((STEPS,))
    check(run(fastlif.LIF(), da.from_array(current, 7)), fastlif.LIF().run(current))


@pytest.mark.parametrize("shape", [(2, 0), (0, 2)])
def test_no_neurons_along_one_axis(shape):
    result = run(fastlif.LIF(), 0.3, steps=3, population=shape)
    assert result.membrane.compute().shape == (3, *shape)


def test_what_the_current_does_not_divide():
    """Axes that the parameters or the initial state add are divided as these, or as asked for."""
    neuron = EMBEDDED["refractory"][0]
    for shape in [(STEPS, 1), (STEPS,)]:
        current = drawn(shape)
        expected = neuron.run(current, record=ALL)
        lazy = run(neuron, da.from_array(current, 9), record=ALL, chunks=((20, 20), (30, 40)))
        check(lazy, expected)
        assert lazy.spikes.chunks == ((20, 20), (30, 40))
    membrane = da.from_array(drawn((SIZE,)), 50)
    lazy = run(neuron, da.from_array(drawn((STEPS, 1)), 15), membrane)
    assert lazy.spikes.chunks == ((15, 15, 10), (50, 20))
    check(lazy, neuron.run(drawn((STEPS, 1)), membrane.compute()))


# --- arguments ------------------------------------------------------------------------------------


def test_runs_continue_from_lazy_and_computed_states():
    neuron, current = presets.norse_lif(), drawn((60, SIZE), 3.0)
    whole = neuron.run(current, record="counts")
    first = run(neuron, da.from_array(current[:25], (10, 32)))
    for state in (first.final, dask.compute(first)[0].final):
        second = run(neuron, da.from_array(current[25:], (10, 32)), state, record="counts")
        (got,) = dask.compute(second)
        assert_same(got.final, whole.final)
        assert got.counts.sum() == whole.counts.sum() - dask.compute(first)[0].spikes.sum()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("shape", [(SIZE,), (1,), ()])
@pytest.mark.parametrize("dtype", [F4, np.float64, np.int64])
def test_initial_membranes(lazy, shape, dtype):
    membrane = (drawn(shape, 3.0) - 1).astype(dtype)
    expected = fastlif.LIF().run(drawn(), membrane)
    given = da.from_array(membrane, 23 if membrane.size > 1 else -1) if lazy else membrane
    check(run(fastlif.LIF(), da.from_array(drawn(), (15, 30)), given), expected)


@pytest.mark.parametrize("current", [0.4, 1, [0.3, 0.5], F4(0.4), np.float64([0.3, 0.5])], ids=str)
@pytest.mark.parametrize("initial", [None, 0.5, [0.1, 0.2], np.float32([0.1, 0.2])], ids=str)
def test_numbers_do_not_widen_arrays(current, initial):
    expected = fastlif.LIF(rest=0.1).run(current, initial, steps=STEPS)
    chunks = (15, 1)[: expected.spikes.ndim]
    check(run(fastlif.LIF(rest=0.1), current, initial, steps=STEPS, chunks=chunks), expected)


def test_constant_currents():
    neuron, current = EMBEDDED["refractory"][0], drawn((SIZE,))
    expected = neuron.run(current, steps=STEPS, record=ALL)
    chunks = CHUNKS["irregular"]
    check(run(neuron, current, steps=STEPS, chunks=chunks, record=ALL), expected)
    check(run(neuron, da.from_array(current, 9), steps=STEPS, chunks=chunks, record=ALL), expected)
    lazy = run(neuron, da.from_array(current, 40), steps=STEPS, record=ALL)
    assert lazy.spikes.chunks == ((40,), (40, 30))
    check(lazy, expected)
    reduced = da.from_array(current, 9).mean()  # its chunk is a scalar
    check(run(neuron, reduced, steps=STEPS), neuron.run(np.asarray(reduced.compute()), steps=STEPS))


def test_numpy_currents():
    lists = [0.5] * STEPS
    check(run(fastlif.LIF(), lists, chunks=7), fastlif.LIF().run(lists))
    check(run(fastlif.LIF(), drawn(), chunks=(7, -1)), fastlif.LIF().run(drawn()))
    check(run(fastlif.LIF(), drawn()), fastlif.LIF().run(drawn()))


def test_parameters_that_only_some_neurons_have_do_not_change_the_rule():
    """The chunks of neurons with rest = 0 and without a refractory period have the same state."""
    half = np.repeat([0.0, 1.0], SIZE // 2)
    neuron = fastlif.LIF(rest=half / 10, refractory=half, order="at_once")
    lazy = run(neuron, da.from_array(drawn(), (20, 35)))
    check(lazy, neuron.run(drawn()))


def test_parameters_that_are_dask_arrays_are_computed():
    lazy = da.from_array(drawn((SIZE,)) + 4, 10)
    neuron = fastlif.LIF(R=lazy)
    assert isinstance(neuron.R, np.ndarray)
    check(run(neuron, da.from_array(drawn(), (20, 35))), fastlif.LIF(R=lazy.compute()).run(drawn()))


# --- sources --------------------------------------------------------------------------------------

RATES = np.random.default_rng(1).random((STEPS + 20, SIZE))
SOURCES = {
    "Poisson": fastlif.PoissonSpikes(RATES[0], RATES[1].astype(F4), seed=1),
    "Poisson over time": fastlif.PoissonSpikes(RATES, 1.0, seed=1),
    "one rate": fastlif.PoissonSpikes(RATES[:, :1], RATES[0], seed=1),
    "Gaussian": fastlif.GaussianCurrent(RATES[0].astype(F4), 0.3, seed=2),
    "Ornstein-Uhlenbeck": fastlif.OrnsteinUhlenbeckCurrent(0.5, RATES[2], 4.0, 1.0, seed=3),
    "sine": sources.SineCurrent(RATES[0], 0.1),
    "ramp": sources.RampCurrent(0.0, RATES[0].astype(F4), 3, 30),
    "pulses": sources.PulseCurrent(1.0, np.arange(SIZE), 3, 10),
    "constant": sources.Constant(RATES[0]),
    "spikes": sources.WeightedInput(RATES[:STEPS] < 0.3, RATES[0].astype(F4)),
    "sum": fastlif.GaussianCurrent(RATES[0], 0.3, seed=2)
    + fastlif.OrnsteinUhlenbeckCurrent(0.0, 0.2, RATES[1] + 1, 1.0, seed=3)
    + RATES[:STEPS]
    + fastlif.OrnsteinUhlenbeckCurrent(0.0, 0.1, 2.0, 1.0, seed=4)
    + 0.1,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_sources_have_the_numbers_of_absolute_neurons_and_steps(source):
    neuron = EMBEDDED["refractory"][0]
    expected = neuron.run(source, steps=STEPS)
    check(run(neuron, source, steps=STEPS, chunks=CHUNKS["irregular"]), expected)
    further = STEPS if source.rows else 20
    for state in (expected.final, run(neuron, source, steps=STEPS, chunks=(20, 35)).final):
        more = run(neuron, source, state, steps=further, chunks=(20, 35))
        check(more, neuron.run(source, expected.final, steps=further))


@pytest.mark.parametrize("shape", [12, (12,), (3, 4)])
def test_the_shape_of_the_population(shape):
    neuron, source = fastlif.LIF(rest=-0.1), fastlif.GaussianCurrent(0.3, 0.3, seed=1)
    expected = neuron.run(source, neuron.initial_state(shape), steps=STEPS, record=ALL)
    chunks = (20, 2, -1)[: expected.spikes.ndim]
    lazy = run(neuron, source, steps=STEPS, population=shape, chunks=chunks, record=ALL)
    check(lazy, expected)
    # A population does not change the dtype, as the default state would.
    wide = run(neuron, 0.3, steps=3, population=shape)
    check(wide, neuron.run(np.full(shape, 0.3), steps=3))
    check(run(neuron, 0.3, F4(0.2), steps=3, population=shape),
          neuron.run(0.3, np.full(shape, 0.2, F4), steps=3))  # fmt: skip


def test_a_source_sends_no_array():
    neuron, source = fastlif.LIF(), fastlif.GaussianCurrent(0.3, 0.3, seed=1)
    lazy = run(neuron, source, steps=10**4, population=10**9, chunks=(5000, 10**8), record="counts")
    assert len(pickle.dumps(lazy.counts)) < 20_000
    lazy = run(neuron, source, 0.5, steps=9, population=10**9, chunks=(9, 10**8), record="counts")
    assert len(pickle.dumps(lazy.counts)) < 20_000


def test_parameters_are_in_the_graph_once_for_each_chunk_of_the_population():
    size, current = 20_000, da.zeros((100, 20_000), chunks=(1, 5000), dtype=F4)
    neuron = fastlif.LIF(R=np.linspace(4, 6, size))
    (own,) = neuron.run(np.zeros((0, size), F4)).final.mem.shape
    lazy = run(neuron, current, record="counts")
    constants = sum(array.nbytes for array in neuron.constants(np.dtype(F4)).values())
    assert constants >= 4 * own
    tasks = 4 * 100 * 1000  # bytes, at most
    assert len(pickle.dumps(lazy.counts)) < constants + tasks
    membrane = np.linspace(-1, 0, size, dtype=F4)
    lazy = run(neuron, current, membrane, record="counts")
    assert len(pickle.dumps(lazy.counts)) < constants + membrane.nbytes + tasks


def test_chunks_are_not_copied(monkeypatch):
    from fastlif.execution.integrator import Integrator

    made, received, original = [], [], Integrator.run

    def make(block_info=None):
        made.append(drawn((20, 70)))
        return made[-1]

    def noted(self, current, *arguments):
        received.append(current)
        return original(self, current, *arguments)

    monkeypatch.setattr(Integrator, "run", noted)
    current = da.map_blocks(make, chunks=((20, 20), (70,)), meta=np.empty((0, 0), F4))
    run(fastlif.LIF(), current).spikes.compute()
    assert len(received) == 2
    assert all(one is other for one, other in zip(received, made, strict=True))


# --- the graph ------------------------------------------------------------------------------------


def test_the_graph_is_culled_and_has_few_tasks():
    current = da.from_array(drawn(), (10, 7))
    lazy = run(fastlif.LIF(), current, record=("spikes", "counts"))
    blocks, times = 10, 4
    own = {key: n for key, n in _layers(lazy.spikes).items() if key.startswith("lif")}
    assert own == {"lif_run": blocks * (1 + 2 * times), "lif_spikes": blocks * times}
    (part,) = dask.optimize(lazy.spikes[:10, :7])
    assert len(part.dask) <= 5
    only = run(fastlif.LIF(), current, record="counts")
    assert _layers(only.counts)["lif_run"] == blocks * (1 + times)


def _layers(array):
    assert isinstance(array.dask, HighLevelGraph)
    return {name.rsplit("-", 1)[0]: len(layer) for name, layer in array.dask.layers.items()}


@pytest.mark.parametrize("fuse", [False, True])
def test_optimised_graphs_compute_the_same(fuse):
    neuron, current = fastlif.LIF(refractory=2), drawn()
    expected = neuron.run(current)
    with dask.config.set({"optimization.fuse.active": fuse}):
        lazy = run(neuron, da.from_array(current, (7, 30)) * F4(1))
        check(lazy, expected)
        (got,) = dask.compute(lazy.membrane[3:20, ::3].sum(axis=0))
    assert same_bits(
        got, da.from_array(expected.membrane, (7, 30))[3:20, ::3].sum(axis=0).compute()
    )


def test_names_depend_on_all_arguments_and_on_nothing_else():
    current = da.from_array(drawn(), (10, 7))

    def name(neuron=None, current=current, **options):
        return run(neuron or fastlif.LIF(), current, **options).final.mem.name

    noise = {"steps": STEPS, "population": SIZE, "chunks": (10, 7)}
    names = [
        name(),
        name(fastlif.LIF(R=2.0)),
        name(fastlif.Leaky(beta=0.5)),
        name(current=current + 1),
        name(initial=0.5),
        name(initial=fastlif.LIF().initial_state(SIZE)._replace(steps=7)),
        name(record="counts"),
        name(chunks=(20, 7)),
        name(current=fastlif.GaussianCurrent(seed=1), **noise),
        name(current=fastlif.GaussianCurrent(seed=2), **noise),
    ]
    assert len(set(names)) == len(names)
    assert name() == names[0]
    assert name(current=fastlif.GaussianCurrent(seed=1), **noise) == names[-2]
    assert name(pickle.loads(pickle.dumps(fastlif.LIF(R=2.0)))) == names[1]


def test_threads_of_dask_run_chunks_in_one_thread_each(monkeypatch):
    from fastlif.execution import run as execution

    counted = []
    original = execution._advance

    def noted(plan, *arguments):
        counted.append(plan.tiles[0] if plan.tiles else None)
        return original(plan, *arguments)

    monkeypatch.setattr(execution, "_advance", noted)
    current = drawn()
    with dask.config.set(scheduler="threads", num_workers=4):
        check(
            run(fastlif.LIF(), da.from_array(current, (10, 7))),
            fastlif.LIF().run(current, threads=1),
        )
    assert set(counted) == {1}


# --- errors ---------------------------------------------------------------------------------------


def test_unknown_chunk_sizes():
    current = da.from_array(drawn(), (10, 35))
    unknown = current[:, current[0] > 0.3]
    with pytest.raises(ValueError, match=r"current must have chunks of known sizes.*compute_chunk"):
        run(fastlif.LIF(), unknown)
    with pytest.raises(ValueError, match=r"initial must have chunks of known sizes"):
        run(fastlif.LIF(), 0.3, unknown[0], steps=3)
    known = unknown.compute_chunk_sizes()
    check(run(fastlif.LIF(), known), fastlif.LIF().run(known.compute()))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"neuron": 3}, TypeError, r"neuron must be a neuron of fastlif, got 3 \(int\)"),
        ({"neuron": fastlif.LIF(R=[1.0, 2.0])}, ValueError, "shapes do not broadcast to one pop"),
        ({"current": "x"}, TypeError, "current must hold real numbers"),
        ({"current": da.ones((4, 3), dtype=complex)}, TypeError, "current must hold real numbers"),
        ({"current": da.ones(())}, ValueError, "current must have time as its first axis"),
        ({"initial": da.ones(4)}, ValueError, r"shapes do not broadcast.*initial \(4,\)"),
        ({"initial": fastlif.LIF(refractory=1).initial_state(3)}, ValueError,
         "initial.refractory is given, but this neuron has only mem"),
        ({"record": "spike"}, ValueError, "record must be one of .* did you mean 'spikes'"),
        ({"population": 4}, ValueError, r"shapes do not broadcast to one population"),
        ({"population": (3, 1)}, ValueError, r"population must be \(3, 3\), the shape of the arg"),
        ({"population": -1}, ValueError, "population must be at least 0, got -1"),
        ({"population": (2,), "initial": np.zeros(3)}, ValueError,
         r"population must be a shape that initial, \(3,\), broadcasts to"),
        ({"steps": 1.5, "current": 0.3}, TypeError, "steps must be a whole number"),
        ({"threads": 0}, ValueError, "threads must be at least 1, got 0"),
        ({"current": fastlif.GaussianCurrent()}, ValueError, "steps must be given for a source"),
        ({"current": fastlif.PoissonSpikes(np.ones((5, 3)) / 2), "steps": 6}, ValueError,
         "rate has values for 5 steps, and the run goes to step 6"),
        ({"chunks": (4, 2)}, ValueError, ""),
        ({"chunks": (4,)}, ValueError, r"chunks must divide the shape \(4, 3\) .* got \(4,\): "),
        ({"chunks": 0}, ValueError, r"chunks must divide the shape \(4, 3\) .* got 0: "),
    ],
)  # fmt: skip
def test_errors_come_before_anything_is_computed(arguments, error, message):
    given = {"neuron": fastlif.LIF(), "current": da.ones((4, 3), chunks=(2, 2)), **arguments}
    if arguments == {"chunks": (4, 2)}:  # these are valid
        assert run(**given).spikes.chunks == ((4,), (2, 1))
        return
    with pytest.raises(error, match=message):
        run(**given)


def test_arrays_that_are_not_numpy():
    masked = da.ma.masked_array(da.ones((4, 3)), mask=da.ones((4, 3), dtype=bool))
    with pytest.raises(TypeError, match="current must be a dask array of NumPy arrays, got one of"):
        run(fastlif.LIF(), masked)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda chunk: chunk.astype(np.float64), "dtype float32, got an array of .* dtype float64"),
        (lambda chunk: chunk[:2], r"shape \(10, 35\).* got an array of shape \(2, 35\)"),
        (lambda chunk: chunk.tolist(), "current must have chunks of NumPy"),
    ],
)
def test_chunks_that_are_not_what_they_declare(wrong, message):
    current = da.from_array(drawn(), (10, 35)).map_blocks(
        wrong, dtype=F4, meta=np.empty((0, 0), F4)
    )
    lazy = run(fastlif.LIF(), current)
    with pytest.raises((TypeError, ValueError), match=message + r".* for steps 0:10 and neurons"):
        lazy.spikes[:10, :35].compute()


def test_an_error_of_the_input_is_that_of_the_run():
    def broken(chunk, block_info=None):
        raise OSError("cannot read the file")

    current = da.from_array(drawn(), (10, 35)).map_blocks(broken, meta=np.empty((0, 0), F4))
    with pytest.raises(OSError, match="cannot read the file"):
        run(fastlif.LIF(), current).spikes.compute()


# --- layout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes", [(8, 8), (5,), (1, 1, 1, 20), (3, 2, 9, 0, 16, 1), (0,), (7, 1, 1)]
)
def test_packed_bytes_belong_to_the_chunk_in_which_they_begin(sizes):
    cells = cells_of([sizes])
    owners = np.repeat(np.arange(len(sizes)), sizes)  # of each neuron
    expected = np.bincount(owners[::8], minlength=len(sizes)) if len(owners) else [0] * len(sizes)
    assert [part.length for part in bytes_of(cells)] == list(expected)
    for number, part in enumerate(bytes_of(cells)):
        last = np.flatnonzero(owners[::8] == number)[-1:] * 8
        within = [set(owners[k : k + 8]) - {number} for k in last]
        assert part.sharers == sorted(within[0] if within else ())


def test_which_chunks_consist_of_adjacent_neurons():
    assert are_adjacent(cells_of([]))
    assert are_adjacent(cells_of([(2, 3)]))
    assert are_adjacent(cells_of([(2, 3), (4,)]))
    assert are_adjacent(cells_of([(1, 1), (2, 2), (4,)]))
    assert not are_adjacent(cells_of([(2,), (2, 2)]))
    assert are_adjacent(cells_of([(2,), (0, 4)]))


# --- a cluster ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A cluster of two processes on this machine."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0",
            local_directory=str(tmp_path_factory.mktemp("dask")), silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield client


def test_a_cluster(client):
    neuron, current = EMBEDDED["refractory"][0], drawn()
    lazy = run(neuron, da.from_array(current, CHUNKS["irregular"]), record=ALL)
    (got,) = client.gather(client.compute([lazy.spikes])) and client.compute((lazy,), sync=True)
    assert_same(got, neuron.run(current, record=ALL))


def test_data_on_a_cluster(client):
    """What the workers hold is kept as long as the result is, and is not read again."""
    expected = fastlif.LIF().run(drawn())
    whole = da.from_array(drawn(), (10, 35))
    for change in (
        lambda array: array.persist(),
        lambda array: array.persist()[:, :],
        lambda array: array.persist() + F4(0),
        lambda array: array.persist().rechunk((8, 10)),
        lambda array: da.from_delayed(client.submit(drawn), array.shape, F4),
    ):
        lazy = run(fastlif.LIF(), change(whole), record=("membrane", "spikes"))
        assert_same(client.compute((lazy,), sync=True)[0], expected)


def test_a_source_on_a_cluster(client):
    neuron, source = EMBEDDED["refractory"][0], SOURCES["sum"]
    lazy = run(neuron, source, chunks=CHUNKS["irregular"], record=ALL)
    (got,) = client.compute((lazy,), sync=True)
    assert_same(got, neuron.run(source, record=ALL))


def test_an_error_on_a_cluster(client):
    current = da.from_array(drawn(), (10, 35)).map_blocks(np.float64, meta=np.empty((0, 0), F4))
    with pytest.raises(
        ValueError, match="current must have the chunks that its dask array declares"
    ):
        client.compute(run(fastlif.LIF(), current).spikes, sync=True)


def _die_once(chunk, path, block_info=None):
    """Return the chunk; the first worker that comes to the third chunk of time is killed."""
    if block_info[0]["chunk-location"][0] == 2:
        try:
            Path(path).touch(exist_ok=False)
        except FileExistsError:
            return chunk
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk


def test_a_worker_that_is_killed_changes_nothing(client, tmp_path):
    killed = tmp_path / "killed"
    before = set(client.run(os.getpid).values())
    neuron, current = EMBEDDED["refractory"][0], drawn()
    dying = da.from_array(current, (10, 14)).map_blocks(
        _die_once, str(killed), meta=np.empty((0, 0), F4)
    )
    lazy = run(neuron, dying, record=ALL)
    (got,) = client.compute((lazy,), sync=True)
    assert killed.exists()
    assert_same(got, neuron.run(current, record=ALL))
    client.wait_for_workers(2)
    assert len(before - set(client.run(os.getpid).values())) == 1


def test_records_are_written_by_workers_one_of_which_is_killed(client, tmp_path):
    zarr = pytest.importorskip("zarr")
    current, killed = drawn(), tmp_path / "killed"
    expected = fastlif.LIF().run(current, record=("spikes", "packed"))
    out = {
        name: zarr.create_array(
            str(tmp_path / name), shape=array.shape, dtype=array.dtype, chunks=(7, columns)
        )
        for name, array, columns in [("spikes", expected.spikes, 8), ("packed", expected.packed, 1)]
    }
    dying = da.from_array(current, (10, 24)).map_blocks(
        _die_once, str(killed), meta=np.empty((0, 0), F4)
    )
    lazy = run(fastlif.LIF(), dying, out=out)
    (final,) = client.compute((lazy.final,), sync=True)
    assert killed.exists()
    assert same_bits(final.mem, expected.final.mem)
    for name, array in out.items():
        assert np.array_equal(array[:], getattr(expected, name))
    client.wait_for_workers(2)
