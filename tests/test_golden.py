"""Bit-for-bit comparison with recorded runs of snnTorch; see tests/golden/make_golden.py."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import fastlif

GOLDEN = Path(__file__).parent / "golden"
RUNS = {"lapicque": 60, "leaky": 48, "notebook": 30, "passive": 10}


@functools.cache
def golden(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def case(name, run):
    arrays = golden(name)
    entry = json.loads(str(arrays["parameters"][run]))
    parameters = {k: as_given(v) for k, v in entry["parameters"].items()}
    inferred = {k: np.float32(v) for k, v in entry["inferred"].items()}
    return parameters, inferred, {k: arrays[k][run] for k in arrays if k != "parameters"}


def as_given(value):
    return np.array(value, np.float32) if isinstance(value, list) else value


class Recorded(NamedTuple):
    membrane: np.ndarray
    spikes: np.ndarray


def assert_same_bits(run, arrays):
    assert run.membrane.dtype == np.float32
    assert np.array_equal(run.membrane.view(np.uint32), arrays["membrane"].view(np.uint32))
    assert np.array_equal(run.spikes, arrays["spikes"])


def stepped(neuron, arrays):
    mem, spikes, membrane = arrays["initial"], [], []
    for cur in arrays["current"]:
        spk, mem = neuron(cur, mem)
        spikes.append(spk)
        membrane.append(mem)
    return Recorded(np.array(membrane), np.array(spikes))


def test_the_files_contain_the_parametrized_runs():
    assert {name: len(golden(name)["parameters"]) for name in RUNS} == RUNS


@pytest.mark.filterwarnings("ignore:time_step is")
@pytest.mark.parametrize("run", range(RUNS["lapicque"]))
def test_lapicque_equals_snntorch(run):
    parameters, inferred, arrays = case("lapicque", run)
    if "beta" in parameters:
        neuron = fastlif.Lapicque(**parameters)
        constants = neuron.constants(np.dtype(np.float32))
        # The last bit of snnTorch's logarithm can be wrong, and then also the inferred parameters.
        if "R" not in parameters and "C" in parameters:
            np.testing.assert_array_max_ulp(constants["gain"], inferred["R"], 2)
        given = {k: v for k, v in parameters.items() if k != "beta"}
        exact = fastlif.Lapicque(**(given | inferred))
        keep = exact.constants(np.dtype(np.float32))["keep"]
        np.testing.assert_allclose(constants["keep"], keep, atol=2**-22)
    else:
        exact = fastlif.Lapicque(**parameters)
    assert_same_bits(exact.run(arrays["current"], arrays["initial"]), arrays)
    assert_same_bits(stepped(exact, arrays), arrays)


@pytest.mark.parametrize("run", range(RUNS["leaky"]))
def test_leaky_equals_snntorch(run):
    parameters, _, arrays = case("leaky", run)
    neuron = fastlif.Leaky(**parameters)
    assert_same_bits(neuron.run(arrays["current"], arrays["initial"]), arrays)
    assert_same_bits(stepped(neuron, arrays), arrays)


@pytest.mark.parametrize("run", range(RUNS["notebook"]))
def test_lif_equals_the_tutorial(run):
    parameters, _, arrays = case("notebook", run)
    neuron = fastlif.LIF(**parameters)
    assert_same_bits(neuron.run(arrays["current"], arrays["initial"]), arrays)
    assert_same_bits(stepped(neuron, arrays), arrays)


@pytest.mark.parametrize("run", range(RUNS["notebook"]))
def test_leaky_integrate_and_fire_equals_the_tutorial(run):
    parameters, _, arrays = case("notebook", run)

    def function(cur, mem):
        mem, spk = fastlif.leaky_integrate_and_fire(mem, cur, **parameters)
        return spk, mem

    assert_same_bits(stepped(function, arrays), arrays)


@pytest.mark.parametrize("run", range(RUNS["passive"]))
def test_leaky_integrate_neuron_equals_the_tutorial(run):
    parameters, _, arrays = case("passive", run)
    U = arrays["initial"]
    for cur, expected in zip(arrays["current"], arrays["membrane"], strict=True):
        U = fastlif.leaky_integrate_neuron(U, I=cur, **parameters)
        assert np.array_equal(U, expected)
    passive = fastlif.LIF(np.inf, reset_mechanism="none", **parameters)
    run = passive.run(arrays["current"], arrays["initial"], record="membrane")
    assert np.array_equal(run.membrane, arrays["membrane"])


def test_the_tutorials_passive_decay_in_double_precision():
    U, trace = 0.9, []
    for _ in range(100):
        trace.append(U)
        U = U + (1e-3 / (5e7 * 1e-10)) * (-U + 0 * 5e7)
    V = 0.9
    for expected in trace:
        assert expected == V
        V = fastlif.leaky_integrate_neuron(V)


def test_the_notebooks_functions_do_not_depend_on_earlier_calls():
    arrays = np.float32([0.5, 1.25]), np.float32(0.2)
    numbers = fastlif.leaky_integrate_and_fire(*arrays, 1, 1e-3, 5.1, 5e-3)
    doubles = [np.float64(p) for p in (1, 1e-3, 5.1, 5e-3)]
    expected = fastlif.LIF(*doubles)(arrays[1], arrays[0])[1]
    assert np.array_equal(fastlif.leaky_integrate_and_fire(*arrays, *doubles)[0], expected)
    assert np.array_equal(
        fastlif.leaky_integrate_and_fire(*arrays, 1, 1e-3, 5.1, 5e-3)[0], numbers[0]
    )
    with pytest.raises(TypeError, match="threshold must be a number"):
        fastlif.leaky_integrate_and_fire(*arrays, True)
