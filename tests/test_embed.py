"""Embedded forms of neurons: identical bits, and misuse is an error."""

import ctypes
import gc
import threading
import weakref

import numpy as np
import pytest
from cases import EMBEDDED, VARIED, full, same_bits, variables
from numba import njit
from numba.core.errors import NumbaWarning, TypingError

import fastlif
from fastlif import embed
from fastlif.checks import common_shape

F4 = np.float32
STEPS, SIZE = 60, 70
QUICK = ("LIF", "Leaky", "refractory", "norse")  # in the selection that newcomers wait for


@pytest.fixture(params=[pytest.param(n, marks=[] if n in QUICK else full) for n in EMBEDDED])
def case(request):
    """Return a neuron, a current, its run, and the states before it."""
    neuron, most = EMBEDDED[request.param]
    current = np.random.default_rng(0).uniform(0, most, (STEPS, SIZE)).astype(F4)
    states = variables(neuron.initial_state(SIZE))
    run = neuron.run(current)
    assert run.spikes.any()
    return neuron, current, run, states


def operands(neuron, dtype=F4):
    """Return the operands that the gufuncs of a neuron take after the states."""
    each = any(array.ndim and array.size > 1 for array in embed.constants(neuron, dtype).values())
    return tuple(embed.constants(neuron, dtype).values()) if each else ()


def test_rows_step_in_place(case):
    neuron, current, run, states = case
    step, spikes = embed.row(neuron), np.zeros((STEPS, SIZE), neuron.spike_dtype)
    mem = states[0] if len(states) == 1 else tuple(states)

    @njit
    def loop(current, mem, spikes):
        for t in range(len(current)):
            step(current[t], mem, spikes[t])

    loop(current, mem, spikes)
    assert same_bits(spikes, run.spikes)
    for found, expected in zip(states, variables(run.final), strict=True):
        assert same_bits(found, expected)


def test_scalars_step_in_a_loop(case):
    neuron, current, run, states = case
    advance, spikes = embed.scalar(neuron), np.zeros((STEPS, SIZE), neuron.spike_dtype)
    mem = np.zeros((STEPS, SIZE), F4)
    first = tuple(state[0] for state in states) if len(states) > 1 else states[0][0]

    @njit
    def loop(current, state, mem, spikes):
        for j in range(current.shape[1]):
            now = state
            for t in range(len(current)):
                spikes[t, j], now = advance(current[t, j], now, j)
                mem[t, j] = membrane(now)

    @njit
    def alone(state):
        return state

    @njit
    def of_tuple(state):
        return state[0]

    membrane = alone if len(states) == 1 else of_tuple
    loop(current, first, mem, spikes)
    assert same_bits(spikes, run.spikes)
    assert same_bits(mem, run.membrane)


def test_gufuncs_of_one_step_broadcast(case):
    neuron, current, run, states = case
    step, more = embed.gufunc(neuron), operands(neuron)
    assert isinstance(step, np.ufunc)
    # Two copies of the population along a new first axis, of which the states have none yet.
    for t in range(STEPS):
        spk, *states = step(np.stack([current[t]] * 2), *states, *more)
        assert spk.shape == states[0].shape == (2, SIZE)
        assert same_bits(spk, np.stack([run.spikes[t]] * 2))
        assert same_bits(states[0], np.stack([run.membrane[t]] * 2))


LAYOUTS = {
    "C order": lambda a: a,
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[..., ::-1].copy()[..., ::-1],
    "misaligned": lambda a: np.frombuffer(b"0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gufuncs_of_runs_take_any_layout(case, layout):
    neuron, current, run, states = case
    over_time, change = embed.gufunc(neuron, run=True), LAYOUTS[layout]
    given = [change(a) for a in (current, *states, *operands(neuron))]
    for array in given:
        array.setflags(write=False)
    spk, mem, *others = over_time(*given)
    assert same_bits(spk, run.spikes)
    assert same_bits(mem, run.membrane)
    for found, expected in zip(others, variables(run.final)[1:], strict=True):
        assert same_bits(found, expected)
    spikes, membranes = np.zeros((2, SIZE, STEPS), spk.dtype), np.zeros((2, SIZE, STEPS), F4)
    out = (spikes.transpose(0, 2, 1), membranes.transpose(0, 2, 1), *[None] * len(others))
    over_time(np.stack([current] * 2), *given[1:], out=out)
    assert same_bits(spikes[1].T.copy(), run.spikes)
    assert same_bits(membranes[1].T.copy(), run.membrane)


def test_gufuncs_with_overlapping_operands():
    neuron = fastlif.LIF()
    current = np.random.default_rng(0).uniform(0, 0.6, (STEPS, SIZE)).astype(F4)
    run, mem = neuron.run(current), np.zeros(SIZE, F4)
    _, found = embed.gufunc(neuron, run=True)(current, mem, out=(None, current))  # in place
    assert same_bits(found, run.membrane)
    step = embed.gufunc(neuron)
    step(np.full(SIZE, 0.3, F4), mem, out=(None, mem))
    assert (mem == neuron(np.full(SIZE, 0.3, F4), np.zeros(SIZE, F4))[1]).all()


def test_gufuncs_without_steps_or_neurons():
    over_time = embed.gufunc(fastlif.LIF(refractory=2), run=True)
    for shape in ((0, 5), (5, 0), (0, 0)):
        state = np.ones((2, shape[1]), F4)
        spk, mem, left = over_time(np.zeros(shape, F4), *state)
        assert spk.shape == mem.shape == shape
        assert same_bits(left, state[1])


def test_gufuncs_take_other_classes():
    class Logged(np.lib.mixins.NDArrayOperatorsMixin):
        calls = 0

        def __array_ufunc__(self, ufunc, method, *inputs, **arguments):
            Logged.calls += 1
            values = [0.3 if isinstance(value, Logged) else value for value in inputs]
            return getattr(ufunc, method)(*[F4(value) for value in values], **arguments)

    spk, mem = embed.gufunc(fastlif.LIF())(Logged(), F4(0.5))
    assert Logged.calls == 1
    assert (spk, mem) == tuple(value.item() for value in fastlif.LIF()(F4([0.3]), F4([0.5])))


def pointers(function, arrays):
    types = function.ctypes.argtypes
    return [ctypes.cast(array.ctypes.data, kind) for array, kind in zip(arrays, types)]  # noqa: B905


def test_c_functions_step_in_place(case):
    neuron, current, run, states = case
    function = embed.cfunc(neuron)
    spikes = np.zeros((STEPS, SIZE), neuron.spike_dtype)

    def loop():  # without Python in it, so that any thread can call it
        for t in range(STEPS):
            arrays = (current[t], *states, spikes[t])
            assert function.ctypes(*pointers(function, arrays), SIZE) == 0

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join()
    assert same_bits(spikes, run.spikes)
    for found, expected in zip(states, variables(run.final), strict=True):
        assert same_bits(found, expected)


def test_c_functions_are_declared():
    declared = embed.cfunc(fastlif.LIF(refractory=1), np.float64)
    assert declared.prototype == (
        "int step(const double *cur, double *mem, double *refractory, uint8_t *spk, ptrdiff_t n);"
    )
    assert declared.address == ctypes.cast(declared.ctypes, ctypes.c_void_p).value
    several = embed.cfunc(EMBEDDED["several"][0]).prototype
    assert several == "int step(const float *cur, float *mem, int32_t *spk, ptrdiff_t n);"


def test_c_functions_return_a_status_and_write_nothing():
    function = embed.cfunc(fastlif.LIF(R=5.1 * VARIED))
    cur, mem, spk = np.full(SIZE, 9, F4), np.full(SIZE, 2, F4), np.zeros(SIZE, np.bool_)
    good = pointers(function, (cur, mem, spk))
    for k in range(3):
        null = [*good]
        null[k] = None
        assert function.ctypes(*null, SIZE) == 1
    assert function.ctypes(*good, SIZE - 1) == 2
    assert function.ctypes(*good, -1) == 2
    assert function.ctypes(good[0], good[0], good[2], SIZE) == 3
    spikes = ctypes.cast(mem.ctypes.data + 8, function.ctypes.argtypes[2])
    assert function.ctypes(good[0], good[1], spikes, SIZE) == 3
    assert (mem == 2).all()
    assert not spk.any()
    assert function.ctypes(*good, SIZE) == 0
    assert spk.all()
    assert embed.cfunc(fastlif.LIF()).ctypes(None, None, None, 0) == 0


def test_constants_are_those_of_the_rule(case):
    neuron = case[0]
    shape = common_shape(neuron._model.shapes)
    for dtype in (F4, np.float64):
        constants = embed.constants(neuron, dtype)
        assert list(constants) == list(neuron._model.names)
        assert all(a.dtype == dtype and a.shape == shape for a in constants.values())


def test_double_precision():
    current = np.random.default_rng(0).uniform(0, 0.6, (STEPS, SIZE))
    neuron = fastlif.LIF(R=5.1 * VARIED, C=5e-3)
    run, over_time = neuron.run(current), embed.gufunc(neuron, np.float64, run=True)
    spk, mem = over_time(current, np.zeros(SIZE), *operands(neuron, np.float64))
    assert same_bits(spk, run.spikes)
    assert same_bits(mem, run.membrane)
    mem, spk = np.zeros(SIZE), np.zeros(SIZE, np.bool_)
    embed.row(neuron, np.float64)(current[0], mem, spk)
    assert same_bits(mem, run.membrane[0])


@pytest.mark.parametrize(
    "form", [embed.scalar, embed.row, embed.gufunc, embed.cfunc, embed.constants]
)
def test_invalid_arguments_are_rejected(form):
    with pytest.raises(TypeError, match=r"^neuron must be a neuron of fastlif, got 3 \(int\)"):
        form(3)
    for dtype in (np.float16, np.int32, bool):
        with pytest.raises(TypeError, match=r"^dtype must be float32 or float64, got"):
            form(fastlif.LIF(), dtype)
    with pytest.raises(TypeError, match=r"^run must be True or False, got 1"):
        embed.gufunc(fastlif.LIF(), run=1)


@pytest.mark.parametrize("neuron", [fastlif.LIF(), fastlif.LIF(refractory=2)])
def test_rows_take_a_state(neuron):
    cur, state, spk = np.full(3, 400, F4), neuron.initial_state(3), np.zeros(3, np.bool_)
    embed.row(neuron)(cur, state, spk)
    assert same_bits(state.mem, neuron.run(cur[None]).final.mem)


def test_constants_are_operands_if_a_parameter_is_an_array():
    neuron = fastlif.Leaky(beta=[0.5])
    step, constants = embed.gufunc(neuron), embed.constants(neuron)
    assert step.nin == 4
    spk, mem = step(F4([1.7]), F4([0.0]), *constants.values())
    assert spk.tolist() == [True]
    assert mem.tolist() == F4([1.7]).tolist()
    assert constants["keep"].tolist() == [0.5]


def test_forms_do_not_keep_a_neuron():
    neuron = fastlif.LIF()
    advance = embed.scalar(neuron)
    kept = weakref.ref(neuron)

    @njit
    def two_steps(cur):
        return advance(cur, advance(cur, 0.0, 0)[1], 0)[1]

    expected = two_steps(0.2)
    del neuron
    gc.collect()
    assert kept() is None
    assert two_steps(0.2) == expected


def test_misuse_of_rows_is_rejected():
    step, cur, mem, spk = embed.row(fastlif.LIF()), *np.ones((2, 8), F4), np.zeros(8, np.bool_)
    fixed = mem.copy()
    fixed.setflags(write=False)
    for arguments, message in (
        ((cur.astype(np.float64), mem, spk), r"cur must have dtype float32, got float64"),
        ((cur, mem.astype(np.float64), spk), "mem must have dtype float32, got float64"),
        ((cur, mem, spk.astype(np.uint8)), "spk must have dtype bool, got uint8"),
        ((cur.reshape(2, 4), mem, spk), "cur must be a 1-D array"),
        ((cur, fixed, spk), "mem must be writeable"),
        ((cur, 0.0, spk), "mem must be a 1-D array"),
        ((cur, (mem, mem), spk), "mem must be a 1-D array"),
    ):
        with pytest.raises(TypingError, match=message):
            step(*arguments)
    for arguments, message in (
        ((cur, mem[:7], spk), "mem must be contiguous, and have the same size as cur"),
        ((cur, mem, spk[:7]), "must have the size of the population"),
        ((np.ones(16, F4)[::2], mem, spk), "cur and spk must be contiguous"),
        ((cur, mem, np.zeros(16, np.bool_)[::2]), "cur and spk must be contiguous"),
        ((cur, np.ones(16, F4)[::2], spk), "mem must be contiguous, and have the same size as cur"),
        ((cur, cur, spk), "must not overlap"),
        ((cur, mem, mem.view(np.bool_)[:8]), "must not overlap"),
    ):
        with pytest.raises(ValueError, match=message):
            step(*arguments)
    assert (mem == 1).all()
    each = embed.row(fastlif.LIF(R=5.1 * VARIED))
    with pytest.raises(ValueError, match="must have the size of the population"):
        each(cur, mem, spk)
    with pytest.raises(
        TypingError, match=r"mem must be a State or a tuple of arrays \(mem, refractory\)"
    ):
        embed.row(fastlif.LIF(refractory=2))(cur, mem, spk)


def test_misuse_of_scalars_is_rejected():
    advance, both = embed.scalar(fastlif.LIF()), embed.scalar(fastlif.LIF(refractory=2))
    for function, arguments, message in (
        (advance, (np.ones(3, F4), 0.0, 0), "cur must be a number"),
        (advance, (0.3, (0.0, 0.0), 0), "state must be a number, the membrane, got"),
        (advance, (0.3, 0.0, 0.5), "j must be an integer"),
        (both, (0.3, 0.0, 0), r"state must be a tuple \(mem, refractory\) of numbers"),
    ):
        with pytest.raises(TypingError, match=message):
            function(*arguments)


def test_compiled_code_with_a_neurons_parameters_is_not_cached():
    step = embed.row(fastlif.Leaky(beta=0.5))

    @njit(cache=True)
    def loop(cur, mem, spk):
        step(cur, mem, spk)

    with pytest.warns(NumbaWarning, match="dynamic globals"):
        loop(np.ones(3, F4), np.zeros(3, F4), np.zeros(3, np.bool_))


def test_forms_are_made_once():
    neuron = fastlif.LIF()
    for form in (embed.scalar, embed.row, embed.gufunc):
        assert form(neuron) is form(neuron, "float32")
        assert form(neuron) is not form(fastlif.LIF())
