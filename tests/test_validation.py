"""Invalid arguments: a clear error before anything is allocated or written."""

import numpy as np
import pytest

import fastlif
from fastlif.execution import memory

F4 = np.float32
GOOD = {
    fastlif.LIF: {},
    fastlif.Lapicque: {"R": 5.0, "C": 5e-3, "time_step": 1e-3},
    fastlif.Leaky: {"beta": 0.9},
}


def parameters():
    for cls, good in GOOD.items():
        names = {"threshold", *(["beta"] if cls is fastlif.Leaky else ["R", "C", "time_step"])}
        for name in sorted(names):
            yield cls, good, name


@pytest.mark.parametrize(("cls", "good", "name"), list(parameters()))
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("5", TypeError, "must hold real numbers .* got '5'"),
        (5 + 1j, TypeError, "must hold real numbers .* complex128"),
        (np.array([1, None]), TypeError, "must hold real numbers .* object"),
        (np.longdouble(1), TypeError, "must hold real numbers"),
        (True, TypeError, "must be a number or an array of numbers, got True"),
        (np.nan, ValueError, "must not be NaN"),
        ([1.0, np.nan], ValueError, "must not be NaN"),
        ([[1.0], [1.0, 2.0]], ValueError, "must be a number or an array of real numbers"),
    ],
)
def test_a_parameter_must_be_real_numbers(cls, good, name, value, error, message):
    with pytest.raises(error, match=f"^{name} {message}"):
        cls(**(good | {name: value}))


@pytest.mark.parametrize("cls", [fastlif.LIF, fastlif.Lapicque])
@pytest.mark.parametrize("name", ["R", "C", "time_step"])
@pytest.mark.parametrize(
    ("value", "got"),
    [(0, "0"), (-1.5, "-1.5"), (np.inf, "inf"), (F4([1, -2, 3]), r"-2.0 at \(1,\)")],
)
def test_circuit_parameters_must_be_positive(cls, name, value, got):
    with pytest.raises(ValueError, match=rf"^{name} must be greater than 0 and finite, got {got}"):
        cls(**(GOOD[cls] | {name: value}))


@pytest.mark.parametrize("beta", [0, 1, 1.5, -0.1, [0.5, 1.0]])
def test_beta_of_lapicque_must_be_between_0_and_1(beta):
    with pytest.raises(ValueError, match=r"^beta must be greater than 0 and less than 1"):
        fastlif.Lapicque(beta=beta)


def test_beta_of_leaky_is_clipped_with_a_warning():
    with pytest.warns(UserWarning, match=r"beta is clipped to \[0, 1\]"):
        neuron = fastlif.Leaky(beta=[-0.5, 1.5, 0.5])
    run = neuron.run(np.zeros((1, 3)), initial=0.5)
    np.testing.assert_array_equal(run.membrane[0], [0, 0.5, 0.25])
    with pytest.raises(ValueError, match="beta must be finite"):
        fastlif.Leaky(beta=np.inf)


@pytest.mark.parametrize("given", [{}, {"R": 1.0}, {"C": 1.0}, {"R": 5.0, "C": 1e-3, "beta": 0.9}])
def test_lapicque_requires_a_valid_combination_of_beta_R_and_C(given):
    got = " and ".join(sorted(given, key=["beta", "R", "C"].index)) or "none of them"
    with pytest.raises(
        ValueError, match=f"^Lapicque requires R and C, or beta alone, .* got {got}"
    ):
        fastlif.Lapicque(**given)


@pytest.mark.parametrize(
    ("value", "hint"),
    [("substract", "'subtract'"), ("Zero", "'zero'"), ("non", "'none'"), ("q", None)],
)
def test_an_unknown_reset_gets_a_suggestion(value, hint):
    for cls, good in GOOD.items():
        with pytest.raises(ValueError, match="reset_mechanism must be one of") as caught:
            cls(reset_mechanism=value, **good)
        assert ("did you mean" in str(caught.value)) == (hint is not None)
        assert hint is None or hint in str(caught.value)
    with pytest.raises(TypeError, match="reset_mechanism must be one of"):
        fastlif.LIF(reset_mechanism=None)


def test_reset_delay_must_be_a_bool():
    with pytest.raises(TypeError, match="reset_delay must be True or False, got 1"):
        fastlif.Leaky(0.9, reset_delay=1)


def test_parameters_must_broadcast_with_one_another():
    with pytest.raises(ValueError, match=r"do not broadcast .* R \(3,\), C \(2,\)"):
        fastlif.LIF(R=[1.0, 2.0, 3.0], C=[1.0, 2.0])


def test_eulers_method_with_too_long_steps_warns():
    with pytest.warns(UserWarning, match=r"time_step is 2\.5 times R\*C"):
        fastlif.LIF(R=1.0, C=1e-3, time_step=2.5e-3)
    with pytest.warns(UserWarning, match=r"time_step is 1\.2 times R\*C"):
        fastlif.Lapicque(beta=0.3)


def test_parameters_that_float32_cannot_represent_are_rejected():
    for neuron in (fastlif.LIF(R=1e300, C=1e-280), fastlif.LIF(threshold=1e39)):
        with pytest.raises(ValueError, match="float32 cannot hold the constants of LIF"):
            neuron.run(np.zeros(3, F4))
        neuron.run(np.zeros(3))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc", "must hold real numbers"),
        (np.ones(3, complex), "must hold real numbers .* complex128"),
        (np.array(["a"]), "must hold real numbers"),
        (np.array([None]), "must hold real numbers"),
        (np.array(["2020"], "M8[Y]"), "must hold real numbers"),
        (None, "must be a number or an array of real numbers, got None"),
        (fastlif.Events([0, 1], [0, 2]), "must be .* got Events; give one of its arrays: step"),
    ],
)
def test_arrays_must_hold_real_numbers(value, message):
    neuron = fastlif.LIF()
    with pytest.raises(TypeError, match=f"^current {message}"):
        neuron.run(value)
    with pytest.raises(TypeError, match=f"^cur {message}"):
        neuron(value, np.zeros(3))
    with pytest.raises(TypeError, match=f"^U {message}"):
        fastlif.leaky_integrate_neuron(value)
    if value is not None:
        with pytest.raises(TypeError, match=f"^initial {message}"):
            neuron.run(np.zeros((3, 3)), value)


def test_a_mask_is_not_silently_lost():
    class Own(np.ma.MaskedArray):
        pass

    values, mask = [0.1, 0.2, 0.3], [False, True, False]
    masked = np.ma.masked_array(values, mask)
    for value in (masked, Own(values, mask), [masked, masked], np.ma.masked):
        for use in (fastlif.LIF().run, fastlif.LIF(), lambda value: fastlif.LIF(R=value)):
            with pytest.raises(
                TypeError, match=r"must be an array without a mask, got .*fill it first"
            ):
                use(value)


def test_a_current_requires_a_time_axis():
    with pytest.raises(ValueError, match=r"current must have time as its first axis.*steps="):
        fastlif.LIF().run(0.2)


def test_shapes_must_broadcast():
    neuron = fastlif.LIF(R=[4.0, 5.0, 6.0])
    with pytest.raises(ValueError, match=r"do not broadcast .*: current \(2,\), R \(3,\)"):
        neuron.run(np.zeros((9, 2)))
    with pytest.raises(ValueError, match=r"do not broadcast .*: current \(3,\), initial \(4,\)"):
        neuron.run(np.zeros((9, 3)), np.zeros(4))
    with pytest.raises(ValueError, match=r"do not broadcast .*: current \(3,\), initial \(4,\)"):
        neuron.run(np.zeros((9, 3)), fastlif.State(np.zeros(4)))
    with pytest.raises(ValueError, match=r"do not broadcast .*: cur \(3,\), mem \(2,\)"):
        neuron(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match=r"do not broadcast .*: mem \(3,\), cur \(2,\)"):
        fastlif.leaky_integrate_and_fire(np.zeros(3), np.zeros(2))


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        (-1, ValueError, "steps must be at least 0, got -1"),
        (2.0, TypeError, r"steps must be a whole number, got 2.0 \(float\)"),
        (2.5, TypeError, "steps must be a whole number"),
        ("3", TypeError, "steps must be a whole number"),
        (True, TypeError, "steps must be a whole number"),
    ],
)
def test_steps_must_be_a_whole_number(steps, error, message):
    with pytest.raises(error, match=message):
        fastlif.LIF().run(0.2, steps=steps)


@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        ("membran", ValueError, "record must be one of .*did you mean 'membrane'"),
        (["spike"], ValueError, "record must be one of .*did you mean 'spikes'"),
        ([3], TypeError, "record must be one of"),
        (7, TypeError, "record must be a name or several"),
    ],
)
def test_an_unknown_record_gets_a_suggestion(record, error, message):
    with pytest.raises(error, match=message):
        fastlif.LIF().run(np.zeros(3), record=record)


@pytest.mark.parametrize(
    ("threads", "error", "message"),
    [(0, ValueError, "threads must be at least 1, got 0"), (1.5, TypeError, "threads must be a")],
)
def test_threads_must_be_a_whole_number(threads, error, message):
    with pytest.raises(error, match=message):
        fastlif.LIF().run(np.zeros(3), threads=threads)


def test_progress_must_be_a_bool_or_a_function():
    with pytest.raises(TypeError, match="progress must be True, False or a function"):
        fastlif.LIF().run(np.zeros(3), progress="yes")


class TestOutOfARun:
    def rejected(self, error, message, out, record=("spikes", "membrane"), current=None):
        current = np.ones((9, 3), F4) if current is None else current
        filled = (
            [a for a in out.values() if isinstance(a, np.ndarray)] if hasattr(out, "values") else []
        )
        before = [a.copy() for a in filled]
        with pytest.raises(error, match=message):
            fastlif.LIF().run(current, record=record, out=out)
        for array, copy in zip(filled, before, strict=True):
            assert np.array_equal(array, copy)

    def test_not_a_mapping(self):
        self.rejected(TypeError, "out must map record names to arrays", np.zeros((9, 3)))

    def test_unknown_name(self):
        self.rejected(ValueError, "did you mean 'membrane'", {"mem": np.zeros((9, 3), F4)})

    def test_name_not_recorded(self):
        out = {"membrane": np.zeros((9, 3), F4)}
        self.rejected(ValueError, "out holds 'membrane', but record=", out, record="spikes")

    def test_not_an_array(self):
        self.rejected(
            TypeError, r"out\['membrane'\] must be a numpy.ndarray of shape", {"membrane": [0.0]}
        )

    def test_shape(self):
        message = r"out\['membrane'\] must have shape \(9, 3\), got \(3, 9\)"
        self.rejected(ValueError, message, {"membrane": np.zeros((3, 9), F4)})

    def test_dtype(self):
        message = r"out\['membrane'\] must have dtype float32, got float64"
        self.rejected(TypeError, message, {"membrane": np.zeros((9, 3))})
        message = r"out\['spikes'\] must have dtype bool, got uint8"
        self.rejected(TypeError, message, {"spikes": np.zeros((9, 3), np.uint8)})

    def test_read_only(self):
        membrane = np.zeros((9, 3), F4)
        membrane.flags.writeable = False
        self.rejected(ValueError, "must be writeable", {"membrane": membrane})

    def test_repeated_memory_locations(self):
        membrane = np.lib.stride_tricks.as_strided(np.zeros(3, F4), (9, 3), (0, 4))
        self.rejected(ValueError, "must not repeat memory locations", {"membrane": membrane})

    def test_overlap_with_the_current(self):
        current = np.ones((9, 3), F4)
        message = r"out\['membrane'\] must not overlap current"
        self.rejected(ValueError, message, {"membrane": current}, current=current)

    def test_overlap_with_each_other(self):
        both = np.zeros((9, 3), F4)
        out = {"membrane": both, "spikes": both.view(bool)[:, :3]}
        self.rejected(ValueError, r"out\['spikes'\] must not overlap membrane", out)


def test_a_run_too_large_for_memory_gives_its_size_and_advice():
    current = np.broadcast_to(F4(0.2), (10_000_000, 10_000_000))
    with pytest.raises(
        MemoryError, match=r"needs 500,000,040,000,000 bytes.*'spikes' needs 1 byte"
    ):
        fastlif.LIF().run(current)
    with pytest.raises(MemoryError, match="use a smaller population"):
        fastlif.LIF().run(np.broadcast_to(F4(0.2), (2, 10**15)), record=())


def test_available_memory_limits_a_run(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    current = np.broadcast_to(F4(0.2), (200, 100_000))
    with pytest.raises(MemoryError, match="needs 100,400,000 bytes, and 100,000,000 are available"):
        fastlif.LIF().run(current)
    out = {"membrane": np.empty((200, 100_000), F4)}
    assert fastlif.LIF().run(current, out=out).membrane is out["membrane"]


def test_the_available_memory_of_this_machine_is_known():
    assert 2**28 < memory.available_memory() < 2**50


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"record": (["spikes"],)}, TypeError, r"^record must be one of .* got \['spikes'\]"),
        ({"every": 2**70}, ValueError, "^every must be at most"),
        ({"every": True}, TypeError, "^every must be "),
        ({"neurons": slice(0, 1.5)}, TypeError, "^neurons must be a slice of integers"),
        ({"neurons": np.array([2**64 - 1], np.uint64)}, IndexError, "got 18446744073709551615"),
        (
            {
                "record": "membrane",
                "out": {
                    "membrane": np.lib.stride_tricks.as_strided(np.zeros(20, F4), (5, 4), (4, 4))
                },
            },
            ValueError,
            "must not repeat memory locations",
        ),
    ],
)
def test_unusual_arguments_of_run(arguments, error, message):
    neuron, current = fastlif.LIF(), np.zeros((5, 4), F4)
    for _ in range(2):
        with pytest.raises(error, match=message):
            neuron.run(current, **arguments)
        neuron.run(current)


def test_a_zero_step_run_checks_before_it_writes():
    counts, nothing = np.full(4, 7), np.zeros((0, 4), F4)
    with pytest.raises(TypeError, match=r"^progress must be"):
        fastlif.LIF().run(nothing, record="counts", out={"counts": counts}, progress="yes")
    assert (counts == 7).all()
    run = fastlif.LIF().run(nothing, record="counts", out={"counts": counts})
    assert run.counts is counts
    assert not counts.any()


def test_counts_of_several_spikes_do_not_overflow():
    neuron = fastlif.presets.sinabs_lif(tau_mem=20.0, norm_input=False)
    run = neuron.run(np.full((8, 3), 1e12, F4), record="counts")
    assert run.counts.tolist() == [8 * 2**30] * 3


def test_a_mask_may_have_the_shape_of_the_population():
    current, mask = np.ones((3, 2, 2), F4), np.array([[True, False], [False, True]])
    run = fastlif.LIF().run(current, neurons=mask)
    assert np.array_equal(run.membrane, fastlif.LIF().run(current, neurons=[0, 3]).membrane)


# --- Quantities, matrices, and arrays that do not fit into memory --------------------------------


class Quantity(float):
    units = "mV"


@pytest.mark.parametrize("value", [Quantity(3), [Quantity(3), Quantity(4)], (1.0, Quantity(4))])
def test_units_are_rejected_instead_of_dropped(value):
    with pytest.raises(TypeError, match=r"^threshold must be .* without units, got .*[34]\.0"):
        fastlif.LIF(threshold=value)
    with pytest.raises(TypeError, match=r"^current must be a number or an array without units"):
        fastlif.LIF().run(value, steps=3)
    with pytest.raises(TypeError, match=r"^mem must be a number or an array without units"):
        fastlif.LIF()(0.1, value)


def test_outputs_are_plain_arrays_also_after_a_call_that_was_prepared_for_them():
    neuron, current = fastlif.LIF(), np.ones((4, 2), F4)
    spikes, membrane = np.zeros((4, 2), bool), np.zeros((4, 2), F4)
    neuron.run(current, out={"spikes": spikes, "membrane": membrane})
    for wrong in (membrane.view(np.matrix), np.ma.masked_array(membrane), [[0.0]], None):
        with pytest.raises(TypeError, match=r"^out\['membrane'\] must be a numpy.ndarray of shape"):
            neuron.run(current, out={"spikes": spikes, "membrane": wrong})
    neuron.run(current)
    with pytest.raises(TypeError, match=r"^out must map record names to arrays, got 'x'"):
        neuron.run(current, out="x")
    neuron(current, membrane)
    with pytest.raises(
        TypeError, match=r"^out\[0\] \(spk\) must be a numpy.ndarray .* a matrix of"
    ):
        neuron(current, membrane, out=(spikes.view(np.matrix), membrane.copy()))


class Lazy:
    shape, dtype, ndim = (10**9, 10**5), np.dtype(F4), 2

    def __array__(self, *arguments, **options):
        raise AssertionError("was read")


def test_an_array_that_does_not_fit_into_memory_is_not_read():
    message = (
        r"^current \(Lazy of shape .*\) needs 400,000,000,000,000 bytes .* "
        "take a part of its steps at a time \\(neuron.stream does, .*interop.dask.run"
    )
    with pytest.raises(MemoryError, match=message):
        fastlif.LIF().run(Lazy())


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("values", fastlif.sources.WeightedInput),
        ("values", lambda array: array + fastlif.GaussianCurrent()),
        ("rate", fastlif.PoissonSpikes),
        ("data", fastlif.encoding.rate),
        ("data", fastlif.encoding.rate_source),
        ("data", fastlif.encoding.latency),
        ("data", fastlif.encoding.delta),
        ("spikes", fastlif.spikes.counts),
    ],
)
def test_other_arguments_that_do_not_fit_into_memory_are_not_read(name, function):
    message = rf"^{name} \(Lazy of shape .*\) needs 400,000,000,000,000 .*only a current is read"
    with pytest.raises(MemoryError, match=message):
        function(Lazy())


def test_files_that_are_mapped_need_no_memory(tmp_path, monkeypatch):
    current = np.memmap(tmp_path / "current", F4, "w+", shape=(4, 3))
    monkeypatch.setattr(memory, "SURELY_THERE", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 0)
    assert fastlif.sources.WeightedInput(current).values.base is current
    assert fastlif.LIF().run(current, record=()).final.steps == 4


@pytest.mark.parametrize(
    ("neuron", "name"),
    [
        (lambda: fastlif.Leaky(0.5, threshold=1e-50), "threshold"),
        (lambda: fastlif.LIF(R=1e-46, C=1e46, time_step=0.1), "gain"),
    ],
)
def test_a_parameter_never_becomes_zero(neuron, name):
    with pytest.raises(ValueError, match=f"^float32 cannot hold .*: {name} is too large or too sm"):
        neuron().run(np.zeros((2, 1), F4))
    assert neuron().run(np.zeros((2, 1))).membrane.dtype == np.float64


def test_a_membrane_that_decays_completely_in_one_step_is_no_error():
    neuron = fastlif.presets.brian2_lif(tau=1e-3, dt=1.0)
    assert neuron.run(np.full((2, 1), 0.5, F4)).final.mem == 0.5


# --- Parameters that cannot be intended ----------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: fastlif.LIF(
                rest=-70e-3, threshold=-50e-3, R=1e8, C=1e-10, time_step=1e-4
            ),
            "^a spike subtracts -0.05 from the membrane, which does not lower it",
        ),
        (
            lambda: fastlif.LIF(rest=-0.07, threshold=-0.05, reset_mechanism="zero"),
            "^a spike resets the membrane to 0.0, not below the threshold -0.05",
        ),
        (
            lambda: fastlif.LIF(reset_mechanism="value", reset_to=1.0),
            "^a spike resets the membrane to 1.0, not below the threshold 1.0",
        ),
        (lambda: fastlif.LIF(rest=2.0), "^the resting potential 2.0 is not below the threshold"),
        (lambda: fastlif.LIF(reset_by=0.0), "^a spike subtracts 0.0 from the membrane"),
        (lambda: fastlif.Leaky(0.9, threshold=-1.0), "^the resting potential 0.0 is not below"),
        (lambda: fastlif.Lapicque(0.9, threshold=0.0), "^the resting potential 0.0 is not below"),
    ],
)  # fmt: skip
def test_a_neuron_that_fires_in_every_step_is_reported(make, message):
    with pytest.warns(UserWarning, match=message):
        make()


def test_sensible_resets_are_not_reported():
    fastlif.LIF(
        rest=-70e-3, threshold=-50e-3, R=1e8, tau=10e-3, time_step=1e-4, reset_mechanism="value",
        reset_to=-65e-3,
    )  # fmt: skip
    fastlif.LIF(rest=-70e-3, threshold=-50e-3, reset_by=20e-3)
    fastlif.LIF(rest=2.0, reset_mechanism="none")
    fastlif.Leaky(0.9, threshold=-1.0, reset_mechanism="none")


def test_tau_replaces_the_capacitance():
    current = np.random.default_rng(0).uniform(0, 0.03, (50, 4)).astype(F4)
    by_tau = fastlif.LIF(tau=10e-3, R=100.0, integration="exact").run(current)
    by_both = fastlif.LIF(C=1e-4, R=100.0, integration="exact").run(current)
    assert by_tau.membrane.tobytes() == by_both.membrane.tobytes()
    assert fastlif.LIF(tau=1.0).R == 1
    with pytest.raises(ValueError, match=r"^tau replaces C .* got tau=1.0 and C=2.0"):
        fastlif.LIF(tau=1.0, C=2.0)


# --- What newcomers try --------------------------------------------------------------------------


def test_out_implies_what_is_recorded():
    counts, spikes = np.zeros(2, np.int64), np.zeros((4, 2), bool)
    run = fastlif.LIF().run(np.ones((4, 2), F4), out={"counts": counts, "spikes": spikes})
    assert run.counts is counts
    assert run.spikes is spikes
    assert run.membrane is None
    with pytest.raises(ValueError, match=r"^out must be one of .*; did you mean 'spikes'\?"):
        fastlif.LIF().run(np.ones((4, 2), F4), out={"spikse": spikes})


@pytest.mark.parametrize(
    "neuron",
    [fastlif.LIF(rest=-0.5, refractory=2), fastlif.presets.norse_lif(), fastlif.Leaky([0.5, 0.9])],
)
def test_the_initial_state_is_where_a_run_starts(neuron):
    current = np.linspace(0, 3, 8, dtype=np.float64).reshape(4, 2)
    state = neuron.initial_state(2, np.float64)
    a, b = neuron.run(current), neuron.run(current, state)
    assert a.membrane.tobytes() == b.membrane.tobytes()
    for field, final in zip(state, a.final, strict=True):
        assert (field is None) == (final is None)
    with pytest.raises(TypeError, match=r"^dtype must be float32 or float64, got int64"):
        neuron.initial_state(2, int)


def test_the_initial_state_fits_the_parameters():
    neuron = fastlif.LIF(R=np.ones((2, 1)))
    assert neuron.initial_state().mem.shape == (2, 1)
    assert neuron.initial_state((2, 3)).mem.shape == (2, 3)
    with pytest.raises(ValueError, match=r"^shape must be one that .* \(2, 1\) .* got \(3,\)"):
        neuron.initial_state(3)


def test_repr_shows_the_values_in_use():
    with pytest.warns(UserWarning, match="beta is clipped"):
        assert "beta=1.0" in repr(fastlif.Leaky(1.2))


def test_dir_lists_everything_public():
    assert set(fastlif.__all__) <= set(dir(fastlif))


def test_numbers_that_float64_cannot_hold():
    with pytest.raises(ValueError, match=r"^threshold must be a float64 number, got 1000"):
        fastlif.LIF(threshold=10**400)


def test_a_number_of_steps_may_be_of_any_dtype():
    assert fastlif.LIF(refractory=np.float16([1, 2])).refractory.dtype == np.float16


def test_the_shape_of_an_initial_state_must_be_whole_numbers():
    for shape in (3.5, (2, 1.5), -1, (3, -1)):
        with pytest.raises((TypeError, ValueError), match=r"^shape must be "):
            fastlif.LIF().initial_state(shape)
