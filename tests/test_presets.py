"""Each preset compared with its simulator: with recorded runs, and with the simulator itself.

``pytest -m peers`` runs those simulators that can be imported; .ci/peers installs them.
"""

import functools
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from cases import full, same_bits
from peers.tables import TABLES, peer_of

from fastlif import presets

GOLDEN = Path(__file__).parent / "golden"
RUNS = [(name, k) for name, table in TABLES.items() for k in range(len(table.CASES[name]))]

# The stored runs in which the simulator's own exp or expm1 is not correctly rounded, so that a
# decay differs by 1 ulp in a few neurons. Spikes are equal; membranes agree within this tolerance.
# The digest is that of fastlif's membranes, which are the same on every machine.
OTHER_EXP = {
    ("sinabs_lif", 2): (
        3e-5,
        "449384785bd7fb997357644f0dad40100e7346df8e3c28dfc18111253b312819",
    ),
    ("rockpool_lif", 2): (
        2e-5,
        "ac61e3b2a1b35a733a0a6f83734798f66bd5a85bb9a70f6cb259f1cbb1bd0891",
    ),
    ("nengo_lif", 0): (
        2e-16,
        "0697b6a39e20473f806ab1771e6a99b88e7a4d06e199da41f84cba31f6af8277",
    ),
    ("nengo_lif", 2): (
        2e-16,
        "a50a3abc0e3f059001696ee2f9bf58c239e7f09a96da74aac31be4c7cf6dfc7f",
    ),
    ("nengo_lif", 3): (
        2e-16,
        "4ef904f8d15854d018b5067dc1926bf5f09b0a7be26527a8252f88c1b73a7e7d",
    ),
}
# Simulators that take exp or expm1 from NumPy or the C library, whose last bits depend on the
# machine: there the live membranes agree within this fraction of the largest one.
LIVE_TOLERANCE = {
    "brian2_lif": 1e-12,
    "nengo_lif": 1e-12,
    "nest_iaf_psc_delta": 1e-12,
    "rockpool_lif": 1e-5,
    "sinabs_lif": 1e-5,
}


@functools.cache
def golden(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def preset(name, k):
    parameters = TABLES[name].parameters_of(name, k)
    parameters.pop("amplitude", None)  # scales Nengo's output only
    return getattr(presets, name)(**parameters)


@functools.cache
def run_of(name, k):
    return preset(name, k).run(TABLES[name].current_of(name, k))


@pytest.mark.parametrize(("name", "k"), RUNS)
def test_every_spike_equals_the_simulators(name, k):
    run, stored = run_of(name, k), golden(name)[f"spikes_{k}"]
    if run.spikes.dtype == np.bool_:
        size = run.spikes.shape[1]
        stored = np.unpackbits(stored, axis=1, bitorder="little", count=size).astype(bool)
    assert stored.sum() > 1000
    assert np.array_equal(run.spikes, stored)


@pytest.mark.parametrize(("name", "k"), RUNS)
def test_every_membrane_equals_the_simulators(name, k):
    membrane, arrays = run_of(name, k).membrane, golden(name)
    tolerance, digest = OTHER_EXP.get((name, k), (0, str(arrays[f"digest_{k}"])))
    for found, stored in ((membrane[:, :4], f"membrane_{k}"), (membrane[-1], f"final_{k}")):
        np.testing.assert_allclose(found, arrays[stored], rtol=0, atol=tolerance)
    # -0.0 and 0.0 count as equal.
    assert hashlib.sha256(np.ascontiguousarray(membrane + 0.0).tobytes()).hexdigest() == digest


@pytest.mark.parametrize(
    "name",
    [
        n if n in ("norse_lif", "nengo_lif", "brian2_lif") else pytest.param(n, marks=full)
        for n in TABLES
    ],
)
def test_a_run_can_be_split_stepped_and_pickled(name):
    neuron, current = preset(name, 2), TABLES[name].current_of(name, 2)[:60]
    whole = run_of(name, 2)
    state, states = None, []
    for cur in current:
        spk, state = neuron(cur, state)
        states.append(getattr(state, "mem", state))
    assert same_bits(np.array(states), whole.membrane[:60])
    copy = pickle.loads(pickle.dumps(neuron))
    first = copy.run(current[:23], record="counts")
    second = copy.run(current[23:], first.final, threads=2)
    assert same_bits(second.membrane, whole.membrane[23:60])
    assert same_bits(second.spikes, whole.spikes[23:60])
    assert repr(copy) == repr(neuron)
    assert repr(neuron).startswith(("Lapicque(", "Leaky(", f"{name}("))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: presets.norse_lif(tau_mem_inv=0), ValueError, "^tau_mem_inv must be greater than"),
        (lambda: presets.norse_lif(dt=[1, 2]), TypeError, "^dt must be a single number, got"),
        (
            lambda: presets.norse_lif_box(reset_method="subtract"),
            ValueError,
            "did you mean 'reset_subtract'",
        ),
        (lambda: presets.spikingjelly_lif(tau=1.0), ValueError, "^tau must be greater than 1"),
        (lambda: presets.brian2_lif(refractory=-1), ValueError, "^refractory must not be negative"),
        (lambda: presets.brian2_lif(method="rk4"), ValueError, "^method must be one of"),
        (
            lambda: presets.nest_iaf_psc_delta(V_reset=-50),
            ValueError,
            "less than V_th=-55.0, got -50",
        ),
        (lambda: presets.nest_iaf_psc_delta(dt=0.0123456), ValueError, "number of microseconds"),
        (lambda: presets.nest_iaf_psc_delta(input="x"), ValueError, "^input must be one of"),
        (lambda: presets.nengo_lif(min_voltage=1), ValueError, "^min_voltage must be at most 0"),
        (lambda: presets.rockpool_lif(max_spikes_per_dt=0), ValueError, "must be at least 1"),
        (lambda: presets.rockpool_lif(max_spikes_per_dt=2**40), ValueError, "must be at most"),
        (lambda: presets.sinabs_lif(20, spike_fn="Multi"), ValueError, "did you mean 'MultiSpike'"),
        (lambda: presets.sinabs_lif(20, norm_input=1), TypeError, "^norm_input must be True or"),
        (lambda: presets.nir_lif(tau=-1), ValueError, "^tau must be greater than 0"),
    ],
)
def test_invalid_parameters_are_rejected(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_spike_input_of_the_nest_preset_is_added_to_the_membrane():
    neuron = presets.nest_iaf_psc_delta(I_e=100.0, t_ref=0.2, V_min=-71.0)
    jumps = np.zeros((40, 3))
    jumps[3], jumps[5] = [2.0, 16.0, -9.0], 1.0
    spiking = presets.nest_iaf_psc_delta(I_e=100.0, t_ref=0.2, V_min=-71.0, input="spikes")
    run = spiking.run(jumps)
    keep = np.exp(-0.1 / 10.0)
    drift = 1 / 250.0 * (1 - keep) * 10.0 * 100.0
    u, left = np.zeros(3), np.zeros(3)
    for t, w in enumerate(jumps):
        u = np.where(left > 0, u, np.maximum(drift + keep * u + w, -1.0))
        s = u >= 15
        left = np.where(s, 2, np.maximum(left - 1, 0))
        u = np.where(s, 0, u)
        assert np.array_equal(run.spikes[t], s)
        np.testing.assert_allclose(run.membrane[t], u, rtol=1e-13)
    assert run.spikes[3].tolist() == [False, True, False]
    still = neuron.run(np.zeros((40, 1)))
    assert np.array_equal(spiking.run(np.zeros((40, 1))).membrane, still.membrane)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "k"), RUNS)
def test_the_simulator_itself_agrees(name, k):
    peer = peer_of(name)
    table = TABLES[name]
    spikes, membrane = getattr(peer, name)(
        table.current_of(name, k), **table.parameters_of(name, k)
    )
    run = run_of(name, k)
    assert np.array_equal(run.spikes, spikes)
    atol = LIVE_TOLERANCE.get(name, 0) * np.abs(membrane).max()
    np.testing.assert_allclose(run.membrane, membrane, rtol=0, atol=atol)
