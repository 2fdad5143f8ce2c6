"""Random sequences of calls on one neuron: each gives what a new neuron gives for plain arrays.

A neuron stores plans by the forms of the arguments. Here the forms change from call to call, and
calls that fail are in between.
"""

import os
import pickle

import numpy as np
import pytest
from cases import full, same_bits, variables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastlif
from fastlif import presets

F4, F8 = np.dtype(np.float32), np.dtype(np.float64)
SEQUENCES = int(os.environ.get("FASTLIF_TEST_SEQUENCES", "4"))  # per neuron
NEURONS = {
    "plain": fastlif.LIF(),
    "own parameters": fastlif.LIF(R=np.linspace(4, 6, 4), threshold=np.linspace(0.5, 1, 4)),
    "resting": fastlif.LIF(rest=0.25, order="at_once", reset_mechanism="value"),
    "refractory": fastlif.LIF(refractory=2, order="at_once", rest=-0.0),
    "Leaky": fastlif.Leaky(0.9, reset_delay=False),
    "Lapicque": fastlif.Lapicque(R=5.1, C=5e-3, time_step=1e-3),
    "synapse": presets.norse_lif(),
    "several spikes": presets.rockpool_lif(),
    "SpikingJelly": presets.spikingjelly_if(v_reset=-0.0),
}
LAYOUTS = {
    "plain": lambda a: a.copy(),
    "swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "fortran": lambda a: np.asfortranarray(a) if a.ndim else a,
    "reversed": lambda a: a[..., ::-1].copy()[..., ::-1] if a.ndim else a,
    "misaligned": lambda a: misaligned(a),
    "read-only": lambda a: read_only(a.copy()),
    "list": lambda a: a.tolist() if a.dtype == F8 and a.size else a,
    "memmap": lambda a: a.view(np.memmap) if a.ndim else a,
}


def misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def read_only(a):
    a.setflags(write=False)
    return a


def pick(rng, options):
    return options[rng.integers(len(options))]


def laid_out(rng, array):
    return LAYOUTS[pick(rng, list(LAYOUTS))](array)


def drawn(rng, shape, kinds=(F4, F8)):
    """Draw numbers of any dtype, some of them -0.0."""
    array = rng.normal(0.4, 0.6, shape)
    array = np.where(rng.random(shape) < 0.1, -0.0, array)
    return np.asarray(array, pick(rng, kinds))


def canonical(neuron):
    return pickle.loads(pickle.dumps(neuron))


def assert_same(found, expected):
    if isinstance(expected, tuple):
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    elif expected is None:
        assert found is None
    elif isinstance(expected, int):  # a state's number of steps
        assert found == expected
    else:
        found = np.asarray(found).astype(expected.dtype, copy=True)
        assert same_bits(found, expected)
        assert expected.dtype.kind != "f" or np.array_equal(np.signbit(found), np.signbit(expected))


def a_state(rng, neuron, shape, dtype):
    fields = {name: np.abs(np.round(drawn(rng, shape, (dtype,)))) for name in neuron.rule.states}
    fields["mem"] = drawn(rng, shape, (dtype,))
    return fields


def a_run(rng, neuron):
    population = pick(rng, [(4,), (1,), (3, 4), (2, 1, 4), (0,), (130, 4), ()])
    if neuron._model.shapes and population in ((), (0,), (1,)):
        population = (4,)
    steps = int(rng.integers(0, 14))
    current = drawn(rng, (steps, *population), (F4, F8, np.dtype(np.int8), np.dtype(np.float16)))
    if rng.random() < 0.2 and steps:
        current = np.broadcast_to(current[:1], current.shape)
    if rng.random() < 0.2 and population:
        current = np.broadcast_to(current[..., :1], current.shape)
    # Few combinations, because each is compiled; test_records.py tests the others.
    names = list(pick(rng, [("membrane", "spikes"), ("counts",), fastlif.Run._fields[:5]]))
    if neuron.rule.several and "packed" in names:
        names.remove("packed")
    keywords = {"record": tuple(names)}
    if rng.random() < 0.2:
        keywords["threads"] = int(rng.integers(1, 4))
    if "membrane" in names and rng.random() < 0.2:
        keywords["every"] = int(rng.integers(1, 4))
    if {"membrane", "spikes"} & set(names) and rng.random() < 0.2 and 0 not in population:
        size = int(np.prod(population))
        keywords["neurons"] = pick(rng, [slice(None, None, 2), [0], rng.random(population) < 0.5,
                                         rng.integers(-size, size, 5)])  # fmt: skip
    initial = None
    dtype = F8 if current.dtype == F8 else F4
    if rng.random() < 0.5:
        fields = a_state(rng, neuron, population, dtype)
        initial = fastlif.State(**fields)
    expected = canonical(neuron).run(np.array(current), initial, **keywords)
    given = current if not current.flags.owndata else laid_out(rng, current)
    if isinstance(given, list):
        given = current
    if initial is not None:
        initial = fastlif.State(**{k: laid_array(rng, v) for k, v in fields.items()})
    if rng.random() < 0.3:
        keywords["out"] = {
            name: laid_out_empty(rng, getattr(expected, name))
            for name in names
            if name != "events" and rng.random() < 0.7
        }
    for _ in range(int(rng.integers(1, 3))):
        found = neuron.run(given, initial, **keywords)
        for name, array in keywords.get("out", {}).items():
            assert getattr(found, name) is array
        assert_same(found, expected)


def laid_array(rng, array):
    made = laid_out(rng, array)
    return array if isinstance(made, list) else made


def laid_out_empty(rng, like):
    made = laid_out(rng, np.ones_like(like))
    if isinstance(made, list) or not made.flags.writeable:
        return np.ones_like(like)
    return made


def a_step(rng, neuron):
    population = pick(
        rng, [(4,), (3, 4), (1, 4), (70000, 4)] if rng.random() < 0.05 else [(4,), (3, 4)]
    )
    dtype = pick(rng, [F4, F8])
    cur, fields = drawn(rng, population, (dtype,)), a_state(rng, neuron, population, dtype)
    single = len(neuron.rule.states) == 1
    made = fastlif.State(**fields)
    expected = canonical(neuron)(cur.copy(), made)
    state = fastlif.State(**{k: laid_array(rng, v) for k, v in fields.items()})
    mem = state.mem if single and rng.random() < 0.7 else state
    given = laid_array(rng, cur)
    for _ in range(int(rng.integers(1, 4))):
        out = None
        if rng.random() < 0.5:
            new = fastlif.State(**{k: laid_out_empty(rng, v) for k, v in fields.items()})
            out = laid_out_empty(rng, expected[0]), new.mem if single else new
        found = neuron(given, mem, out=out)
        if out is not None:
            assert found[0] is out[0]
            filled, arrays = (
                variables(s) if isinstance(s, fastlif.State) else [s] for s in (found[1], out[1])
            )
            assert all(a is b for a, b in zip(filled, arrays, strict=True))
        assert_same(found, expected)
    own = fastlif.State(**{k: v.copy() for k, v in fields.items()})
    spk = np.empty(population, expected[0].dtype)
    assert_same(
        neuron(cur, own.mem if single else own, out=(spk, own.mem if single else own)), expected
    )


def a_failure(rng, neuron):
    cur = np.zeros((3, 4), F4)
    out = {"counts": np.full(4, 7)}
    bad = [
        lambda: neuron.run(np.zeros((3, 4), complex)),
        lambda: neuron.run(np.array([["a"] * 4])),
        lambda: neuron.run(cur, np.zeros(5)),
        lambda: neuron.run(cur, record="events", out=out),
        lambda: neuron.run(cur, record=("counts",), out={"counts": cur}),
        lambda: neuron.run(cur, record="counts", out=out, progress="yes"),
        lambda: neuron.run(cur[:0], record="counts", out=out, progress="yes"),
        lambda: neuron.run(cur, record=(["spikes"],)),
        lambda: neuron.run(cur, record="counts", out=out, threads=0),
        lambda: neuron.run(cur, every=2**70),
        lambda: neuron.run(cur, every=True),
        lambda: neuron.run(0.5, steps=2**64),
        lambda: neuron.run(cur, neurons=slice(0, 1.5)),
        lambda: neuron.run(cur, neurons=np.array([2**64 - 1], np.uint64)),
        lambda: neuron(cur, np.zeros((3, 4), complex)),
        lambda: neuron(cur, out=(np.zeros((3, 4), bool), np.zeros((3, 4), F8))),
        lambda: neuron(cur, out=1),
    ]
    with pytest.raises((TypeError, ValueError, IndexError)):
        pick(rng, bad)()
    assert (out["counts"] == 7).all()


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize(
    "name",
    [n if n in ("plain", "refractory") else pytest.param(n, marks=full) for n in NEURONS],
)
@settings(
    max_examples=SEQUENCES, derandomize=True, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8))
def test_a_sequence_of_calls_equals_single_calls(name, seeds):
    neuron = canonical(NEURONS[name])
    for seed in seeds:  # one per call: Hypothesis removes those that a failure does not need
        rng = np.random.default_rng(seed)
        pick(rng, [a_run, a_run, a_step, a_step, a_failure])(rng, neuron)
