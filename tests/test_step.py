"""Single steps: results, out, and steps in place."""

from concurrent.futures import ThreadPoolExecutor
from types import BuiltinFunctionType

import numpy as np
import pytest
from cases import NEURONS, currents, drawn, same_bits

import fastlif
from fastlif.execution.integrator import Integrator

F4 = np.float32


@pytest.fixture(params=["numbers", "arrays"])
def neuron(request):
    cls, _, parameters = NEURONS["LIF-subtract"]
    if request.param == "arrays":
        parameters = drawn(parameters, np.random.default_rng(3), 100, F4)
    return cls(**parameters)


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    return currents(rng, 100), rng.uniform(-1, 2, 100).astype(F4)


def test_steps_equal_a_run(neuron, given):
    _, mem = given
    current = currents(np.random.default_rng(1), (50, 100))
    run = neuron.run(current, mem)
    for t in range(50):
        spk, mem = neuron(current[t], mem)
        assert same_bits(spk, run.spikes[t])
        assert same_bits(mem, run.membrane[t])


@pytest.mark.parametrize("calls", [1, 2], ids=["first call", "prepared call"])
@pytest.mark.parametrize("in_place", [False, True])
def test_out_is_filled_and_returned(neuron, given, calls, in_place):
    cur, mem = given
    expected_spk, expected_mem = neuron(cur, mem)
    for _ in range(calls):
        fed = mem.copy()
        out = (np.empty(100, bool), fed if in_place else np.empty(100, F4))
        spk, new = neuron(cur, fed, out=out)
        assert spk is out[0]
        assert new is out[1]
        assert same_bits(spk, expected_spk)
        assert same_bits(new, expected_mem)
        assert in_place or same_bits(fed, mem)


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: np.repeat(a, 2)[::2],
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: a.tolist(),
        lambda a: np.broadcast_to(a, (1, 100))[0],
    ],
    ids=["strided", "byte-swapped", "a list", "read-only"],
)
def test_any_layout_gives_the_same_bits(neuron, given, layout):
    cur, mem = given
    expected = neuron(cur, mem)
    for c, m in ((layout(cur), mem), (cur, layout(mem))):
        for _ in range(2):
            spk, new = neuron(c, m)
            assert same_bits(spk, expected[0])
            assert same_bits(new, expected[1])


def test_strided_outputs_are_filled(neuron, given):
    cur, mem = given
    expected = neuron(cur, mem)
    spk, new = np.zeros(200, bool), np.zeros(200, F4)
    neuron(cur, mem, out=(spk[::2], new[::2]))
    assert same_bits(spk[::2].copy(), expected[0])
    assert same_bits(new[::2].copy(), expected[1])
    assert not new[1::2].any()
    strided = np.repeat(mem, 2)[::2]
    neuron(cur, strided, out=(spk[::2], strided))
    assert same_bits(strided.copy(), expected[1])


def test_current_membrane_and_parameters_broadcast():
    R = np.linspace(4, 6, 3, dtype=F4)[:, None]
    neuron = fastlif.LIF(R=R)
    spk, mem = neuron(currents(np.random.default_rng(0), 4), F4(1.5))
    assert spk.shape == mem.shape == (3, 4)
    assert spk.all()
    for _ in range(2):
        again = neuron(0.2, mem)
        for j in range(3):
            one = fastlif.LIF(R=R[j, 0])(0.2, mem[j])
            assert same_bits(again[1][j], one[1])


def test_a_population_of_several_axes_uses_the_prepared_call(neuron):
    cur = currents(np.random.default_rng(0), (5, 100))
    first = neuron(cur, np.ones((5, 100), F4))
    second = neuron(cur, np.ones((5, 100), F4))
    assert second[0].shape == second[1].shape == (5, 100)
    assert same_bits(first[1], second[1])


def test_without_a_membrane_the_step_starts_at_rest(neuron, given):
    cur, _ = given
    assert same_bits(neuron(cur)[1], neuron(cur, np.zeros(100, F4))[1])


def test_a_state_is_a_membrane(neuron, given):
    cur, mem = given
    assert same_bits(neuron(cur, fastlif.State(mem))[1], neuron(cur, mem)[1])


@pytest.mark.parametrize("dtype", [F4, np.float64])
def test_steps_of_changing_sizes_and_dtypes(dtype):
    neuron = fastlif.LIF()
    for n in (3, 5, 5, 0, 3, 3):
        for kind in (dtype, F4, dtype):
            spk, mem = neuron(np.ones(n, kind), np.ones(n, kind))
            assert spk.shape == mem.shape == (n,)
            assert mem.dtype == kind


def test_steps_in_several_threads():
    neuron = fastlif.LIF()

    def work(size):
        mem = np.zeros(size, F4)
        for _ in range(300):
            _, mem = neuron(np.full(size, 0.15, F4), mem)
        return mem

    with ThreadPoolExecutor(4) as pool:
        for size, mem in zip(range(1, 9), pool.map(work, range(1, 9)), strict=True):
            assert same_bits(mem, work(size))


@pytest.mark.parametrize("calls", [1, 2], ids=["first call", "prepared call"])
class TestBadOut:
    def rejected(self, calls, error, message, cur, mem, out):
        neuron = fastlif.LIF()
        for _ in range(calls - 1):
            neuron(cur, mem)
        before = [np.copy(a) for a in out]
        with pytest.raises(error, match=message):
            neuron(cur, mem, out=out)
        for array, copy in zip(out, before, strict=True):
            assert np.array_equal(array, copy)

    def test_shape(self, calls, given):
        out = np.empty(99, bool), np.empty(100, F4)
        self.rejected(calls, ValueError, r"out\[0\] \(spk\) must have shape \(100,\)", *given, out)

    def test_dtype(self, calls, given):
        out = np.empty(100, bool), np.zeros(100)
        message = r"out\[1\] \(mem\) must have dtype float32, got float64"
        self.rejected(calls, TypeError, message, *given, out)

    def test_read_only(self, calls, given):
        out = np.zeros(100, bool), np.zeros(100, F4)
        out[1].flags.writeable = False
        message = r"out\[1\] \(mem\) must be writeable"
        self.rejected(calls, ValueError, message, *given, out)

    def test_overlap_with_the_current(self, calls, given):
        cur, mem = given
        message = r"out\[1\] \(mem\) must not overlap cur"
        self.rejected(calls, ValueError, message, cur, mem, (np.zeros(100, bool), cur))

    def test_overlap_with_a_part_of_the_membrane(self, calls, given):
        cur, mem = given
        long = np.zeros(101, F4)
        message = r"out\[1\] \(mem\) must not overlap mem .*very same array"
        out = np.zeros(100, bool), long[1:]
        self.rejected(calls, ValueError, message, cur, long[:100], out)

    def test_overlap_of_spikes_and_membrane(self, calls, given):
        new = np.zeros(100, F4)
        message = r"out\[0\] \(spk\) must not overlap out\[1\]"
        out = new.view(bool)[:100], new
        self.rejected(calls, ValueError, message, *given, out)

    def test_not_a_pair(self, calls, given):
        self.rejected(calls, TypeError, "out must be a pair", *given, [np.zeros(100)])


def fail(*arguments):
    raise AssertionError("the general way was taken")


@pytest.mark.parametrize("with_out", [False, True])
def test_the_second_step_takes_the_prepared_way(neuron, given, with_out, monkeypatch):
    cur, mem = given
    out = (np.empty(100, bool), np.empty(100, F4)) if with_out else None
    first = [a.copy() for a in neuron(cur, mem, out=out)]
    monkeypatch.setattr(Integrator, "step", fail)
    for a, b in zip(first, neuron(cur, mem, out=out), strict=True):
        assert same_bits(a, b)
    for unlike in (cur.astype(">f4"), cur[::2], cur.astype(np.float64), cur.view(np.memmap)):
        with pytest.raises(AssertionError, match="the general way"):
            neuron(unlike, mem, out=out)


def test_an_initial_state_takes_the_prepared_way(neuron, given, monkeypatch):
    cur, _ = given
    initial = neuron.initial_state(100, "f4").mem
    neuron(cur, initial)
    monkeypatch.setattr(Integrator, "step", fail)
    neuron(cur, initial)


def test_the_second_small_run_calls_the_compiled_variant(neuron):
    current = np.ones((20, 100), F4)
    first = neuron.run(current)
    (plan,) = neuron._integrator._plans.values()
    assert plan.bound
    assert all(isinstance(kernel, BuiltinFunctionType) for kernel, _ in plan.loops)
    assert same_bits(neuron.run(current).membrane, first.membrane)
    neuron.run(current, record="events")
    assert not list(neuron._integrator._plans.values())[-1].bound
