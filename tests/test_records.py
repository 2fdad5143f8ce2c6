"""All records, alone and combined, compared with NumPy reductions of the dense spikes."""

import itertools

import numpy as np
import pytest
from cases import currents, drawn, full, same_bits

import fastlif
from fastlif.execution import events, scratch
from fastlif.kernels.layout import WIDTH

F4 = np.float32
RC = {"R": 5.1, "C": 5e-3, "time_step": 1e-3, "threshold": 0.5}
NAMES = ("membrane", "spikes", "packed", "counts", "events")

INPUTS = {
    "full": lambda rng, shape: (currents(rng, shape), None),
    "shared": lambda rng, shape: (np.broadcast_to(currents(rng, (shape[0], 1)), shape), None),
    "constant": lambda rng, shape: (rng.uniform(0.1, 0.6, shape[1:]).astype(F4), shape[0]),
    "bytes": lambda rng, shape: ((rng.random(shape) < 0.1).astype(np.uint8), None),
    "bools": lambda rng, shape: (rng.random(shape) < 0.1, None),
    "time last": lambda rng, shape: (currents(rng, shape[::-1]).T, None),
}


def expected(dense):
    """Compute the other records with NumPy from dense spikes (T, *population)."""
    flat = dense.reshape(len(dense), -1)
    return {
        "packed": np.packbits(flat, axis=1, bitorder="little"),
        "counts": dense.sum(axis=0, dtype=np.int64),
        "events": np.nonzero(flat),
    }


def assert_records(run, dense, membrane, names):
    made = expected(dense)
    for name in NAMES:
        value = getattr(run, name)
        if name not in names:
            assert value is None
        elif name == "events":
            assert all(a.dtype == np.int64 for a in value)
            assert np.array_equal(value.step, made["events"][0])
            assert np.array_equal(value.neuron, made["events"][1])
        else:
            target = {"membrane": membrane, "spikes": dense}.get(name, made.get(name))
            assert same_bits(value, target)


def population(cls, each, size, rng):
    return cls(**(drawn(RC, rng, size, F4) if each else RC))


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("each", [False, pytest.param(True, marks=full)], ids=["numbers", "arrays"])
@pytest.mark.parametrize("size", [1, 7, 64, 200, 1001])
def test_each_record_alone_and_all_together(kind, each, size):
    rng = np.random.default_rng(size)
    current, steps = INPUTS[kind](rng, (131, size))
    scale = F4(0.3) if current.dtype.kind in "bu" else None
    neuron = population(fastlif.LIF, each, size, rng)
    if scale is not None:
        neuron = fastlif.Leaky(beta=0.9, threshold=1.5)
    reference = neuron.run(np.broadcast_to(current, (131, size)).astype(F4), threads=1)
    assert reference.spikes.any()
    for names in [(name,) for name in NAMES] + [NAMES]:
        run = neuron.run(current, steps=steps, record=names)
        assert_records(run, reference.spikes, reference.membrane, names)
        assert same_bits(run.final.mem, reference.final.mem)


@pytest.mark.full
@pytest.mark.parametrize("names", [n for k in (2, 3, 4) for n in itertools.combinations(NAMES, k)])
def test_any_combination(names):
    neuron = fastlif.Lapicque(**RC)
    current = currents(np.random.default_rng(0), (66, 300))
    reference = neuron.run(current)
    run = neuron.run(current, record=names)
    assert_records(run, reference.spikes, reference.membrane, names)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_records_do_not_depend_on_threads(threads):
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (90, 3, 2001))
    reference = neuron.run(current, threads=1)
    run = neuron.run(current, record=NAMES, threads=threads)
    assert_records(run, reference.spikes, reference.membrane, NAMES)


def test_records_of_a_population_wider_than_a_tile():
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (9, WIDTH + 7233)) * 3
    reference = neuron.run(current)
    for names in (("packed", "counts", "events"), NAMES):
        run = neuron.run(current, record=names)
        assert_records(run, reference.spikes, reference.membrane, names)


@pytest.mark.parametrize("names", [("events",), ("events", "membrane")])
def test_events_beyond_the_buffers_room(monkeypatch, names):
    monkeypatch.setattr(scratch, "_EVENTS", 50)
    scratch.pool_of.cache_clear()
    neuron = fastlif.LIF(**RC)
    current = np.full((4000, 230), 3.0, F4)  # fires in nearly every step
    reference = neuron.run(current)
    assert reference.spikes.sum() > 2 * 4 * WIDTH
    run = neuron.run(current, record=names, threads=1)
    assert_records(run, reference.spikes, reference.membrane, names)


@pytest.mark.parametrize("threads", [1, 3])
def test_events_merged_in_parts(monkeypatch, threads):
    monkeypatch.setattr(events, "_PART", 1000)
    monkeypatch.setattr(events, "_WORTH_A_THREAD", 10)
    monkeypatch.setattr(scratch, "_EVENTS", 50)
    scratch.pool_of.cache_clear()
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (300, 5000)) * 3
    current[100:200] = 0  # intervals without spikes
    current[:, 300:4500] = 0
    reference = neuron.run(current)
    assert reference.spikes.sum() > 20_000
    run = neuron.run(current, record="events", threads=threads)
    assert_records(run, reference.spikes, reference.membrane, ("events",))


def test_no_spikes_give_no_events():
    run = fastlif.LIF().run(np.zeros((20, 70), F4), record=("events", "counts", "packed"))
    assert run.events.step.shape == run.events.neuron.shape == (0,)
    assert run.events.step.dtype == run.events.neuron.dtype == np.int64
    assert not run.counts.any()
    assert not run.packed.any()


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0,), (4, 0, 3)])
def test_an_empty_run_gives_empty_records(shape):
    run = fastlif.LIF().run(np.ones(shape, F4), record=NAMES, every=2)
    size = int(np.prod(shape[1:]))
    assert run.membrane.shape == (-(-shape[0] // 2), *shape[1:])
    assert run.packed.shape == (shape[0], -(-size // 8))
    assert run.counts.shape == shape[1:]
    assert not run.counts.any()
    assert len(run.events.step) == 0


CHOICES = {
    "slice": slice(3, 900, 7),
    "backwards": slice(None, None, -11),
    "list": [5, 1, 999, 1, -1],
    "array": np.array([998, 0, 64, 63, 65], np.uint16),
    "mask": np.arange(1000) % 10 == 3,
    "none of them": np.array([], np.int64),
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("every", [1, 3, 200])
@pytest.mark.parametrize("record", ["membrane", ("membrane", "spikes"), NAMES])
def test_selected_neurons_and_steps(choice, every, record):
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (100, 10, 100))
    reference = neuron.run(current)
    dense, membrane = reference.spikes, reference.membrane
    neurons = CHOICES[choice]
    for threads in (1, 3):
        run = neuron.run(current, record=record, neurons=neurons, every=every, threads=threads)
        assert same_bits(run.membrane, membrane.reshape(100, -1)[::every, neurons])
        if "spikes" in record:
            assert same_bits(run.spikes, dense.reshape(100, -1)[:, neurons])
        if record is NAMES:  # the other records contain all neurons and steps
            rest = run._replace(membrane=None, spikes=None)
            assert_records(rest, dense, membrane, ("packed", "counts", "events"))


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("size", [1, 300])
def test_every_for_all_neurons(size, each):
    rng = np.random.default_rng(0)
    neuron = population(fastlif.Lapicque, each, size, rng)
    current = currents(rng, (100, size))
    reference = neuron.run(current)
    for every in (2, 7, 99, 100, 1000):
        run = neuron.run(current, every=every)
        assert same_bits(run.membrane, reference.membrane[::every])
        assert same_bits(run.spikes, reference.spikes)


@pytest.mark.parametrize("size", [5, 1000])
def test_spikes_of_selected_neurons_only(size):
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (99, size))
    dense = neuron.run(current).spikes
    run = neuron.run(current, record="spikes", neurons=[4, 2])
    assert same_bits(run.spikes, dense[:, [4, 2]])
    assert run.membrane is None


def test_every_across_the_parts_of_a_long_run():
    neuron = fastlif.LIF(**RC)
    current = np.asfortranarray(currents(np.random.default_rng(0), (700, 600)))  # copied in blocks
    reference = neuron.run(current)
    run = neuron.run(current, record="membrane", every=9, neurons=slice(500, 520))
    assert same_bits(run.membrane, reference.membrane[::9, 500:520])


def outputs_for(layout, forms):
    made = {}
    for name, (shape, dtype) in forms.items():
        if layout == "plain":
            made[name] = np.full(shape, 1, dtype)
        elif layout == "fortran":
            made[name] = np.full(shape, 1, dtype, order="F")
        else:
            made[name] = np.full((*shape[:-1], 2 * shape[-1]), 1, dtype)[..., ::2]
    return made


@pytest.mark.parametrize("layout", ["plain", "fortran", "every second"])
@pytest.mark.parametrize("thin", [{}, {"neurons": slice(0, 30, 2), "every": 3}, {"every": 4}])
def test_out_accepts_every_record_except_events(layout, thin):
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (60, 10, 9))
    reference = neuron.run(current, record=NAMES, **thin)
    names = ("membrane", "spikes", "packed", "counts")
    forms = {n: (getattr(reference, n).shape, getattr(reference, n).dtype) for n in names}
    out = outputs_for(layout, forms)
    run = neuron.run(current, record=NAMES, out=out, **thin)
    for name in names:
        assert getattr(run, name) is out[name]
        assert np.array_equal(out[name], getattr(reference, name))


def test_counts_start_at_zero_in_a_reused_array():
    neuron = fastlif.LIF(**RC)
    current = currents(np.random.default_rng(0), (60, 9))
    out = {"counts": np.zeros(9, np.int64)}
    first = neuron.run(current, record="counts", out=out).counts.copy()
    assert np.array_equal(neuron.run(current, record="counts", out=out).counts, first)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"record": "counts", "neurons": [1]},
            ValueError,
            "neurons selects from membrane and spikes",
        ),
        ({"neurons": [[1]]}, TypeError, "neurons must be a slice, a mask or a list"),
        ({"neurons": [1.5]}, TypeError, "neurons must be a slice, a mask or a list"),
        ({"neurons": 3}, TypeError, "neurons must be a slice, a mask or a list"),
        ({"neurons": "all"}, TypeError, "neurons must hold real numbers"),
        ({"neurons": [0, 5]}, IndexError, "neurons must be indices .* of 5, got 5"),
        ({"neurons": [-6]}, IndexError, "neurons must be indices .* of 5, got -6"),
        ({"neurons": [True, False]}, ValueError, "neurons must mark each of the 5 neurons"),
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"every": 1.5}, TypeError, "every must be a whole number"),
        ({"every": True}, TypeError, "every must be a whole number"),
        ({"every": 2, "record": "spikes"}, ValueError, "every selects rows of membrane"),
        ({"record": "event"}, ValueError, "did you mean 'events'"),
        ({"record": NAMES, "out": {"events": 1}}, ValueError, "out cannot hold 'events'"),
        (
            {"every": 2, "out": {"membrane": np.zeros((9, 5), F4)}},
            ValueError,
            r"out\['membrane'\] must have shape \(5, 5\), got \(9, 5\)",
        ),
        (
            {"record": "counts", "out": {"counts": np.zeros(5, np.int32)}},
            TypeError,
            r"out\['counts'\] must have dtype int64, got int32",
        ),
    ],
)
def test_invalid_requests_are_rejected(arguments, error, message):
    neuron = fastlif.LIF()
    for _ in range(2):  # the second time with a cached plan
        with pytest.raises(error, match=message):
            neuron.run(np.ones((9, 5), F4), **arguments)
        neuron.run(np.ones((9, 5), F4))


def test_records_are_named_by_what_an_iterable_contains_now():
    class Names(list):
        __hash__ = object.__hash__

    names, neuron = Names(["spikes"]), fastlif.LIF()
    assert neuron.run(0.3, steps=2, record=names).counts is None
    names[:] = ["counts"]
    assert neuron.run(0.3, steps=2, record=names).counts is not None
