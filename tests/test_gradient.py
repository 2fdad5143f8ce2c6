"""neuron.gradient: against the simulators, finite differences, and its own other forms."""

import functools
import hashlib
import itertools
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from peers import gradients as peer

import fastlif
from fastlif import presets, surrogate

GOLDEN = Path(__file__).parent / "golden" / "gradients.npz"
F4 = np.float32
CASES = range(len(peer.CASES))


@functools.cache
def golden():
    with np.load(GOLDEN) as file:
        return {key: file[key] for key in file.files}


def digest(array):
    # Adding 0.0 replaces -0.0 by 0.0.
    return hashlib.sha256(np.ascontiguousarray(array + 0.0).tobytes()).hexdigest()


def neuron_of(case):
    kind = getattr(fastlif, case.neuron, None) or getattr(presets, case.neuron)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**case.parameters)


def gradient_of(case, **options):
    """Return the gradients that fastlif computes for a case."""
    data, neuron = peer.data_of(case), neuron_of(case)
    run = neuron.run(data.current, data.initial)
    chosen = getattr(surrogate, case.surrogate)(**case.options)
    return neuron.gradient(
        run, data.current, data.initial, spikes=data.at_spikes, membrane=data.at_membrane,
        surrogate=chosen, detach_reset=case.detach_reset, **options,
    )  # fmt: skip


def is_exact(case):
    return case.surrogate in peer.EXACT and case.neuron in ("Leaky", "Lapicque")


def assert_close(value, expected, tolerance=1e-6):
    """Compare with a tolerance relative to the largest gradient."""
    assert np.abs(value - expected).max() <= tolerance * np.abs(expected).max()


# --- against the simulators -----------------------------------------------------------------------


@pytest.mark.parametrize("k", CASES)
def test_recorded_gradients(k):
    case, known = peer.CASES[k], golden()
    found = gradient_of(case, parameters=True)
    if is_exact(case):
        assert [digest(found.current), digest(found.initial)] == list(known["digest"][k])
    assert_close(found.current[:, -1, -2:], known["current"][k], 2e-6)
    assert np.abs(found.initial - known["initial"][k]).max() <= 1e-6 * np.abs(found.current).max()
    for name in ("beta", "threshold"):
        expected, value = known[name][k], getattr(found, name)
        if not np.isnan(expected).all():
            expected = expected[~np.isnan(expected)].reshape(value.shape)
            assert value.shape == np.shape(case.parameters[name])
            assert_close(value, expected, 1e-6 * np.sqrt(peer.STEPS * peer.BATCH * 11 / value.size))


def test_recorded_gradients_are_those_of_the_simulators_versions():
    assert json.loads(str(golden()["meta"]))["snntorch"] == "1.0.0"
    assert len(peer.SNNTORCH) > 100


@pytest.mark.peers
@pytest.mark.parametrize("k", CASES)
def test_gradients_of_the_simulators_themselves(k):
    """That of the parameters is not compared here: float32 rounds sums with cancellation."""
    for package in ("snntorch", "norse", "spikingjelly"):
        pytest.importorskip(package)
    case, found = peer.CASES[k], gradient_of(peer.CASES[k], parameters=True)
    current, initial, _, _ = peer.by_peer(case)
    if is_exact(case):
        assert np.array_equal(found.current, current)
        assert np.array_equal(found.initial, initial)
    else:
        assert_close(found.current, current)
        assert np.abs(found.initial - initial).max() <= 1e-6 * np.abs(current).max()


# --- against finite differences -------------------------------------------------------------------

SMOOTH = {  # surrogates, and the functions that they are the derivatives of
    "atan": (surrogate.atan(1.5), lambda x: np.arctan(np.pi / 2 * 1.5 * x) / np.pi),
    "fast_sigmoid": (surrogate.fast_sigmoid(3), lambda x: x / (1 + 3 * np.abs(x))),
    "sigmoid": (surrogate.sigmoid(4), lambda x: 1 / (1 + np.exp(-4 * x))),
}
WITHOUT_RESET = {
    "Leaky": fastlif.Leaky(beta=0.8, threshold=0.7, reset_mechanism="none"),
    "Lapicque": fastlif.Lapicque(
        R=5.1, C=5e-3, time_step=1e-3, threshold=0.7, reset_mechanism="none"
    ),
    "LIF": fastlif.LIF(tau=5, time_step=1, threshold=0.7, reset_mechanism="none"),
    "LIF at once": fastlif.LIF(
        tau=5, R=2, time_step=1, threshold=0.7, reset_mechanism="none", order="at_once"
    ),
}


@pytest.mark.parametrize("neuron", WITHOUT_RESET.values(), ids=WITHOUT_RESET)
@pytest.mark.parametrize("name", SMOOTH)
def test_finite_differences(name, neuron):
    """Without a reset, a surrogate is the derivative of a loss that can be computed."""
    chosen, smooth = SMOOTH[name]
    rng = np.random.default_rng(3)
    current, initial = rng.random((12, 5)), rng.random(5)
    weights, others = rng.standard_normal((2, 12, 5))
    enters = isinstance(neuron, fastlif.LIF) and neuron.order == "entering"

    def loss(current, initial, threshold=0.7):
        membrane = neuron.run(current, initial, record="membrane").membrane
        tested = np.concatenate((initial[None], membrane[:-1])) if enters else membrane
        return (weights * smooth(tested - threshold) + others * membrane).sum()

    run = neuron.run(current, initial)
    found = neuron.gradient(
        run, current, initial, spikes=weights, membrane=others, surrogate=chosen, parameters=True
    )
    step = 1e-6
    for at, k in itertools.product(("current", "initial"), range(5)):
        arrays = {"current": current, "initial": initial}
        up, down = ({**arrays, at: arrays[at].copy()} for _ in range(2))
        up[at].reshape(-1)[7 * k % up[at].size] += step
        down[at].reshape(-1)[7 * k % up[at].size] -= step
        slope = (loss(**up) - loss(**down)) / (2 * step)
        assert getattr(found, at).reshape(-1)[7 * k % up[at].size] == pytest.approx(slope, abs=1e-7)
    slope = (loss(current, initial, 0.7 + step) - loss(current, initial, 0.7 - step)) / (2 * step)
    assert found.threshold == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_surrogates(name):
    chosen, smooth = SMOOTH[name]
    x = np.linspace(-2, 2, 41) + 0.013
    slope = (smooth(x + 1e-6) - smooth(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(chosen.derivative(x), slope, rtol=1e-7)
    assert chosen.derivative(x.astype(F4)).dtype == F4


# --- against its own other forms ------------------------------------------------------------------

FORMS = {
    "Leaky": fastlif.Leaky(beta=np.linspace(0.5, 0.95, 7).astype(F4)),
    "Leaky at once": fastlif.Leaky(beta=0.9, reset_mechanism="zero", reset_delay=False),
    "Lapicque zero": fastlif.Lapicque(R=5.1, C=5e-3, time_step=1e-3, reset_mechanism="zero"),
    "LIF": fastlif.LIF(tau=5, R=3, time_step=1, reset_mechanism="zero"),
    "norse": presets.norse_lif_box(),
}


def problem(neuron, steps=50, shape=(3, 7), dtype=F4):
    rng = np.random.default_rng(5)
    strength = 6 if isinstance(neuron, presets.norse_lif_box) else 1
    current = (rng.random((steps, *shape)) * strength).astype(dtype)
    return current, *rng.standard_normal((2, steps, *shape)).astype(dtype)


def same(found, expected):
    for value, other in zip(found, expected, strict=True):
        assert (value is None) == (other is None)
        assert value is None or np.array_equal(value, other)


@pytest.mark.parametrize("neuron", FORMS.values(), ids=FORMS)
def test_any_layout_gives_the_same_bits(neuron):
    current, spikes, membrane = problem(neuron)
    run = neuron.run(current)
    assert run.spikes.any()
    expected = neuron.gradient(run, current, spikes=spikes, membrane=membrane, parameters=True)
    swapped = current.astype(current.dtype.newbyteorder())
    transposed = np.asfortranarray(spikes)
    apart = np.empty((50, 3, 14), F4)[..., ::2]
    apart[:] = membrane
    frozen = run.membrane.copy()
    frozen.flags.writeable = False
    unaligned = np.zeros(frozen.nbytes + 1, np.uint8)[1:].view(F4).reshape(frozen.shape)
    unaligned[:] = frozen
    for membranes in (frozen, unaligned, frozen.astype(">f4"), np.asfortranarray(frozen)):
        found = neuron.gradient(
            membranes, swapped, spikes=transposed, membrane=apart, parameters=True
        )
        same(found, expected)


@pytest.mark.parametrize("neuron", FORMS.values(), ids=FORMS)
def test_tiles_and_threads_give_the_same_bits(neuron):
    if neuron is FORMS["Leaky"]:
        neuron = fastlif.Leaky(beta=0.9)
    current, spikes, membrane = problem(neuron, 300, (2, 9001))
    run = neuron.run(current)
    expected = neuron.gradient(
        run, current, spikes=spikes, membrane=membrane, parameters=True, threads=1
    )
    for threads in (2, 3):
        found = neuron.gradient(
            run, current, spikes=spikes, membrane=membrane, parameters=True, threads=threads
        )
        same(found, expected)
    columns = slice(8000, 8100)
    few = neuron.run(current[:, :, columns])
    found = neuron.gradient(
        few, current[:, :, columns], spikes=spikes[:, :, columns], membrane=membrane[:, :, columns]
    )
    assert np.array_equal(found.current, expected.current[:, :, columns])


@pytest.mark.parametrize("neuron", FORMS.values(), ids=FORMS)
def test_a_constant_current(neuron):
    """The sum over time is that of autograd: from the last step on, in the dtype of the run."""
    current, spikes, _ = problem(neuron)
    run = neuron.run(current[0], steps=50)
    found = neuron.gradient(run, current[0], steps=50, spikes=spikes)
    repeated = np.broadcast_to(current[0], current.shape)
    each = neuron.gradient(run, repeated, spikes=spikes)
    assert np.array_equal(found.current, functools.reduce(np.add, each.current[::-1]))
    assert np.array_equal(found.initial, each.initial)


@pytest.mark.parametrize("neuron", FORMS.values(), ids=FORMS)
def test_two_parts_of_a_run(neuron):
    """What arrives at the initial membrane of the second part arrives at the end of the first."""
    current, spikes, membrane = problem(neuron)
    whole = neuron.gradient(neuron.run(current), current, spikes=spikes, membrane=membrane)
    first = neuron.run(current[:20])
    second = neuron.run(current[20:], first.final)
    later = neuron.gradient(
        second, current[20:], first.final, spikes=spikes[20:], membrane=membrane[20:]
    )
    arriving = membrane[:20].copy()
    arriving[-1] += later.initial
    sooner = neuron.gradient(first, current[:20], spikes=spikes[:20], membrane=arriving)
    assert np.array_equal(later.current, whole.current[20:])
    assert_close(sooner.current, whole.current[:20])


def test_one_neuron_without_axes():
    neuron = fastlif.Leaky(beta=0.9)
    current = np.linspace(0.2, 0.6, 9, dtype=F4)
    found, each = (
        neuron.gradient(neuron.run(x), x, spikes=1, membrane=1, parameters=True)
        for x in (current, current[:, None])
    )
    assert found.beta
    assert found.threshold
    assert (found.beta, found.threshold) == (each.beta, each.threshold)
    assert np.array_equal(found.current, each.current[:, 0])


def test_gradients_have_the_shapes_of_the_arguments():
    neuron = fastlif.Leaky(beta=np.full((3, 1), 0.8), threshold=np.ones(7))
    current = np.full((10, 1, 1), 0.5, F4)
    run = neuron.run(current, 0.25)
    found = neuron.gradient(run, current, 0.25, spikes=1, parameters=True)
    assert [value.shape for value in found] == [(10, 1, 1), (), (3, 1), (7,)]
    assert {value.dtype for value in found} == {np.dtype(F4)}
    all_ = np.broadcast_to(current, (10, 3, 7))
    each = neuron.gradient(run, all_, np.full((3, 7), 0.25), spikes=np.ones((10, 3, 7)))
    assert_close(found.current[:, 0, 0], each.current.sum(axis=(1, 2), dtype=float))
    assert_close(found.initial, each.initial.sum(dtype=float))
    assert each.beta is each.threshold is None


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 3)])
def test_a_current_with_fewer_axes_than_the_population(shape):
    """Its first axis remains the time, also where a sum over time would have the same shape."""
    neuron = fastlif.Leaky(beta=0.9)
    current = np.linspace(0.2, 0.6, math.prod(shape), dtype=F4).reshape(shape)
    initial = np.zeros((2, 2, 3), F4)
    spikes = np.arange(24, dtype=F4).reshape(2, 2, 2, 3)
    aligned = current.reshape(2, *[1] * (4 - len(shape)), *shape[1:])
    every = np.broadcast_to(aligned, spikes.shape)
    each = neuron.gradient(neuron.run(every, initial), every, spikes=spikes)
    found = neuron.gradient(neuron.run(current, initial), current, spikes=spikes)
    axes = tuple(k for k, size in enumerate(aligned.shape) if size == 1)
    assert_close(found.current, each.current.sum(axis=axes).reshape(shape))


@pytest.mark.parametrize("shape", [(0,), (3, 0), ()])
def test_small_populations(shape):
    neuron = fastlif.Leaky(beta=0.9)
    for steps in (0, 1, 3):
        current = np.full((steps, *shape), 0.5, F4)
        found = neuron.gradient(neuron.run(current), current, spikes=1, parameters=True)
        assert found.current.shape == current.shape
        assert found.initial.shape == shape
        assert np.isfinite(found.beta)


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
def test_an_infinite_threshold(reset, delay):
    """It is never reached, so that no reset passes on any gradient."""
    neuron = fastlif.Leaky(beta=0.5, threshold=np.inf, reset_mechanism=reset, reset_delay=delay)
    current = np.ones((3, 2), F4)
    found = neuron.gradient(neuron.run(current), current, spikes=1, membrane=1, parameters=True)
    assert np.array_equal(found.current, [[1.75, 1.75], [1.5, 1.5], [1, 1]])
    assert found.threshold == 0
    assert np.isfinite(found.beta)


def test_float64():
    neuron = fastlif.Leaky(beta=0.9)
    current, spikes, _ = problem(neuron, dtype=np.float64)
    found = neuron.gradient(neuron.run(current), current, spikes=spikes)
    assert found.current.dtype == np.float64
    few = current.astype(F4)
    assert_close(neuron.gradient(neuron.run(few), few, spikes=spikes).current, found.current, 1e-4)


def test_a_source():
    source = fastlif.PoissonSpikes(0.3, 0.6, seed=1)
    neuron = fastlif.Leaky(beta=0.9)
    run = neuron.run(source, steps=20, initial=np.zeros(9, F4))
    current = source.sample(20, 9, F4)
    found = neuron.gradient(run, source, spikes=1)
    same(found, neuron.gradient(run, current, spikes=1))
    with pytest.raises(TypeError, match=r"current must be an array.*got PoissonSpikes"):
        fastlif.Leaky(beta=0.9, reset_delay=False).gradient(run, source, spikes=1)


def test_defaults_are_those_of_the_simulators():
    current, spikes, _ = problem(presets.norse_lif_box())
    for neuron, chosen, detached in (
        (presets.norse_lif_box(), surrogate.fast_sigmoid(1), False),
        (presets.spikingjelly_lif(), surrogate.sigmoid(4), False),
        (fastlif.LIF(tau=5), surrogate.atan(), True),
    ):
        run = neuron.run(current)
        expected = neuron.gradient(
            run, current, spikes=spikes, surrogate=chosen, detach_reset=detached
        )
        same(neuron.gradient(run, current, spikes=spikes), expected)
        other = neuron.gradient(run, current, spikes=spikes, detach_reset=not detached)
        assert not np.array_equal(other.current, expected.current)


# --- errors ---------------------------------------------------------------------------------------

LEAKY = fastlif.Leaky(beta=0.9)
CURRENT = np.full((4, 3), 0.5, F4)
RUN = LEAKY.run(CURRENT)
WRONG = {
    "no gradient": (ValueError, "spikes or membrane must be given", {}),
    "shape": (ValueError, r"spikes must broadcast to .*\(4, 3\), got \(5, 3\)",
              {"spikes": np.ones((5, 3))}),
    "text": (TypeError, "membrane", {"membrane": "1"}),
    "surrogate": (ValueError, "surrogate must be one of.*atan", {"spikes": 1, "surrogate": "atam"}),
    "surrogate's type": (TypeError, "surrogate must be one of fastlif.surrogate",
                         {"spikes": 1, "surrogate": np.tanh}),
    "detach_reset": (ValueError, "detach_reset must be True",
                     {"spikes": 1, "detach_reset": False}),
    "steps": (ValueError, "steps must be those of the run, 4, got 5", {"spikes": 1, "steps": 5}),
    "threads": (ValueError, "threads must be at least 1", {"spikes": 1, "threads": 0}),
    "initial": (ValueError, r"initial must broadcast to .*\(3,\)",
                {"spikes": 1, "initial": np.ones(2)}),
    "initial run": (TypeError, "initial must be a State or an array, got a Run",
                    {"spikes": 1, "initial": RUN}),
}  # fmt: skip


@pytest.mark.parametrize(("error", "message", "arguments"), WRONG.values(), ids=WRONG)
def test_wrong_arguments(error, message, arguments):
    with pytest.raises(error, match=message):
        LEAKY.gradient(RUN, CURRENT, **arguments)


@pytest.mark.parametrize(
    ("run", "current", "error", "message"),
    [
        (LEAKY.run(CURRENT, record="spikes"), CURRENT, ValueError, "run must have recorded"),
        (RUN.spikes, CURRENT, TypeError, "run must be a Run, or its membranes"),
        (F4(1), CURRENT, ValueError, "run must have time as its first axis"),
        (RUN, CURRENT[:2], ValueError, "current must have the 4 steps of the run"),
        (RUN, CURRENT[:, :2], ValueError, r"current must broadcast to .*population \(3,\)"),
        (RUN, F4(1), ValueError, "constant in time, give steps="),
    ],
)
def test_wrong_runs(run, current, error, message):
    with pytest.raises(error, match=message):
        LEAKY.gradient(run, current, spikes=1)


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (2,)])
def test_wrong_constant_currents(shape):
    with pytest.raises(ValueError, match=r"current must .* \(3,\), without a time axis.*steps="):
        LEAKY.gradient(RUN, np.ones(shape, F4), steps=4, spikes=1)


@pytest.mark.parametrize("shape", [(5,), (2, 3), (3, 1)])
def test_parameters_that_do_not_fit_the_run(shape):
    neuron = fastlif.Leaky(beta=np.full(shape, 0.9))
    with pytest.raises(ValueError, match=r"run must hold all neurons.*\(3,\), got beta \("):
        neuron.gradient(RUN, CURRENT, spikes=1)


@pytest.mark.parametrize(
    ("neuron", "reason"),
    [
        (fastlif.LIF(refractory=2), "refractory"),
        (presets.nengo_lif(), "within_step"),
        (presets.norse_lif(), "synaptic current"),
        (fastlif.LIF(floor=0.0), "lower bound"),
        (presets.nengo_spiking_rectified_linear(), "part"),
    ],
)
def test_neurons_without_a_gradient(neuron, reason):
    run = neuron.run(CURRENT)
    with pytest.raises(TypeError, match=f"no gradient, because of its? .*{reason}|{reason}"):
        neuron.gradient(run, CURRENT, spikes=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: surrogate.atan(0), "alpha must be.*0"),
        (lambda: surrogate.fast_sigmoid(-1), "slope must be.*-1"),
        (lambda: surrogate.SFS(B=np.nan), "B must"),
    ],
)
def test_wrong_surrogates(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("atam", (), "name must be one of"),
        ("atan", (), r"parameters must be those of 'atan', \('al"),
    ],
)
def test_surrogates_made_without_their_functions(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        surrogate.Surrogate(name, parameters)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["atan", "SFS", "sigmoid", "none"])
def test_derivatives_of_many_numbers(name, dtype):
    """They are compiled, and have the bits of few."""
    x = np.random.default_rng(0).normal(0, 3, 2**16).astype(dtype)
    chosen = getattr(surrogate, name)()
    parts = [chosen.derivative(part) for part in np.split(x, 2)]
    assert np.array_equal(chosen.derivative(x.reshape(2, -1)), parts)
    assert parts[0].dtype == dtype


def test_a_surrogate_shows_how_it_was_made():
    assert repr(surrogate.SFS(B=0.5)) == "SFS(slope=25, B=0.5)"
    assert surrogate.atan() == surrogate.atan(2)
