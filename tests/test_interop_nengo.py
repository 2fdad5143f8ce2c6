"""Nengo: networks with Nengo's own neurons, and neurons compared with their runs."""

import pickle
import threading

import numpy as np
import pytest
from cases import variables

import fastlif
from fastlif import presets

nengo = pytest.importorskip("nengo")

from nengo.exceptions import ValidationError  # noqa: E402

from fastlif.interop.nengo import NeuronType, _Step  # noqa: E402

nengo.rc.set("decoder_cache", "enabled", "False")  # several processes would share a file

DT = 0.001
AT_ONCE = {"order": "at_once", "integration": "exact", "tau": 0.02}
NEURONS = {
    "nengo_lif": presets.nengo_lif(tau_rc=0.03, tau_ref=0.001),
    "nengo_spiking_rectified_linear": presets.nengo_spiking_rectified_linear(),
    "LIF": fastlif.LIF(),
    "at once": fastlif.LIF(**AT_ONCE),
    "refractory": fastlif.LIF(**AT_ONCE, reset_mechanism="zero", refractory_time=0.002),
    "within a step": fastlif.LIF(
        **AT_ONCE, reset_mechanism="value", reset_to=-0.2, rest=-0.1, within_step=True,
        refractory_time=0.002,
    ),
    "Lapicque": fastlif.Lapicque(time_step=DT, R=5.1, C=5e-3),
    "Leaky": fastlif.Leaky(beta=0.9),
    "brian2_lif": presets.brian2_lif(dt=DT, refractory=0.003),
    "nest_iaf_psc_delta": presets.nest_iaf_psc_delta(dt=1.0),
    "norse_lif": presets.norse_lif(),
    "rockpool_lif": presets.rockpool_lif(),
    "sinabs_lif": presets.sinabs_lif(tau_mem=20.0),
    "spikingjelly_lif": presets.spikingjelly_lif(),
    "nir_cuba_lif": presets.nir_cuba_lif(
        tau_syn=0.01, tau_mem=0.02, r=1.0, v_leak=0.0, v_threshold=1.0
    ),
    "arrays": fastlif.LIF(**AT_ONCE, threshold=np.linspace(0.8, 1.2, 60), refractory=1),
    "arrays of time constants": presets.nengo_lif(tau_rc=np.linspace(0.01, 0.03, 60)),
}  # fmt: skip
EQUAL = {
    "defaults": ({}, {}),
    "parameters": ({"tau_rc": 0.013, "tau_ref": 0.0017, "min_voltage": -0.7}, {"amplitude": 0.01}),
    "no refractory period": ({"tau_ref": 0.0}, {}),
    "initial state": ({}, {"initial_state": {"voltage": nengo.dists.Uniform(-1, 0.5)}}),
}


def sine(t):
    return 1.5 * np.sin(20 * t)


def recurrent(neuron_type, n=80):
    """Return a network in which two ensembles are connected, and the names of its probes."""
    with nengo.Network(seed=3) as network:
        stimulus = nengo.Node(sine)
        a, b = (nengo.Ensemble(n, 1, neuron_type=neuron_type) for _ in range(2))
        nengo.Connection(stimulus, a)
        nengo.Connection(a, b, function=np.square, synapse=0.005)
        nengo.Connection(b, a, transform=0.4, synapse=0.01)
        network.probes_of = {
            (name, ensemble): nengo.Probe(part, name)
            for ensemble, part in (("a", a.neurons), ("b", b.neurons))
            for name in part.probeable
        }
        network.a, network.b = a, b
        network.decoded = nengo.Probe(b, synapse=0.01)
    return network


def simulated(network, steps=400, **options):
    with nengo.Simulator(network, progress_bar=False, **options) as simulator:
        simulator.run_steps(steps)
    return simulator


@pytest.mark.parametrize("name", EQUAL)
def test_a_network_of_nengo_lif_equals_one_of_nengos_own(name):
    physics, settings = EQUAL[name]
    compare(NeuronType(presets.nengo_lif(**physics), **settings), nengo.LIF(**physics, **settings))


@pytest.mark.parametrize("amplitude", [1, 0.02])
def test_a_network_of_rectified_neurons_equals_one_of_nengos_own(amplitude):
    preset = presets.nengo_spiking_rectified_linear()
    compare(NeuronType(preset, amplitude), nengo.SpikingRectifiedLinear(amplitude))


def compare(neuron_type, reference_type):
    """Compare two networks, whose matrix products may differ in the last bits."""
    network, reference = recurrent(neuron_type), recurrent(reference_type)
    own, theirs = simulated(network), simulated(reference)
    for ensemble in "ab":
        mine = own.data[getattr(network, ensemble)]
        for field, value in theirs.data[getattr(reference, ensemble)]._asdict().items():
            assert np.array_equal(getattr(mine, field), value), field
    assert network.probes_of.keys() == reference.probes_of.keys()
    for key, probe in reference.probes_of.items():
        value, mine = theirs.data[probe], own.data[network.probes_of[key]]
        if key[0] == "output":
            assert np.array_equal(mine, value), key
            assert value.any()
        else:
            np.testing.assert_allclose(mine, value, rtol=1e-12, atol=1e-9, err_msg=str(key))
    np.testing.assert_allclose(
        own.data[network.decoded], theirs.data[reference.decoded], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("name", NEURONS)
def test_neurons_in_a_network_equal_a_run(name, optimize):
    neuron, amplitude = NEURONS[name], 0.5
    neuron_type = NeuronType(neuron, amplitude)
    with nengo.Network(seed=1) as network:
        stimulus = nengo.Node(lambda t: 1.2 * np.sin(15 * t))
        probes = []
        for seed in (2, 3):
            rates = nengo.dists.Uniform(60, 90)
            ensemble = nengo.Ensemble(60, 1, neuron_type=neuron_type, max_rates=rates, seed=seed)
            nengo.Connection(stimulus, ensemble)
            names = ["input", *neuron_type.probeable]
            probes.append({name: nengo.Probe(ensemble.neurons, name) for name in names})
    simulator = nengo.Simulator(network, progress_bar=False, optimize=optimize)
    with simulator:
        for of_ensemble in probes:
            initial = {
                name: np.array(simulator.signals[simulator.model.sig[probe.obj][name]])
                for name, probe in of_ensemble.items()
                if name in neuron_type.state
            }
            of_ensemble["initial"] = fastlif.State(
                **dict(zip(neuron.rule.states, initial.values(), strict=True))
            )
        simulator.run_steps(300)
        data = simulator.data
        for of_ensemble in probes:
            run = neuron.run(data[of_ensemble["input"]], of_ensemble.pop("initial"))
            output = data[of_ensemble["output"]]
            assert np.array_equal(output, run.spikes * (amplitude / DT))
            assert run.spikes.sum() > 100
            assert np.array_equal(data[of_ensemble["voltage"]], run.membrane)
            for state, field in zip(neuron_type.state, variables(run.final), strict=True):
                assert np.array_equal(data[of_ensemble[state]][-1], field), state
        steps = [step for step in simulator._step_order if isinstance(step, _Step)]
        merged = optimize and not name.startswith("arrays")
        assert len(steps) == (1 if merged else 2)


@pytest.mark.parametrize("name", NEURONS)
def test_decoders_represent_the_input(name):
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: np.sin(10 * t))
        ensemble = nengo.Ensemble(
            60, 1, neuron_type=NeuronType(NEURONS[name]), max_rates=nengo.dists.Uniform(80, 120)
        )
        nengo.Connection(stimulus, ensemble)
        probe = nengo.Probe(ensemble, synapse=nengo.Alpha(0.02))
        given = nengo.Probe(stimulus, synapse=nengo.Alpha(0.02))
    data = simulated(network, 1000).data
    # Synaptic currents delay and filter the input in addition.
    slow = "syn" in NEURONS[name].rule.states
    assert np.sqrt(np.mean((data[probe] - data[given])[200:] ** 2)) < (0.45 if slow else 0.12)


@pytest.mark.parametrize("name", NEURONS)
def test_gain_and_bias_give_the_rates_and_intercepts(name):
    neuron_type, rng = NeuronType(NEURONS[name]), np.random.default_rng(0)
    max_rates, intercepts = rng.uniform(50, 100, 60), rng.uniform(-0.9, 0.9, 60)
    gain, bias = neuron_type.gain_bias(max_rates, intercepts)
    reached, found = neuron_type.max_rates_intercepts(gain, bias)
    # Membranes that are reset to a value fire in a whole number of steps.
    np.testing.assert_allclose(reached, max_rates, atol=12)
    np.testing.assert_allclose(found, intercepts, atol=1e-9)
    rates = neuron_type.rates(intercepts + 0.02 * (1 - intercepts), gain, bias)
    below = neuron_type.rates(intercepts - 0.02 * (1 - intercepts), gain, bias)
    assert np.all(np.diag(rates) > 0)
    assert np.all(np.diag(below) == 0)


def test_measured_tuning_curves_equal_the_closed_form():
    own, theirs = NeuronType(fastlif.LIF(
        **AT_ONCE, reset_mechanism="zero", within_step=True, refractory_time=0.002
    )), nengo.LIF()  # fmt: skip
    rng = np.random.default_rng(0)
    max_rates, intercepts = rng.uniform(200, 400, 50), rng.uniform(-1, 0.9, 50)
    expected = theirs.gain_bias(max_rates, intercepts)
    for mine, value in zip(own.gain_bias(max_rates, intercepts), expected, strict=True):
        np.testing.assert_allclose(mine, value, rtol=0.02, atol=0.05)
    x = np.linspace(-1, 1, 30_000)  # more than are measured
    rates, closed = own.rates(x, *expected), theirs.rates(x, *expected)
    assert np.abs(rates - closed)[closed > 5].max() < 1.5
    assert np.abs(rates[closed == 0]).max() == 0


@pytest.mark.parametrize("tau_ref", [0.0, 0.0003, 0.002])
def test_offsets_are_the_times_of_spikes_in_nengo(tau_ref):
    current = np.random.default_rng(5).uniform(-2, 60, (300, 80))
    theirs, voltage, refractory = nengo.LIF(tau_ref=tau_ref), np.zeros(80), np.zeros(80)
    output, expected = np.zeros(80), []
    for J in current:
        theirs.step(DT, J, output, voltage=voltage, refractory_time=refractory)
        expected += list((refractory[output > 0] - tau_ref) / DT)
    run = presets.nengo_lif(tau_ref=tau_ref).run(current, record="events")
    assert len(expected) > 1000
    np.testing.assert_allclose(run.offsets, expected, rtol=0, atol=1e-12)


def test_initial_membranes_are_between_rest_and_threshold():
    neuron = fastlif.LIF(**AT_ONCE, rest=-0.5, threshold=[0.5] * 300 + [np.inf] * 300)
    voltage = NeuronType(neuron).make_state(600, np.random.RandomState(0))["voltage"]
    assert -0.5 <= voltage[:300].min() < -0.45
    assert 0.45 < voltage[:300].max() < 0.5
    assert np.all(voltage[300:] == -0.5)


def test_32_bits():
    network = recurrent(NeuronType(presets.nengo_lif()))
    nengo.rc.set("precision", "bits", "32")
    try:
        data = simulated(network).data
    finally:
        nengo.rc.set("precision", "bits", "64")
    assert data[network.probes_of["voltage", "a"]].dtype == np.float32
    assert data[network.probes_of["output", "a"]].any()


def test_a_copied_or_pickled_network_gives_the_same():
    network = recurrent(NeuronType(NEURONS["within a step"], 0.1, {"voltage": np.full(80, 0.5)}))
    first = simulated(network).data[network.decoded]
    assert first.any()
    for again in (network.copy(), pickle.loads(pickle.dumps(network))):
        data = simulated(again).data[again.all_probes[-1]]
        np.testing.assert_allclose(data, first, rtol=0, atol=1e-12)


def test_a_simulator_that_is_reset_gives_the_same():
    network = recurrent(NeuronType(presets.nengo_lif()))
    simulator = simulated(network)
    first = np.array(simulator.data[network.decoded])
    simulator = nengo.Simulator(network, progress_bar=False)
    with simulator:
        for _ in range(2):
            simulator.run_steps(400)
            data = simulator.data[network.decoded]
            np.testing.assert_allclose(data, first, rtol=0, atol=1e-12)
            simulator.reset()


def test_simulators_in_threads_share_a_neuron_type():
    network = recurrent(NeuronType(presets.nengo_lif()), 500)
    expected = simulated(network).data[network.decoded]
    simulators, results = [nengo.Simulator(network, progress_bar=False) for _ in range(3)], {}

    def work(k):
        simulators[k].run_steps(400)
        results[k] = np.array(simulators[k].data[network.decoded])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, simulator in enumerate(simulators):
        simulator.close()
        np.testing.assert_allclose(results[k], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("preset", "theirs", "tolerance"),
    [
        (presets.nengo_lif(), nengo.LIF(), 1e-13),  # NumPy's expm1 and log1p may differ
        (presets.nengo_spiking_rectified_linear(), nengo.SpikingRectifiedLinear(), 0),
    ],
)
def test_step_can_be_called_directly(preset, theirs, tolerance):
    J, results = np.linspace(-1, 20, 60)[::2], []
    for kind in (NeuronType(preset), theirs):
        state, output = kind.make_state(30, np.random.RandomState(0)), np.zeros((60, 30))[:, ::2]
        voltages = []
        for k in range(50):
            kind.step(DT, J[:15], output[k], **{n: a[:15] for n, a in state.items()})
            voltages.append(state["voltage"].copy())
        results.append((output, np.array(voltages)))
    assert np.array_equal(results[0][0], results[1][0])
    assert results[0][0].any()
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=0, atol=tolerance)


def ensemble_of(neuron_type, n=10, dt=DT, **settings):
    with nengo.Network() as network:
        nengo.Ensemble(n, 1, neuron_type=neuron_type, **settings)
    nengo.Simulator(network, dt=dt, progress_bar=False).close()


ARRAYS = fastlif.LIF(**AT_ONCE, threshold=np.ones(4))
GIVEN = {"gain": np.ones(10), "bias": np.ones(10)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NeuronType(nengo.LIF()), "neuron: must be a neuron of fastlif, got LIF"),
        (lambda: NeuronType(presets.nengo_lif(), 0), "amplitude: .* must be greater than 0"),
        (lambda: NeuronType(presets.nengo_lif(), dt=0.1), "dt: must not be given .*0.001.* 0.1"),
        (lambda: NeuronType(fastlif.LIF(threshold=np.inf)), "able to fire, got an infinite thr"),
        (lambda: NeuronType(presets.nengo_lif(), 1, {"mem": [1]}), "'mem' not recognized"),
        (
            lambda: NeuronType(fastlif.LIF(time_step=[1e-3, 2e-3])),
            "one time step for all neurons, got values from 0.001 to 0.002",
        ),
        (
            lambda: ensemble_of(NeuronType(presets.nengo_lif()), dt=0.002),
            "dt: must be the time step of the simulator, 0.002 s, got 0.001 s for nengo_lif",
        ),
        (
            lambda: ensemble_of(NeuronType(presets.nest_iaf_psc_delta()), **GIVEN),
            "the simulator, 0.001 s, got 0.0001 s for nest_iaf_psc_delta",
        ),
        (lambda: ensemble_of(NeuronType(ARRAYS)), r"the shape \(10,\), .* got \(4,\)"),
        (lambda: ensemble_of(NeuronType(ARRAYS), **GIVEN), r"the shape \(10,\), .* got \(4,\)"),
        (
            lambda: NeuronType(fastlif.LIF(refractory=9)).gain_bias([50, 200], [0, 0]),
            "max_rates: must be rates that the neuron can have, got up to 200 Hz",
        ),
        (
            lambda: NeuronType(presets.nengo_lif()).gain_bias([900], [0]),
            "Max rates must be below the inverse",
        ),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_steps_of_a_neuron_without_a_time_step():
    ensemble_of(NeuronType(fastlif.Leaky(beta=0.9), dt=0.002), dt=0.002)
    with pytest.raises(ValidationError, match=r"simulator, 0\.002 s, got 0\.001 s for Leaky"):
        ensemble_of(NeuronType(fastlif.Leaky(beta=0.9)), dt=0.002)
