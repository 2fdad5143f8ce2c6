"""NIR: conversion in both directions, and networks written by other tools."""

import json
from pathlib import Path

import numpy as np
import pytest

import fastlif
from fastlif import presets

nir = pytest.importorskip("nir")

GOLDEN = Path(__file__).parent / "golden"
F4 = np.float32


@pytest.fixture(scope="module")
def runs():
    with np.load(GOLDEN / "nir_networks.npz") as file:
        arrays = {name: file[name] for name in file.files}
    return arrays | {"meta": json.loads(str(arrays["meta"]))}


def weighted(node, x):
    return x @ node.weight.T + getattr(node, "bias", 0)


@pytest.mark.parametrize("tool", ["snntorch", "norse"])
def test_a_network_of_another_tool_gives_the_same_spikes(tool, runs):
    graph = nir.read(GOLDEN / f"{tool}.nir")
    neurons = fastlif.from_nir(graph, runs["meta"]["dt"][tool])
    assert list(neurons) == ["1", "3"]
    x = runs[f"{tool}_input"]
    for layer, name in enumerate(neurons, 1):
        current = weighted(graph.nodes[str(int(name) - 1)], x).astype(F4)
        run = neurons[name].run(current)
        assert np.array_equal(run.spikes, runs[f"{tool}_spikes_{layer}"])
        np.testing.assert_allclose(run.membrane, runs[f"{tool}_membrane_{layer}"], atol=1e-5)
        x = run.spikes.astype(F4)


def test_a_cubalif_of_snntorch_gives_the_same_spikes(runs):
    graph = nir.read(GOLDEN / "cuba.nir")
    neuron = fastlif.from_nir(graph.nodes["cubalif"], runs["meta"]["dt"]["cuba"])
    assert isinstance(neuron, presets.nir_cuba_lif)
    run = neuron.run(runs["cuba_input"])
    assert np.array_equal(run.spikes, runs["cuba_spikes"])
    np.testing.assert_allclose(run.membrane, runs["cuba_membrane"], atol=1e-5)
    np.testing.assert_allclose(run.final.syn, runs["cuba_current"][-1], atol=1e-5)


def test_if_and_li_equal_their_equations():
    current = np.random.default_rng(0).uniform(-0.5, 1.5, (300, 5)).astype(F4)
    settings = {"r": 170.0, "dt": 1e-3}
    for v_reset in (None, 0.25):
        run = presets.nir_if(**settings, v_threshold=1.5, v_reset=v_reset).run(current)
        u = np.zeros(5, F4)
        for i, spk, mem in zip(current, run.spikes, run.membrane, strict=True):
            b = u + i * F4(170.0 * 1e-3)
            s = b > F4(1.5)
            u = np.where(s, b - F4(1.5) if v_reset is None else F4(v_reset), b)
            assert np.array_equal(spk, s)
            assert np.array_equal(mem, u)
        assert run.spikes.sum() > 50
    run = presets.nir_li(tau=0.02, v_leak=0.1, **settings).run(current)
    u, rate = np.full(5, 0.1, F4), F4(1e-3) * (F4(1) / F4(0.02))
    for i, mem in zip(current, run.membrane, strict=True):
        u = u + rate * (F4(0.1) + i * F4(170.0) - u)
        assert np.array_equal(mem, u)
    assert not run.spikes.any()


def arrays(**values):
    return {name: np.full(3, value) for name, value in values.items()}


def test_a_node_survives_a_round_trip():
    nodes = [
        nir.LIF(**arrays(tau=0.02, r=2.0, v_leak=0.1, v_threshold=1.5, v_reset=-0.1)),
        nir.IF(**arrays(r=2.0, v_threshold=1.5, v_reset=0.2)),
        nir.LI(**arrays(tau=0.02, r=2.0, v_leak=0.1)),
        nir.CubaLIF(
            **arrays(
                tau_syn=0.01, tau_mem=0.02, r=2.0, v_leak=0.1, v_threshold=1.5, v_reset=0.0,
                w_in=3.0,
            )
        ),
    ]  # fmt: skip
    for node in nodes:
        neuron = fastlif.from_nir(node, 1e-3)
        back = fastlif.to_nir(neuron)
        assert type(back) is type(node)
        for name, value in vars(node).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(getattr(back, name), value), name
        assert neuron.run(np.ones((4, 3))).membrane.shape == (4, 3)


def test_a_node_without_v_reset_is_reset_by_subtraction():
    class LIF:  # the node of NIR up to 1.0.5
        tau, r, v_leak, v_threshold = (np.full(2, value) for value in (0.02, 1.0, 0.0, 1.0))

    neuron = fastlif.from_nir(LIF(), 1e-3)
    assert neuron.v_reset is None
    old = presets.nir_lif(tau=0.02)
    assert np.array_equal(
        neuron.run([[3.0, 9.0]] * 90).membrane, old.run([[3.0, 9.0]] * 90).membrane
    )


@pytest.mark.parametrize(
    "neuron",
    [
        fastlif.LIF(order="at_once", reset_mechanism="zero", rest=0.1),
        fastlif.LIF(order="at_once", reset_mechanism="value", reset_to=-0.3, rest=0.1),
        fastlif.LIF(reset_mechanism="none", threshold=np.inf, order="at_once"),
        fastlif.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False),
    ],
    ids=repr,
)
def test_a_converted_neuron_equals_the_original(neuron):
    node = fastlif.to_nir(neuron, dt=1e-3, shape=(4,))
    again = fastlif.from_nir(node, 1e-3)
    current = np.random.default_rng(0).uniform(-0.2, 0.9, (500, 4))
    a, b = neuron.run(current), again.run(current)
    if isinstance(
        neuron, fastlif.Leaky
    ):  # resets a membrane twice if it is still above the threshold
        assert (a.spikes != b.spikes).mean() < 0.01
    elif np.isfinite(neuron.threshold):
        assert a.spikes.sum() > 10
        assert np.array_equal(a.spikes, b.spikes)
    else:
        assert not b.spikes.any()
        np.testing.assert_allclose(a.membrane, b.membrane, atol=1e-12)


@pytest.mark.parametrize(
    ("neuron", "reasons"),
    [
        (fastlif.LIF(), ["order='entering': its reset does not follow", "is a subtraction"]),
        (
            fastlif.LIF(order="at_once", reset_mechanism="zero", refractory=2),
            ["it has a refractory period"],
        ),
        (
            fastlif.LIF(order="at_once", inclusive=True, floor=0.0, reset_by=0.1),
            ["it fires at the threshold", "has a floor", "reset_by is not its threshold"],
        ),
        (fastlif.LIF(reset_mechanism="none", order="at_once"), ["it fires without a reset"]),
        (fastlif.Lapicque(R=5.0, C=5e-3, time_step=1e-3), ["one step late", "is a subtraction"]),
        (fastlif.Leaky(beta=0.9, reset_mechanism="none"), ["it fires without a reset"]),
        (presets.nir_lif(), ["its reset is a subtraction"]),
    ],
    ids=repr,
)
def test_reasons_for_a_failed_conversion_are_given(neuron, reasons):
    with pytest.raises(ValueError, match="cannot represent") as caught:
        fastlif.to_nir(neuron, dt=1e-3)
    for reason in reasons:
        assert reason in str(caught.value)
    with pytest.warns(UserWarning, match="cannot represent"):
        node = fastlif.to_nir(neuron, dt=1e-3, strict=False)
    assert isinstance(node, (nir.LIF, nir.LI))


def test_invalid_arguments_are_rejected():
    with pytest.raises(TypeError, match=r"^node must be a nir.LIF, .* got "):
        fastlif.from_nir(nir.Linear(weight=np.ones((2, 2))), 1e-3)
    with pytest.raises(TypeError, match=r"got a path; pass nir.read\('a.nir'\)"):
        fastlif.from_nir("a.nir", 1e-3)
    with pytest.raises(ValueError, match=r"^dt must be greater than 0"):
        fastlif.from_nir(nir.read(GOLDEN / "cuba.nir"), 0)
    with pytest.raises(TypeError, match=r"^neuron must be a LIF, .* got norse_lif\("):
        fastlif.to_nir(presets.norse_lif())
    with pytest.raises(TypeError, match=r"^dt must be a number for a Leaky"):
        fastlif.to_nir(fastlif.Leaky(beta=0.9))
    with pytest.raises(ValueError, match=r"^beta must be less than 1"):
        fastlif.to_nir(fastlif.Leaky(beta=1.0), dt=1e-3)
