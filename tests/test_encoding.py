"""The encodings, compared with snnTorch's spikegen, with its stored results and with statistics."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from peers import spikegen as cases

import fastlif
from fastlif import encoding
from fastlif.encoding import times
from fastlif.kernels import elementary

GOLDEN = Path(__file__).parent / "golden" / "spikegen.npz"
TABLE = [("latency", k) for k in range(len(cases.LATENCY))]
TABLE += [("delta", k) for k in range(len(cases.DELTA))]


def case(name, k):
    if name == "latency":
        return cases.values(), cases.LATENCY[k]
    return cases.signals(), cases.DELTA[k]


@pytest.mark.parametrize(("name", "k"), TABLE)
def test_every_value_equals_snntorchs(name, k):
    data, arguments = case(name, k)
    with np.load(GOLDEN) as file:
        stored = file[f"{name}_{k}"]
    found = getattr(encoding, name)(data, **arguments)
    assert stored.any()
    assert found.shape == stored.shape
    assert np.array_equal(found, stored)
    if {"interpolate", "on_target"} & set(arguments):
        assert found.dtype == np.float32
    else:
        assert found.dtype == (np.int8 if arguments.get("off_spike") else np.bool_)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "k"), TABLE)
def test_snntorch_itself_agrees(name, k, dtype):
    torch = pytest.importorskip("torch")
    spikegen = pytest.importorskip("snntorch.spikegen")
    data, arguments = case(name, k)
    data = data.astype(dtype)
    expected = getattr(spikegen, name)(torch.from_numpy(data), **arguments).numpy()
    assert np.array_equal(getattr(encoding, name)(data, **arguments), expected)


def chi_square(counts, steps, probability):
    """Return how far counts are from binomial, in standard deviations of chi square."""
    inside = (probability > 0) & (probability < 1)
    assert (counts[probability <= 0] == 0).all()
    assert (counts[probability >= 1] == steps).all()
    p, n = probability[inside], counts[inside]
    degrees = len(p)
    square = ((n - steps * p) ** 2 / (steps * p * (1 - p))).sum()
    return (square - degrees) / math.sqrt(2 * degrees)


PROBABILITIES = np.concatenate([[-0.5, 0, 1, 1.5], np.linspace(0.01, 0.99, 4000)])


@pytest.mark.parametrize("time_var_input", [False, True])
def test_rates_are_the_probabilities(time_var_input):
    data = np.tile(PROBABILITIES, (400, 1)) if time_var_input else PROBABILITIES
    steps = None if time_var_input else 400
    spikes = encoding.rate(data, steps, time_var_input=time_var_input, seed=3)
    assert spikes.shape == (400, len(PROBABILITIES))
    assert spikes.dtype == np.bool_
    assert abs(chi_square(spikes.sum(axis=0), 400, PROBABILITIES)) < 4


def test_spikes_of_different_steps_and_neurons_are_independent():
    p, steps, size = 0.3, 400, 1000
    spikes = encoding.rate(np.full((10, 100), p), steps, seed=4).reshape(steps, size)
    counts = spikes.sum(axis=1)  # per step
    assert abs(chi_square(counts, size, np.full(steps, p))) < 4
    pairs = [(1, 0), (2, 0), (0, 1), (0, 100), (1, 1)]  # lags in steps and neurons
    for lag, shift in pairs:
        both = (spikes[lag:, shift:] & spikes[: steps - lag, : size - shift]).mean()
        assert abs(both - p * p) < 4 * math.sqrt(p * p * (1 - p * p) / spikes.size) * 1.5


def test_small_rates_are_not_rounded():
    """A float32 random number has 24 bits, so that it would be below 1e-9 every 2**24-th time."""
    spikes = encoding.rate(np.full(2**20, 1e-9, np.float32), 64, seed=5)
    assert spikes.sum() <= 2  # 0.07 expected; 4 with 24 bits


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("time_var_input", [False, True])
def test_snntorch_draws_from_the_same_distribution(time_var_input):
    torch = pytest.importorskip("torch")
    spikegen = pytest.importorskip("snntorch.spikegen")
    torch.manual_seed(6)
    data, arguments = PROBABILITIES.astype(np.float32), {"first_spike_time": 5}
    if time_var_input:
        expected, drawn = data, 400
        data, arguments["time_var_input"] = np.tile(data, (400, 1)), True
    else:
        arguments |= {"num_steps": 400, "gain": 0.5, "offset": 0.2}
        expected, drawn = data * np.float32(0.5) + np.float32(0.2), 395
    theirs = spikegen.rate(torch.from_numpy(data), **arguments).numpy()
    ours = encoding.rate(data, **arguments, seed=6)
    assert ours.shape == theirs.shape
    for spikes in (theirs, ours):
        assert not spikes[:5].any()
        counts = spikes.sum(axis=0).astype(np.int64)
        assert abs(chi_square(counts, drawn, expected.astype(np.float64))) < 4


def test_seeds():
    data = np.linspace(0, 1, 30).reshape(5, 6)
    spikes = encoding.rate(data, 50, seed=1)
    assert np.array_equal(encoding.rate(data, 50, seed=np.uint64(1)), spikes)
    assert np.array_equal(encoding.rate(data, 70, seed=1)[:50], spikes)
    assert np.array_equal(encoding.rate(data.ravel(), 50, seed=1).reshape(50, 5, 6), spikes)
    over_time = encoding.rate(np.tile(data, (50, 1, 1)), time_var_input=True, seed=1)
    assert np.array_equal(over_time, spikes)
    assert not np.array_equal(encoding.rate(data, 50, seed=2**64 - 1), spikes)
    assert not np.array_equal(encoding.rate(data, 50), encoding.rate(data, 50))


def test_gain_offset_and_first_spike_time():
    spikes = encoding.rate([0.0, 0.5, 1.0], 100, gain=2, offset=-1, first_spike_time=10, seed=0)
    assert not spikes[:, :2].any()
    assert not spikes[:10].any()
    assert spikes[10:, 2].all()
    late = encoding.rate(np.ones((3, 2)), first_spike_time=2, time_var_input=True)
    assert late.astype(int).tolist() == [[0, 0], [0, 0], [1, 1], [1, 1], [1, 1]]


ENCODINGS = {
    "rate": lambda data: encoding.rate(data, 20, seed=7),
    "rate_over_time": lambda data: encoding.rate(data, time_var_input=True, seed=7),
    "latency": lambda data: encoding.latency(data, 20, normalize=True, clip=True),
    "latency_linear": lambda data: encoding.latency(data, 20, normalize=True, linear=True),
    "latency_interpolate": lambda data: encoding.latency(
        data, 20, normalize=True, interpolate=True
    ),
    "delta": lambda data: encoding.delta(data, off_spike=True),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8, np.bool_])
def test_any_layout_and_dtype(encode, dtype):
    data = np.random.default_rng(8).random((6, 4, 5)).round(2)
    data = (data > 0.5).astype(dtype) if np.dtype(dtype).kind in "ub" else data.astype(dtype)
    expected = encode(data.astype(np.float64 if dtype == np.float64 else np.float32))
    wide = np.zeros((6, 8, 10), dtype)
    wide[:, ::2, ::-2] = data
    frozen = data.copy()
    frozen.setflags(write=False)
    layouts = [data, wide[:, ::2, ::-2], np.asfortranarray(data), frozen]
    layouts.append(data.astype(data.dtype.newbyteorder()))
    for layout in layouts:
        before = layout.copy()
        found = encode(layout)
        assert found.dtype == expected.dtype
        assert found.flags.c_contiguous
        assert np.array_equal(found, expected)
        assert np.array_equal(layout, before)


def test_lists_numbers_and_empty_arrays():
    assert encoding.rate(1.0, 3).tolist() == [True, True, True]
    assert encoding.latency(1, 3).tolist() == [True, False, False]
    assert encoding.latency(0.5, 4, linear=True, tau=5).tolist() == [False, False, True, False]
    assert encoding.latency(np.float32(1), 2, linear=True, epsilon=1e-12).tolist() == [True, False]
    assert encoding.delta([0, 1, 0, 1], off_spike=True).tolist() == [0, 1, -1, 1]
    assert encoding.rate(np.zeros((0, 3)), 4).shape == (4, 0, 3)
    assert encoding.rate(np.zeros((0, 3)), time_var_input=True).shape == (0, 3)
    assert encoding.rate(np.zeros((3, 0)), time_var_input=True).shape == (3, 0)
    for arguments in ({}, {"linear": True}, {"normalize": True}, {"interpolate": True}):
        for dtype in (np.float32, np.float64):
            found = encoding.latency(np.zeros((2, 0), dtype), 4, **arguments)
            assert found.shape == (4, 2, 0)
    for shape in ((0,), (0, 3), (3, 0)):
        assert encoding.delta(np.zeros(shape)).shape == shape


@pytest.mark.parametrize("row", [1, 7, 2**14 - 1, 2**14 + 1])
def test_blocks_of_steps_join(row):
    """Arrays are processed in blocks of about 2**14 numbers."""
    data = np.random.default_rng(9).random((max(5, 40_000 // row), row)).astype(np.float32)
    change = np.diff(data, axis=0, prepend=data[:1])
    on, off = change >= np.float32(0.3), change <= np.float32(-0.3)
    found = encoding.delta(data, 0.3, padding=True, off_spike=True)
    assert np.array_equal(found, on.astype(np.int8) - off)
    assert np.array_equal(encoding.delta(data, 0.3, padding=True), on)
    drawn = encoding.rate(data, time_var_input=True, seed=2)
    source = encoding.rate_source(data, time_var_input=True, seed=2)
    assert np.array_equal(drawn, source.sample(*data.shape))


def test_nan_and_infinite_changes_give_no_spike():
    data = [0.0, math.nan, 1.0, math.inf, math.inf, -math.inf, 0.0]
    assert encoding.delta(data, off_spike=True).tolist() == [0, 0, 0, 1, 0, -1, 1]
    assert not encoding.delta([0.0, 3e38], threshold=math.inf).any()


def test_spikes_beyond_the_end_are_dropped_only_on_request():
    data = [1.0, 0.5, 0.0]
    found = encoding.latency(data, 3, tau=4, linear=True, threshold=0.1, bypass=True)
    assert found.astype(int).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    whole = encoding.latency(data, tau=4, linear=True, threshold=0.1, bypass=True)
    assert np.argwhere(whole).tolist() == [[0, 0], [2, 1], [4, 2]]
    for steps in (3, 4):
        message = f"time of the last spike, which is 4, got {steps}; normalize"
        with pytest.raises(ValueError, match=message):
            encoding.latency(data, steps, tau=4, linear=True, threshold=0.1)


def test_times_that_no_integer_holds_are_dropped_too():
    for interpolate in (False, True):
        for data, tau in ((np.float32([0, 1]), 1e30), (np.array([0.0, 1.0]), 1e300)):
            assert not encoding.latency(
                data, 5, tau=tau, bypass=True, interpolate=interpolate
            ).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_times_contain_the_same_logarithm_on_every_processor(dtype):
    values = np.random.default_rng(1).random(40_000).astype(dtype)
    found = times._charging_times(values, 0.01, 3.0, 2, 1e-7)
    x = np.maximum(values, dtype(0.01 + 1e-7))
    exact = [elementary.log(float(r)) for r in (x / (x - dtype(0.01)))[::100]]
    assert found.dtype == dtype
    assert np.array_equal(found[::100], dtype(3) * np.array(exact).astype(dtype) + dtype(2))


def test_spikes_are_input_of_a_neuron():
    neuron = fastlif.Lapicque(R=5.1, C=5e-3, time_step=1e-3)
    for spikes in (
        encoding.rate(np.full(50, 0.4), 200, seed=1),
        encoding.delta(np.random.default_rng(2).random((200, 50)), off_spike=True),
    ):
        run, other = neuron.run(spikes), neuron.run(spikes.astype(np.float32))
        assert run.spikes.any()
        assert np.array_equal(run.membrane, other.membrane)


HALF = [0.5, 0.25]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: encoding.rate(HALF), ValueError, "^num_steps must be given unless time_var"),
        (lambda: encoding.rate(HALF, False), ValueError, "^num_steps must be given unless"),
        (lambda: encoding.rate(HALF, 0), ValueError, "^num_steps must be at least 1, got 0"),
        (lambda: encoding.rate(HALF, 2.5), TypeError, "^num_steps must be a whole number, got 2.5"),
        (lambda: encoding.rate(HALF, True), TypeError, "^num_steps must be a whole number, got T"),
        (
            lambda: encoding.rate(HALF, 5, time_var_input=True),
            ValueError,
            "^num_steps must not be given with time_var_input=True, got 5",
        ),
        (
            lambda: encoding.rate(HALF, gain=2, time_var_input=True),
            ValueError,
            "^gain and offset must be 1 and 0 with time_var_input=True.*got 2 and 0; scale data",
        ),
        (lambda: encoding.rate(0.5, time_var_input=True), ValueError, "^data must have time as"),
        (lambda: encoding.rate(HALF, 5, time_var_input=1), TypeError, "^time_var_input must be T"),
        (lambda: encoding.rate(HALF, 5, gain=HALF), TypeError, "^gain must be a single number"),
        (lambda: encoding.rate(HALF, 5, offset=math.nan), ValueError, "^offset must not be NaN"),
        (
            lambda: encoding.rate(HALF, 5, first_spike_time=5),
            ValueError,
            "^first_spike_time must be less than num_steps=5, got 5",
        ),
        (
            lambda: encoding.rate(HALF, 5, first_spike_time=-1),
            ValueError,
            "^first_spike_time must be at least 0, got -1",
        ),
        (lambda: encoding.rate(HALF, 5, seed=-1), ValueError, "^seed must be at least 0, got -1"),
        (lambda: encoding.rate(HALF, 5, seed="x"), TypeError, "^seed must be a whole number"),
        (lambda: encoding.rate(HALF, 5, seed=2**64), ValueError, "^seed must be at most 18446"),
        (
            lambda: encoding.rate([[0.5, 0.5], [0.5, math.nan]], 5),
            ValueError,
            r"^data\*gain \+ offset must not be NaN, got nan at \(1, 1\)$",
        ),
        (
            lambda: encoding.rate(math.inf, 5, gain=0),
            ValueError,
            r"^data\*gain \+ offset must not be NaN, got nan$",
        ),
        (
            lambda: encoding.rate([0.5] * 20_000 + [math.nan], time_var_input=True),
            ValueError,
            r"^data must not be NaN, got nan at \(20000,\)$",
        ),
        (lambda: encoding.rate(None, 5), TypeError, "^data must be a number or an array"),
        (lambda: encoding.rate([1j], 5), TypeError, "^data must hold real numbers"),
        (lambda: encoding.rate(np.ma.array(HALF), 5), TypeError, "^data must be an array without"),
        (lambda: encoding.latency(HALF), ValueError, "^num_steps must be given unless bypass=True"),
        (
            lambda: encoding.latency(HALF, normalize=True, bypass=True),
            ValueError,
            "^num_steps must be given with normalize=True, got None",
        ),
        (
            lambda: encoding.latency([], bypass=True),
            ValueError,
            "^num_steps must be given for data without elements, got None",
        ),
        (
            lambda: encoding.latency([0.5, 1.5], 5),
            ValueError,
            r"^data must be between 0 and 1, got 1.5 at \(1,\)$",
        ),
        (lambda: encoding.latency(-0.1, 5), ValueError, "^data must be between 0 and 1, got -0.1$"),
        (
            lambda: encoding.latency([[0.5, math.nan]], 5),
            ValueError,
            r"^data must be between 0 and 1, got nan at \(0, 1\)$",
        ),
        (lambda: encoding.latency(HALF, 5, 0), ValueError, "^threshold must be greater than 0 and"),
        (lambda: encoding.latency(HALF, 5, 1.0), ValueError, "less than 1 and finite, got 1.0"),
        (lambda: encoding.latency(HALF, 5, tau=0), ValueError, "^tau must be greater than 0 and"),
        (lambda: encoding.latency(HALF, 5, tau=HALF), TypeError, "^tau must be a single number"),
        (lambda: encoding.latency(HALF, 5, clip=1), TypeError, "^clip must be True or False, got"),
        (
            lambda: encoding.latency(HALF, 5, first_spike_time=5),
            ValueError,
            "^first_spike_time must be less than num_steps=5, got 5",
        ),
        (
            lambda: encoding.latency(HALF, 5, interpolate=True, on_target=0.5, off_target=0.75),
            ValueError,
            "^on_target must be at least off_target=0.75, got 0.5",
        ),
        (
            lambda: encoding.latency(np.float32(HALF), 5, threshold=0.4, epsilon=1e-9),
            ValueError,
            "^epsilon must be large enough .* threshold=0.4 in float32, got 1e-09",
        ),
        (
            lambda: encoding.latency(np.float32([1, 1]), 5, threshold=1e-30, normalize=True),
            ValueError,
            "^the spike times must be finite in float32, .* tau=1 and threshold=1e-30",
        ),
        (lambda: encoding.delta(1.0), ValueError, "^data must have time as axis 0, got a number"),
        (lambda: encoding.delta(HALF, math.nan), ValueError, "^threshold must not be NaN, got nan"),
        (lambda: encoding.delta(HALF, HALF), TypeError, "^threshold must be a single number, got"),
        (lambda: encoding.delta(HALF, padding=0), TypeError, "^padding must be True or False, got"),
        (lambda: encoding.delta(HALF, off_spike=2), TypeError, "^off_spike must be True or False"),
    ],
)
def test_invalid_arguments_are_rejected(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.fixture(scope="module")
def digits():
    script = Path(__file__).parents[1] / "examples" / "digits.py"
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_layer_of_the_example_names_noisy_images(digits):
    rng = np.random.default_rng(10)
    target = rng.integers(0, 10, 300)
    images = (rng.random((10, 8, 8)) ** 2)[target] + rng.normal(0, 0.03, (300, 8, 8))
    images = np.clip(images, 0, 1).astype(np.float32)
    for spikes in digits.encoded(images).values():
        weights = digits.fit(spikes[:, :200], target[:200])
        counts = digits.layer.run(spikes[:, 200:] @ weights, record="counts").counts
        assert (digits.named(counts) == target[200:]).mean() > 0.8
    assert digits.named(np.array([[0, 3, 1], [2, 1, 2]])).tolist() == [1, -1]


def test_the_example_asks_for_scikit_learn(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SystemExit, match="requires scikit-learn: pip install scikit-learn"):
        digits.digits()
