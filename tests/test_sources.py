"""Sources: the same numbers in a run and as an array, whatever the run is divided into."""

import gc
import pickle
import weakref

import numpy as np
import pytest
from cases import full, same_bits
from numba.core.errors import TypingError

import fastlif
from fastlif import sources
from fastlif.kernels import random
from fastlif.kernels.jit import OPTIONS

F4 = np.float32
SIZE, STEPS = 150, 60
RNG = np.random.default_rng(5)
EACH = RNG.uniform(0.5, 1.5, SIZE).astype(F4)

SOURCES = {
    "spikes": sources.PoissonSpikes(0.1, 0.5, seed=1),
    "spikes, one rate and weight per neuron": sources.PoissonSpikes(EACH / 10, EACH, seed=1),
    "spikes, rates over time": sources.PoissonSpikes(RNG.uniform(0, 1, (STEPS, SIZE)), seed=2),
    "spikes, a shared rate over time": sources.PoissonSpikes(
        RNG.uniform(0, 1, (STEPS, 1)).astype(F4), seed=2
    ),
    "white noise": sources.GaussianCurrent(0.3, 0.2, seed=1),
    "white noise, own": sources.GaussianCurrent(EACH, EACH / 2, seed=1),
    "correlated noise": sources.OrnsteinUhlenbeckCurrent(0.3, EACH, 5.0, 1.0, seed=1),
    "constant": sources.Constant(EACH),
    "pulses": sources.PulseCurrent(EACH, start=3, length=4, period=10),
    "ramp": sources.RampCurrent(0.0, EACH, start=5, stop=40),
    "sine": sources.SineCurrent(EACH, 0.03, EACH, 0.3),
    "array": sources.WeightedInput(RNG.uniform(0, 1, (STEPS, SIZE))),
    "weighted bytes": sources.WeightedInput(RNG.random((STEPS, SIZE)) < 0.3, EACH),
    "sum": sources.PoissonSpikes(0.1, seed=1)
    + sources.OrnsteinUhlenbeckCurrent(0.1, 0.2, 5.0, 1.0, seed=1)
    + sources.OrnsteinUhlenbeckCurrent(0.1, 0.2, 5.0, 1.0, seed=2)
    + 0.1,
    "bytes plus a bias": sources.WeightedInput(RNG.integers(0, 3, (STEPS, SIZE), np.uint8), 0.2)
    + sources.Constant(EACH),
}
NEURON = fastlif.LIF(tau=5.0, time_step=1.0, threshold=0.1, order="at_once")


@pytest.fixture(params=SOURCES)
def source(request):
    return SOURCES[request.param]


def run(source, begin=None, steps=STEPS, dtype=F4, neuron=NEURON, **options):
    initial = neuron.initial_state(SIZE, dtype) if begin is None else begin
    return neuron.run(source, steps=steps, initial=initial, **options)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_run_uses_the_numbers_of_a_sample(source, dtype):
    sample = source.sample(STEPS, SIZE, dtype)
    assert sample.dtype == dtype
    initial = NEURON.initial_state(SIZE, sample.dtype)
    theirs = NEURON.run(sample, initial=initial)
    ours = run(source, dtype=sample.dtype)
    assert theirs.spikes.any()
    if source.dtype == sample.dtype or dtype == "f8":
        assert same_bits(ours.membrane, theirs.membrane)
        assert same_bits(ours.spikes, theirs.spikes)
    assert ours.final.steps == STEPS


@pytest.mark.parametrize("name", [n for n, each in SOURCES.items() if each.rows is None])
def test_two_runs_joined_by_the_final_state_equal_one(name):
    source = SOURCES[name]
    whole = run(source, dtype=source.dtype)
    first = run(source, steps=23, dtype=source.dtype)
    second = run(source, first.final, STEPS - 23)
    assert same_bits(np.concatenate([first.membrane, second.membrane]), whole.membrane)
    assert second.final.steps == STEPS
    if source.noises:
        assert second.final.noise.shape == (source.noises, SIZE)
        assert same_bits(second.final.noise, whole.final.noise)


@pytest.mark.parametrize("record", ["spikes", "counts", "packed", "events", ("membrane", "counts")])
def test_records(source, record):
    whole = run(source, dtype=source.dtype)
    other = run(source, dtype=source.dtype, record=record)
    if other.counts is not None:
        assert np.array_equal(other.counts, whole.spikes.sum(axis=0))
    if other.packed is not None:
        assert np.array_equal(other.packed, np.packbits(whole.spikes, 1, bitorder="little"))
    if other.events is not None:
        assert np.array_equal(other.events, np.nonzero(whole.spikes))
    for name in ("membrane", "spikes"):
        if getattr(other, name) is not None:
            assert same_bits(getattr(other, name), getattr(whole, name))


def test_threads_and_tiles_do_not_change_the_numbers():
    source = sources.PoissonSpikes(0.02, seed=4) + sources.GaussianCurrent(0.5, 0.5, seed=4)
    size = 20_011
    sample = source.sample(12, size)
    for threads in (1, 3):
        for record in ("counts", ("membrane", "spikes")):
            initial = NEURON.initial_state(size)
            a = NEURON.run(source, steps=12, initial=initial, threads=threads, record=record)
            b = NEURON.run(sample, record=record)
            assert same_bits(a.final.mem, b.final.mem)


def test_a_single_neuron_can_be_reproduced():
    source = sources.GaussianCurrent(0.0, 1.0, seed=3)
    many = source.sample(5, 1000)
    assert same_bits(source.sample(5, 700), many[:, :700])
    assert same_bits(source.sample(3, (20, 50)).reshape(3, -1), many[:3])
    alone = sources.PoissonSpikes(0.3, seed=3).sample(5, 10_000)
    assert same_bits(
        sources.PoissonSpikes(np.full(9999, 0.3), seed=3).sample(5, 9999), alone[:, :9999]
    )


def test_a_sum_spawns_sums_with_independent_numbers():
    def terms(spikes, noise):
        return spikes + noise + np.ones((4, 1), F4) + 0.5

    spikes, noise = sources.PoissonSpikes(0.5, seed=1), sources.GaussianCurrent(seed=2)
    spawned = terms(spikes, noise).spawn(2)
    again = sources.PoissonSpikes(0.5, seed=1), sources.GaussianCurrent(seed=2)
    expected = [terms(*pair) for pair in zip(*(each.spawn(2) for each in again), strict=True)]
    samples = [each.sample(4, 50) for each in spawned]
    for sample, other in zip(samples, expected, strict=True):
        assert same_bits(sample, other.sample(4, 50))
    assert not np.array_equal(*samples)
    assert (sources.Constant(1.0) + 2.0).spawn(0) == []


def test_repetitions_are_an_axis_of_the_population():
    source = sources.OrnsteinUhlenbeckCurrent(0.2, np.linspace(0.5, 1, 100), 5.0, 1.0, seed=1)
    first, second = np.moveaxis(source.sample(500, (2, 100)), 1, 0)
    assert same_bits(first, source.sample(500, 100))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_populations_of_any_shape():
    source = sources.PoissonSpikes([[[0.5, 0.1, 0.2]]], seed=1)  # (1, 1, 3): no change in time
    for shape in ((2, 3), (1, 3), (0, 3)):
        assert source.sample(4, shape).shape == (4, *shape)
    assert sources.PoissonSpikes(0.5, seed=1).sample(4).shape == (4,)
    neuron = fastlif.LIF(R=np.full((2, 3), 5.0))
    assert neuron.run(source, steps=4).membrane.shape == (4, 2, 3)
    assert fastlif.LIF().run(sources.Constant(0.3), steps=4).membrane.shape == (4,)


@pytest.mark.parametrize(
    "neuron",
    [
        fastlif.Lapicque(R=5.1, C=5e-3, time_step=1e-3), fastlif.Leaky(beta=0.9),
        fastlif.presets.norse_lif(), fastlif.presets.nengo_lif(),
        pytest.param(fastlif.LIF(max_spikes=3, order="at_once"), marks=full),
    ],
    ids=lambda neuron: type(neuron).__name__,
)  # fmt: skip
def test_every_neuron_takes_sources(neuron):
    source = sources.PoissonSpikes(0.2, 3.0, seed=1) + 0.5
    ours, theirs = run(source, neuron=neuron), neuron.run(source.sample(STEPS, SIZE))
    assert theirs.spikes.any()
    assert same_bits(ours.membrane, theirs.membrane)


def test_steps_count_single_steps_too():
    neuron = fastlif.LIF(refractory=2)
    _, state = neuron(np.full(3, 0.3, F4), neuron.initial_state(3))
    _, state = neuron(np.full(3, 0.3, F4), state)
    assert state.steps == 2
    out = np.empty(3, bool), neuron.initial_state(3)
    for given in (out, (out[0], state)):  # the second is in place, and takes the prepared way
        for _ in range(2):
            _, filled = neuron(np.full(3, 0.3, F4), state, out=given)
            assert filled.steps == 3
            assert filled.mem is given[1].mem
    assert out[1].steps == 0
    _, state = neuron(np.full(3, 0.3, F4), neuron.initial_state(3)._replace(steps=1))
    source = sources.PulseCurrent(1.0, start=2, length=1)
    ours = neuron.run(source, steps=1, initial=state)
    assert same_bits(ours.membrane, neuron.run(np.ones((1, 3), F4), initial=state).membrane)
    assert neuron.run(np.zeros((5, 3), F4), initial=state).final.steps == 7


# --- the courses, against their definitions -------------------------------------------------------


def test_courses():
    t = np.arange(50)
    pulses = sources.PulseCurrent(2.0, start=4, length=3, period=7).sample(50)
    assert np.array_equal(pulses, np.where((t >= 4) & ((t - 4) % 7 < 3), 2.0, 0.0))
    step = sources.PulseCurrent([1.0, 2.0], start=[3, 5]).sample(50, 2)
    assert np.array_equal(step, np.stack([t >= 3, 2.0 * (t >= 5)], axis=1))
    ramp = sources.RampCurrent(1.0, -1.0, start=10, stop=30).sample(50, dtype="f8")
    np.testing.assert_allclose(ramp, np.interp(t, [10, 30], [1, -1]), rtol=0, atol=1e-15)
    sine = sources.SineCurrent(2.0, 3.0, 0.2, 1.0, time_step=0.01).sample(50, dtype="f8")
    expected = 1 + 2 * np.sin(2 * np.pi * (3 * t * 0.01 + 0.2))
    np.testing.assert_allclose(sine, expected, rtol=0, atol=1e-13)


def test_sums_add_from_left_to_right():
    array = RNG.uniform(0, 1, (5, 3)).astype(F4)
    source = array + sources.Constant(0.1) + array
    assert same_bits(source.sample(5, 3), (array + F4(0.1)) + array)
    assert isinstance(1 + source, sources.Source)
    assert isinstance(np.float64(1) + source, sources.Source)


# --- the generator --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [  # Random123's known answers for philox4x32, 10 rounds
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)  # fmt: skip
def test_philox_has_the_published_answers(counter, key, block):
    from numba import njit

    philox = njit(**OPTIONS)(lambda a, b, c, d, k0, k1: random.philox(a, b, c, d, k0, k1))
    assert philox(*map(np.uint32, counter + key)) == block


def test_pickled_sources_generate_the_same_numbers(source):
    again = pickle.loads(pickle.dumps(source))
    assert same_bits(again.sample(STEPS, SIZE), source.sample(STEPS, SIZE))
    assert repr(again) == repr(source)


def test_seeds_are_those_of_numpy():
    for seed in (7, [1, 2], np.random.SeedSequence(7), np.int64(7)):
        a, b = (sources.GaussianCurrent(0, 1, seed=seed).sample(3, 4) for _ in range(2))
        assert same_bits(a, b)
    assert not same_bits(*(sources.GaussianCurrent(0, 1).sample(3, 4) for _ in range(2)))
    one = sources.PoissonSpikes(0.5)
    assert same_bits(one.sample(9, 9), one.sample(9, 9))
    a, b = sources.GaussianCurrent(0, 1, seed=7).spawn(2)
    children = np.random.SeedSequence(7).spawn(2)
    assert same_bits(a.sample(3, 4), sources.GaussianCurrent(0, 1, children[0]).sample(3, 4))
    assert not same_bits(a.sample(3, 4), b.sample(3, 4))


def test_sources_of_one_seed_are_independent():
    samples = [
        sources.GaussianCurrent(0, 1, seed=1).sample(100, 1000).ravel(),
        sources.OrnsteinUhlenbeckCurrent(0, 1, 1e-9, 1.0, seed=1).sample(100, 1000).ravel(),
        sources.PoissonSpikes(0.5, seed=1).sample(100, 1000).ravel(),
    ]
    correlation = np.corrcoef(samples) - np.eye(3)
    assert np.abs(correlation).max() < 5 / np.sqrt(1e5)


def test_probabilities_at_the_ends():
    assert not sources.PoissonSpikes(0.0, seed=1).sample(100, 1000).any()
    assert sources.PoissonSpikes(1.0, seed=1).sample(100, 1000).all()
    tiny = sources.PoissonSpikes(2.0**-20, seed=1).sample(1000, 10_000).sum()
    assert abs(tiny - 1e7 / 2**20) < 5 * np.sqrt(1e7 / 2**20)
    # Decided by the further bits only: they are equal to the first 16 of the probability.
    p = (1000 + 0.5) / 65536
    count = sources.PoissonSpikes(p, seed=2).sample(10_000, 10_000).sum(dtype=np.int64)
    assert abs(count - 1e8 * p) < 5 * np.sqrt(1e8 * p)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sources.PoissonSpikes(1.5), ValueError, r"rate must be a prob.* to 1, got 1\.5"),
        (lambda: sources.PoissonSpikes([0.1, np.nan]), ValueError, "rate must be a prob.*got nan"),
        (lambda: sources.PoissonSpikes(100.0, time_step=0.1), ValueError, r"rate\*time_step must"),
        (lambda: sources.PoissonSpikes(0.1, np.inf), ValueError, "weight must be finite"),
        (lambda: sources.PoissonSpikes("x"), TypeError, "rate must"),
        (lambda: sources.PoissonSpikes(0.1, seed=-1), ValueError, "seed must be None"),
        (lambda: sources.PoissonSpikes(0.1, seed="x"), TypeError, "seed must be None"),
        (lambda: sources.GaussianCurrent(0, -1.0), ValueError, "std must not be negative"),
        (lambda: sources.OrnsteinUhlenbeckCurrent(0, 1, 0, 1), ValueError, "tau must be greater"),
        (lambda: sources.RampCurrent(0, 1, 5, 5), ValueError, "stop must be greater than start"),
        (lambda: sources.RampCurrent(0, 1, [1, 2], [3, 4, 5]), ValueError,
         r"do not broadcast to one population: start \(2,\), stop \(3,\)"),
        (lambda: sources.PulseCurrent(1, length=0), ValueError, "length must be greater than 0"),
        (lambda: sources.WeightedInput(3.0), ValueError, "values must have time as its first axis"),
        (lambda: np.ones((3, 2)) + sources.WeightedInput(np.ones((4, 2))), ValueError,
         r"must have equal steps, got \[3, 4\]"),
        (lambda: sources.Constant(1.0).sample(2, dtype=int), TypeError, "dtype must be float32"),
        (lambda: sources.Constant(1.0).sample(-1), ValueError, "steps must be at least 0"),
        (lambda: sources.Constant([1.0, 2.0]).sample(2, 3), ValueError, "do not broadcast"),
        (lambda: sources.Constant([1.0, 2.0]).sample(2), ValueError,
         r"shape must be one that the parameters' shape \(2,\) broadcasts to, got \(\)"),
        (lambda: NEURON.run(sources.Constant(1.0)), ValueError, "steps must be given for a source"),
        (lambda: NEURON.run(np.ones((3, 2)) + sources.Constant(1.0), steps=4), ValueError,
         "steps must be 3, the steps of the current, got 4$"),
        (lambda: (np.ones(3) + sources.Constant(1.0)).sample(4), ValueError,
         r"steps must be 3, the steps of the current, got 4"),
        (lambda: NEURON.run(np.ones(3) + sources.Constant([1.0, 2.0]), steps=4), ValueError,
         r"do not broadcast"),
        (lambda: NEURON(sources.Constant(1.0), 0.0), TypeError,
         r"^cur must .*; its sample\(steps, shape\) returns an array$"),
        (lambda: sources.PoissonSpikes(20.0), ValueError, "got 20.0; a rate in Hz requires time_s"),
        (lambda: NEURON.run(sources.PoissonSpikes(np.ones((3, 2))), steps=4), ValueError,
         "rate has values for 3 steps, and the run goes to step 4"),
        (lambda: NEURON.run(sources.Constant([1.0, 2.0]), steps=4, initial=np.zeros(3)),
         ValueError, "do not broadcast to one population"),
        (lambda: NEURON.run(SOURCES["correlated noise"], steps=4, initial=fastlif.State(
            np.zeros(SIZE, F4), noise=np.zeros(SIZE))), ValueError, r"initial\.noise must"),
    ],
)  # fmt: skip
def test_invalid_arguments_are_rejected(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_outputs_must_not_overlap_an_array_that_a_source_reads():
    values = np.zeros((4, 3), F4)
    source = sources.WeightedInput(values) + 1.0
    with pytest.raises(ValueError, match=r"^out\['membrane'\] must not overlap current"):
        NEURON.run(source, out={"membrane": values})


def test_outputs_must_not_overlap_rates_over_time():
    memory = np.full((5, 3), 0.5, F4)
    source = sources.Constant(1.0) + sources.PoissonSpikes(memory[:4], seed=1)
    with pytest.raises(ValueError, match=r"^out\['membrane'\] must not overlap current"):
        NEURON.run(source, steps=4, out={"membrane": memory[1:]})


def test_a_vector_broadcasts_as_in_numpy():
    """To the neurons, or to the steps of one neuron; also if both are equally many."""
    bias, noise = np.float32([0.1, 0.2, 0.3]), sources.PulseCurrent(0.5, 1, 2)
    row = noise.sample(3)
    over_neurons, over_time = row[:, None] + bias, row + bias
    source, bytes_ = noise + bias, np.eye(3, dtype=np.uint8)
    assert same_bits(source.sample(3, 3), over_neurons)
    assert same_bits(source.sample(3), over_time)
    for neuron in (NEURON, fastlif.Leaky(beta=0.9)):
        expected = neuron.run(over_neurons).membrane
        assert same_bits(neuron.run(source, steps=3).membrane, expected)
        assert same_bits(neuron.run(bias + noise, steps=3).membrane, expected)
        assert same_bits(neuron.run(source).membrane, neuron.run(over_time).membrane)
        with_bytes = neuron.run(source + sources.WeightedInput(bytes_, 0.5))
        assert same_bits(with_bytes.membrane, neuron.run(over_neurons + F4(0.5) * bytes_).membrane)


LAYOUTS = {
    "reversed in time": lambda x: x[::-1],
    "reversed neurons": lambda x: x[:, ::-1],
    "every other step": lambda x: np.repeat(x, 2, axis=0)[::2],
    "Fortran order": np.asfortranarray,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "shared by all neurons": lambda x: x[:, :1],
    "a vector over time": lambda x: x[:, 0],
    "a view that repeats one column": lambda x: np.broadcast_to(x[:, :1], x.shape),
    "a view that repeats one row": lambda x: np.broadcast_to(x[0], x.shape),
}


@pytest.mark.parametrize("dtype", ["f4", "f2", "i4", "u1"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_an_array(layout, dtype):
    array = LAYOUTS[layout](np.arange(24).reshape(8, 3).astype(dtype))
    rows = array if array.ndim > 1 else array[:, None]
    expected = np.broadcast_to(rows, (8, 3)) * EACH[:3]
    assert same_bits(sources.WeightedInput(array, EACH[:3]).sample(8, 3), expected.astype(F4))
    none = sources.WeightedInput(array[:0]) + sources.Constant(1.0)
    assert none.sample(0, 3).shape == (0, 3)
    assert NEURON.run(none, initial=NEURON.initial_state(3)).spikes.shape == (0, 3)


def test_a_current_that_all_neurons_share_is_not_repeated_in_memory():
    compiled = sources.WeightedInput(np.ones((5, 1), F4))._compile(np.dtype(F4), (1000,), [])
    assert compiled.kept[0].size == 5


def test_neurons_keep_no_sources_in_memory():
    source = sources.WeightedInput(np.ones((4, 3), F4))
    NEURON.run(source)
    gone = weakref.ref(source)
    del source
    gc.collect()
    assert gone() is None


def test_rates_for_no_steps():
    source = sources.PoissonSpikes(np.zeros((0, 3)))
    assert source.sample(0, 3).shape == (0, 3)
    with pytest.raises(ValueError, match="rate has values for 0 steps, and the run goes to step 1"):
        source.sample(1, 3)


def test_ramps_end_at_their_end():
    rng = np.random.default_rng(0)
    begin, end = rng.normal(size=(2, 100))
    begin[0] = 1e20
    ramp = sources.RampCurrent(begin, end, 0, 3).sample(5, 100, float)
    assert np.array_equal(ramp[3:], [end, end])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_frequencies_of_any_dtype_are_exact(dtype):
    sine = sources.SineCurrent(1.0, dtype(10), time_step=1e-3).sample(2000, (), float)
    assert same_bits(sine, sources.SineCurrent(1.0, 10.0, time_step=1e-3).sample(2000, (), float))


def test_noise_with_a_long_correlation_time_relaxes():
    # In float32, exp(-1e-7) is 1 - 1.19e-7.
    source = sources.OrnsteinUhlenbeckCurrent(0.0, 1.0, 1e7, 1.0, seed=1)
    state = fastlif.State(np.zeros(2000, F4), noise=np.full((1, 2000), 1000.0))
    noise = NEURON.run(source, state, steps=1000, record="counts").final.noise
    lost = 1000 - noise.mean(dtype=np.float64)
    assert abs(lost - 0.1) < 5 * np.sqrt(2e-4 / 2000)  # 5 standard errors


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        (-1, ValueError, r"initial\.steps must be at least 0, got -1"),
        (2**70, ValueError, r"initial\.steps must be at most 4611686018427387904, got 118"),
        (1.5, TypeError, r"initial\.steps must be a whole number, got 1\.5"),
        (None, TypeError, r"initial\.steps must be a whole number, got None"),
    ],
)
def test_numbers_of_steps_are_checked(steps, error, message):
    state = fastlif.State(np.zeros(3, F4), steps=steps)
    with pytest.raises(error, match=message):
        NEURON.run(sources.PoissonSpikes(np.ones((4, 3))), state, steps=2)
    counted = NEURON.run(np.ones((2, 3), F4), state._replace(steps=np.int8(3))).final.steps
    assert type(counted) is int
    assert counted == 5


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (np.zeros((1, 3), complex), r"initial\.noise must hold real numbers"),
        (np.full((1, 3), None), r"initial\.noise must hold real numbers"),
        ([["a", "b", "c"]], r"initial\.noise must hold real numbers"),
        (np.ma.zeros((1, 3)), r"initial\.noise must be an array without a mask"),
    ],
)
def test_states_of_noise_are_checked(noise, message):
    with pytest.raises(TypeError, match=message):
        NEURON.run(
            sources.OrnsteinUhlenbeckCurrent(0.0, 1.0, 5.0, 1.0, seed=1),
            fastlif.State(np.zeros(3, F4), noise=noise), steps=2,
        )  # fmt: skip


def test_sources_show_their_parameters():
    first, second = sources.GaussianCurrent(seed=7).spawn(2)
    assert repr(first) == "GaussianCurrent(0.0, 1.0, seed=SeedSequence(7, spawn_key=(0,)))"
    assert repr(second) != repr(first)
    assert repr(sources.PoissonSpikes(0.1, seed=1) + 0.5) == (
        "PoissonSpikes(0.1, 1.0, seed=1) + Constant(0.5)"
    )
    timed = sources.PoissonSpikes(20.0, 0.5, seed=1, time_step=1e-3)
    assert repr(timed) == "PoissonSpikes(20.0, 0.5, seed=1, time_step=0.001)"
    assert repr(sources.RampCurrent(0.0, 1.0, 2, 3)).startswith("RampCurrent(begin=0.0, end=1.0")


# --- in loops of the user ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["spikes", "correlated noise", "constant"])
def test_a_source_in_a_loop_has_the_same_numbers(name):
    fill, cur = fastlif.embed.source(SOURCES[name], SIZE), np.empty(SIZE, F4)
    for t, row in enumerate(SOURCES[name].sample(STEPS, SIZE)):
        fill(t, cur)
        assert same_bits(cur, row)


def test_misuse_of_a_source_in_a_loop_is_rejected():
    with pytest.raises(TypeError, match=r"source must be a source of fastlif.sources, got 3"):
        fastlif.embed.source(3, SIZE)
    with pytest.raises(ValueError, match="must not contain an array of currents"):
        fastlif.embed.source(SOURCES["array"], SIZE)
    with pytest.raises(ValueError, match="do not broadcast"):
        fastlif.embed.source(SOURCES["constant"], 3)
    fill = fastlif.embed.source(sources.Constant(1.0), 3)
    for cur, error, message in (
        (np.zeros(4, F4), ValueError, "cur must be contiguous, and have the size of the source"),
        (np.zeros(6, F4)[::2], ValueError, "cur must be contiguous"),
        (np.zeros(3), TypingError, "cur must be a 1-D array of float32"),
        (3.0, TypingError, "cur must be a 1-D array of float32"),
    ):
        with pytest.raises(error, match=message):
            fill(0, cur)
    with pytest.raises(TypingError, match="t must be an integer"):
        fill(0.5, np.zeros(3, F4))
