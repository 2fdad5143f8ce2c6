"""Groups that fastlif computes inside Brian2, compared with Brian2's own NumPy target."""

import warnings

import numpy as np
import pytest

with warnings.catch_warnings():  # Brian2's own warnings
    warnings.simplefilter("ignore")
    b2 = pytest.importorskip("brian2")
    from brian2.core.functions import timestep

    from fastlif.interop import brian2 as host
    from fastlif.interop.brian2 import accelerate

pytestmark = pytest.mark.filterwarnings("ignore")

ms, mV, DT = b2.ms, b2.mV, 1e-4
CONSTANTS = {"v_rest": -0.1, "R": 2.3, "J": 0.9, "tau": 10 * ms, "C": 9 * ms, "theta": 0.5}


@pytest.fixture(autouse=True)
def numpy_target():
    b2.BrianLogger.log_level_error()
    b2.set_device("runtime")
    b2.prefs.codegen.target = "numpy"
    b2.defaultclock.dt = DT * b2.second
    yield
    b2.set_device("runtime")
    b2.prefs.codegen.target = "numpy"


def group_of(rate="(v_rest - v + R*I)/tau", each="I", size=100, declared="", **options):
    """Return a group; the parameters named in ``each`` have one value per neuron."""
    refractory = options.get("refractory", False)
    flag = " (unless refractory)" if options.pop("flag", refractory is not False) else ""
    units = {"tau": "second", "pause": "second"}
    names = each.split()
    lines = [f"dv/dt = {rate} : 1{flag}", *(f"{k} : {units.get(k, '1')}" for k in names), declared]
    settings = {"threshold": "v > theta", "reset": "v = v_rest/2", "method": "exact"}
    namespace = {k: v for k, v in CONSTANTS.items() if k not in names}
    namespace |= options.pop("namespace", {})
    group = b2.NeuronGroup(size, "\n".join(lines), namespace=namespace, **{**settings, **options})
    rng = np.random.default_rng(0)
    typical = {"I": 0.6, "tau": 0.01, "v_rest": -0.1, "R": 2.3, "theta": 0.5, "pause": 0.002}
    for k in names:
        setattr(group, k + "_", typical[k] * rng.uniform(0.5, 1.5, size))
    group.v = rng.uniform(-0.2, 0.7, size)
    return group


def observed(group, *others, steps=300, accelerated=True, strict=True, network=None):
    """Run and return everything that Brian2 records."""
    acceleration = accelerate(group, strict=strict) if accelerated else None
    names = ["v"]
    names += ["not_refractory", "lastspike"] if group._refractory is not False else []
    monitors = [
        b2.SpikeMonitor(group),
        b2.StateMonitor(group, names, record=True),
        b2.StateMonitor(group, names, record=True, when="end"),
        b2.PopulationRateMonitor(group),
    ]
    net = b2.Network(group, *others, *monitors)
    if network is not None:
        network(net)
    net.run(steps * DT * b2.second, namespace={})
    result = [np.array(monitors[0].t_), np.array(monitors[0].i), np.array(monitors[3].rate_)]
    result += [np.array(getattr(m, n + "_")) for m in monitors[1:3] for n in names]
    return acceleration, result


def same(make, some=True, **options):
    """Assert that a model is the same with and without fastlif; return the acceleration."""
    _, expected = observed(*make(), accelerated=False, **options)
    acceleration, found = observed(*make(), **options)
    assert (expected[0].size > 0) == some
    for a, b in zip(expected, found, strict=True):
        assert np.array_equal(a, b)
    return acceleration


RATES = [
    ("(v_rest - v + R*I)/tau", "I"),
    ("(v_rest - v + R*I)/tau", "I tau"),
    ("(v_rest - v + R*I)/tau", "I v_rest"),
    ("(v_rest - v + R*I)/tau", "I R"),
    ("(v_rest - v + R*I)/tau", "I R tau v_rest"),
    ("(v_rest - v + R*J)/tau", "tau"),
    ("(v_rest - v + R*J)/tau", ""),
    ("(v_rest - v + R*J)/tau", "v_rest"),
    ("-(v - v_rest - I*R)/tau", "I"),
    ("1/tau*(I + v_rest - v)", "I v_rest"),
    ("(I - v)/tau", "I"),
    ("(2*I - v)/(10*ms)", "I"),
    ("(1.5 - v)/tau", ""),
    ("(J - v)/tau", "tau"),
]


@pytest.mark.parametrize("method", ["exact", "euler"])
@pytest.mark.parametrize("refractory", [{}, {"refractory": 2 * ms}], ids=["", "refractory"])
@pytest.mark.parametrize(("rate", "each"), RATES)
def test_bits_are_those_of_brian2(rate, each, refractory, method):
    same(lambda: [group_of(rate, each, method=method, **refractory)])


def test_leak_alone():
    same(lambda: [group_of("-v/tau", "tau", threshold="v > 0.6")])


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000])
@pytest.mark.parametrize("refractory", [False, 1 * ms])
def test_sizes(size, refractory):
    same(lambda: [group_of(size=size, refractory=refractory)])


@pytest.mark.parametrize("where", ["thresholds", "after_groups"])
def test_integration_continues_without_the_flag(where):
    operation = lambda: b2.NetworkOperation(lambda: None, when=where, order=-1)  # noqa: E731
    same(lambda: [group_of(refractory=2 * ms, flag=False), operation()])


@pytest.mark.parametrize(
    "options",
    [
        {"refractory": "pause", "declared": "pause : second (constant)"},
        {"refractory": "pause", "namespace": {"pause": 1.5 * ms}},
        {"refractory": "2*pause + 1*ms", "namespace": {"pause": 1.5 * ms}},
        {"refractory": 0 * ms},
        {"refractory": 0.25 * ms},
    ],
)
def test_refractory_periods(options):
    def make():
        group = group_of(**options)
        if "declared" in options:
            group.pause = np.linspace(0, 5, len(group)) * ms
        return [group]

    same(make)


@pytest.mark.parametrize("condition", ["v > theta", "theta < v", "v >= 0.8", "0.8 <= v", "v>-1*mV"])
def test_thresholds(condition):
    namespace = {"theta": 0.75}
    unit = "volt" if "mV" in condition else "1"

    def make():
        if unit == "1":
            return [group_of(threshold=condition, namespace=namespace)]
        group = b2.NeuronGroup(
            50, "dv/dt = (v_rest - v + R*I)/tau : volt\nI : amp", threshold=condition,
            reset="v = v_rest", method="euler",
            namespace={"v_rest": -7 * mV, "R": 10 * b2.Mohm, "tau": 10 * ms},
        )  # fmt: skip
        group.I = np.linspace(0.5, 2, 50) * b2.nA
        return [group]

    same(make)


def test_membrane_on_the_threshold():
    """Euler steps of exact binary fractions: 0, 1, 1.5."""
    for condition, steps in (("v > 1", [1, 3]), ("v >= 1", [0, 1, 2, 3])):
        group = b2.NeuronGroup(
            1, "dv/dt = (J - v)/tau : 1", threshold=condition, reset="v = 0", method="euler",
            dt=1 * b2.second, namespace={"J": 2.0, "tau": 2 * b2.second},
        )  # fmt: skip
        accelerate(group)
        spikes = b2.SpikeMonitor(group)
        b2.Network(group, spikes).run(4 * b2.second)
        assert list(spikes.t_) == steps


def test_no_spikes():
    same(lambda: [group_of(threshold="v > inf")], some=False)


def network(size=200, when="synapses"):
    """Return a recurrent network with subgroups, delays, and an input that changes."""
    group = group_of(size=size, refractory=1 * ms)
    rng = np.random.default_rng(1)
    parts = [group]
    for source, weight in ((group[:150], 0.05), (group[150:], -0.1)):
        synapses = b2.Synapses(source, group, "w : 1\n", on_pre=f"v += w*{weight}")
        synapses.connect(i=rng.integers(0, len(source), 2000), j=rng.integers(0, size, 2000))
        synapses.w = rng.uniform(0, 1, 2000)
        synapses.delay = rng.integers(0, 30, 2000) * DT * b2.second
        synapses.pre.when = when
        synapses.pre.order = len(parts)  # otherwise their names, which are counted, decide
        parts.append(synapses)
    drive = b2.Synapses(group, group, on_pre="I_post += 0.01")
    drive.connect(i=rng.integers(0, size, 300), j=rng.integers(0, size, 300))
    group.run_regularly("I *= 0.99", dt=1 * ms)
    return [*parts, drive]


def test_recurrent_network():
    acceleration = same(network, steps=600)
    assert acceleration._one_pass


@pytest.mark.parametrize("when", ["before_thresholds", "after_groups", "before_groups"])
def test_synapses_in_other_slots(when):
    acceleration = same(lambda: network(when=when))
    assert acceleration._one_pass == (when == "before_groups")


def writer(group, **when):
    return group.run_regularly("v += 0.02*(1 - v)", **when)


@pytest.mark.parametrize(
    ("when", "at_once"),
    [
        ({"when": "groups", "order": -1}, True),
        ({"when": "groups", "order": 1}, False),
        ({"when": "after_groups"}, False),
        ({"when": "thresholds", "order": -1}, False),
        ({"when": "thresholds", "order": 1}, True),
    ],
)
def test_whatever_acts_between_integration_and_test_is_seen(when, at_once):
    def make():
        group = group_of(refractory=1 * ms)
        writer(group, **when)
        return [group]

    assert same(make)._one_pass == at_once


@pytest.mark.parametrize("when", ["after_groups", "before_thresholds", "after_thresholds", "end"])
def test_python_functions_in_every_slot(when):
    def make():
        group = group_of(refractory=1 * ms)

        @b2.network_operation(when=when)
        def act():
            group.v_[::7] += 0.01
            group.lastspike_[::11] -= 1e-3
            group.not_refractory_[::13] = True

        return [group, act]

    same(make)


def test_schedules_of_the_network_and_of_the_event():
    schedule = ["start", "thresholds", "groups", "synapses", "resets", "end"]
    same(
        lambda: [group_of(refractory=1 * ms)],
        network=lambda net: setattr(net, "schedule", schedule),
    )

    def late():
        group = group_of(refractory=1 * ms)
        group.set_event_schedule("spike", when="end")
        return [group]

    same(late)


def test_several_groups_and_a_link():
    def make(link):
        first, second = group_of(), group_of("(I - v)/tau", refractory=1 * ms)
        third = b2.NeuronGroup(
            100,
            "x : boolean (linked)\ndy/dt = -y/tau : 1",
            threshold="y > 5",
            reset="",
            method="euler",
            namespace=CONSTANTS,
        )
        third.x = b2.linked_var(second, "not_refractory")
        synapses = b2.Synapses(first, second, on_pre="v += 0.1", delay=1 * ms)
        synapses.connect(j="i")
        return [second, first, synapses, *([third] if link else [])]

    assert same(lambda: make(False))._one_pass
    same(lambda: make(True))


CHANGING = [
    ("I = 0.5 + 0.5*rand()", {}),
    ("tau = (10 + 3*sin(t/ms))*ms", {"each": "I tau"}),
    ("tau = (10 + 3*sin(t/ms))*ms", {"each": "I tau", "method": "euler"}),
    ("R = 2 + sin(t/ms)", {"each": "I R"}),
    ("v_rest = sin(t/ms)/5", {"each": "I v_rest"}),
    ("theta = 0.8 + 0.1*sin(t/ms)", {"each": "I theta"}),
]


@pytest.mark.parametrize(("code", "options"), CHANGING)
def test_parameters_that_change_during_a_run(code, options):
    def make():
        b2.seed(3)
        group = group_of(**options)
        group.run_regularly(code, dt=0.3 * ms)
        return [group]

    same(make)


@pytest.mark.parametrize("method", ["exact", "euler"])
@pytest.mark.parametrize("name", ["g", "leak", "limit"])
def test_shared_parameters_that_change_during_a_run(name, method):
    def make():
        group = group_of(
            "(v_rest - v + g*I)/leak", threshold="v > limit", method=method,
            declared="g : 1 (shared)\nleak : second (shared)\nlimit : 1 (shared)",
        )  # fmt: skip
        group.g, group.leak, group.limit = 2.1, 9 * ms, 0.8

        @b2.network_operation(dt=1 * ms)
        def change():
            setattr(group, name + "_", np.array(getattr(group, name + "_")) * 1.01)

        return [group, change]

    same(make)


def test_adaptive_threshold():
    same(lambda: [group_of(each="I theta", reset="v = 0; theta += 0.02")])


def test_subexpressions():
    same(lambda: [group_of("(v_rest - v + R*K)/tau", "I", declared="K = I : 1")])
    same(lambda: [
        group_of("(v_rest - v + R*K)/tau", "I", declared="K = I*sin(t/ms) : 1 (constant over dt)")
    ])  # fmt: skip


def test_several_runs_store_restore_and_remove():
    def events(accelerated):
        b2.defaultclock.dt = DT * b2.second
        group = group_of(each="I tau", refractory=1 * ms)
        spikes = b2.SpikeMonitor(group)
        net = b2.Network(group, spikes)
        acceleration = accelerate(group) if accelerated else None
        net.run(10 * ms)
        net.store()
        group.tau, group.I = 7 * ms, 0.9
        group.namespace["R"] = 1.7
        net.run(10 * ms)
        seen = [np.array(spikes.i)]
        net.restore()
        net.run(10 * ms)
        seen.append(np.array(spikes.i))
        if acceleration:
            acceleration.remove()
        net.run(10 * ms)
        if acceleration:
            acceleration = accelerate(group)
        group.clock.dt = 0.05 * ms
        net.run(10 * ms)
        return [
            *seen,
            np.array(spikes.t_),
            np.array(spikes.i),
            np.array(group.v),
            group.spikes.size,
        ]

    for a, b in zip(events(False), events(True), strict=True):
        assert np.array_equal(a, b)


def test_the_magic_network_and_the_namespace_of_the_caller():
    found = []
    for accelerated in (False, True):
        tau_m, theta_m = 9 * ms, 0.7  # noqa: F841 - Brian2 finds them here
        group = b2.NeuronGroup(
            50, "du/dt = (I - u)/tau_m : 1\nI : 1", threshold="u > theta_m", reset="u = 0",
            method="exact",
        )  # fmt: skip
        group.I = np.linspace(0.5, 2, 50)
        acceleration = accelerate(group) if accelerated else None
        spikes = b2.SpikeMonitor(group)
        b2.run(30 * ms)
        found.append((np.array(spikes.t_), np.array(spikes.i), np.array(group.u)))
    assert acceleration._one_pass
    assert found[0][0].size
    for a, b in zip(*found, strict=True):
        assert np.array_equal(a, b)


def test_names_that_are_defined_after_the_call():
    def prepared():
        group = b2.NeuronGroup(
            9, "dv/dt = (I - v)/later : 1\nI : 1", threshold="v > 1", reset="v = 0"
        )
        group.I = np.arange(9)
        accelerate(group)
        spikes = b2.SpikeMonitor(group)
        return b2.Network(group, spikes), spikes

    net, spikes = prepared()
    net.run(20 * ms, namespace={"later": 5 * ms})
    assert spikes.num_spikes > 20


def test_the_cython_target():
    _, expected = observed(*network(), accelerated=False, steps=600)
    b2.prefs.codegen.target = "cython"
    _, found = observed(*network(), steps=600)
    assert expected[0].size > 500
    assert np.array_equal(expected[0], found[0])
    assert np.array_equal(expected[1], found[1])


LOOSE = ["(v_rest - v)/tau + I/C", "(J*(v_rest - v) + I)/C", "(v_rest - v)/tau + I/tau"]


@pytest.mark.parametrize("rate", LOOSE)
def test_other_orders_of_operations(rate):
    with pytest.raises(ValueError, match=r"last bits would differ; write .* or pass strict=False"):
        accelerate(group_of(rate, method="euler"))
    _, expected = observed(group_of(rate, method="euler"), accelerated=False)
    _, found = observed(group_of(rate, method="euler"), strict=False)
    assert expected[0].size
    assert np.array_equal(expected[1], found[1])
    assert np.allclose(expected[3], found[3], rtol=0, atol=1e-13)


def linked():
    group = group_of("(x - v)/tau", declared="x : 1 (linked)")
    group.x = b2.linked_var(group_of(), "I")
    return group


REJECTED = [
    (lambda: group_of("(I - v + xi*tau**0.5)/tau", method="euler"), "stochastic .*xi"),
    (lambda: group_of("(I - v)*v/tau", method="euler"), "does not have the form dv/dt = "),
    (lambda: group_of("I/tau"), "does not have the form dv/dt = "),
    (lambda: group_of("(g - v)/tau", declared="dg/dt = -g/tau : 1"), "one differential .* got 2"),
    (lambda: group_of("(I*sin(t/ms) - v)/tau", method="euler"), "(sin|t) varies over time"),
    (lambda: group_of("(I*t/ms - v)/tau", method="euler"), "t varies over time"),
    (lambda: group_of("(K - v)/tau", namespace={"K": b2.TimedArray([1.0, 2.0], dt=1 * ms)},
                      method="euler"), "K varies over time"),
    (lambda: group_of("(K*I - v)/tau", declared="K : integer"), "K must have dtype .* int32"),
    (lambda: group_of("(i*I - v)/tau"), "i must have dtype float64"),
    (lambda: group_of(dtype=np.float32), "v must have dtype float64, got float32"),
    (lambda: group_of(dtype={"I": np.float32}), "I must have dtype float64, got float32"),
    (lambda: group_of(threshold="v > 1 and v < 2"), "threshold must be 'v > value'"),
    (lambda: group_of(threshold="v - I > 1"), "threshold must be 'v > value'"),
    (lambda: group_of(threshold="v > 1 + v**2"), "threshold must be 'v > value'"),
    (lambda: group_of(threshold="v > 2*I"), "2 \\* I.* one value per neuron"),
    (lambda: group_of(threshold="v > rand()"), "rand varies over time or is a function"),
    (lambda: group_of(threshold=None, reset=None), "must have a threshold .* got none"),
    (lambda: group_of(events={"low": "v < 0"}), "no other events, got 'low', 'spike'"),
    (lambda: group_of(refractory="v > 0.5"), "refractory must be a time, .* got 'v > 0.5'"),
    (lambda: group_of(refractory="I > 0.5"), "refractory must be a time"),
    (lambda: group_of(refractory="rand()*ms"), "rand varies"),
    (lambda: group_of(refractory="pause", declared="pause : second"), "refractory must be a time"),
    (lambda: group_of(method="rk4"), "method='rk4' becomes .* in Brian2; fastlif accepts"),
    (lambda: group_of(each="I R", rate="(v_rest - v + I*R/J*v_rest + I)/tau"), "fastlif|product"),
    (linked, "x is a linked variable"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), REJECTED)
def test_what_is_rejected_is_left_alone(make, reason):
    group = make()
    with pytest.raises(ValueError, match=reason):
        accelerate(group)
    assert "create_code_objects" not in vars(group.state_updater)


def test_other_objects_are_rejected():
    group = group_of()
    for wrong in (group[:5], b2.PoissonGroup(3, 1 * b2.Hz), None, "v"):
        with pytest.raises(TypeError, match=r"group must be a brian2\.NeuronGroup, got"):
            accelerate(wrong)
    accelerate(group)
    with pytest.raises(ValueError, match="accelerated already"):
        accelerate(group)


def test_units_are_checked():
    group = group_of(threshold="v > 1*mV")
    with pytest.raises(b2.DimensionMismatchError):
        accelerate(group)


def test_preferences_are_checked(monkeypatch):
    group = group_of(refractory=1 * ms)
    b2.prefs.legacy.refractory_timing = True
    try:
        with pytest.raises(ValueError, match=r"legacy\.refractory_timing"):
            accelerate(group)
    finally:
        b2.prefs.legacy.refractory_timing = False


def test_standalone_mode_is_rejected():
    group = group_of()
    b2.set_device("cpp_standalone", build_on_run=False)
    with pytest.raises(ValueError, match="runtime mode, got the device CPPStandaloneDevice"):
        accelerate(group)


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 1 / 3e4, 0.1])
def test_least_elapsed_time(dt):
    periods = np.concatenate(
        [np.arange(50) * dt, np.random.default_rng(0).uniform(0, 99 * dt, 500)]
    )
    least = host._least_elapsed(periods, dt)
    steps = timestep(periods, dt)
    assert np.all(timestep(least, dt) >= steps)
    assert np.all((timestep(np.nextafter(least, -np.inf), dt) < steps) | (steps <= 0))
    assert host._least_elapsed(float(periods[7]), dt) == least[7]


def test_a_group_that_only_tests_or_only_integrates():
    def make(part):
        group = group_of(refractory=1 * ms)
        (group.state_updater if part else group.thresholder["spike"]).active = False
        return [group]

    same(lambda: make(True), steps=20)
    same(lambda: make(False), some=False, steps=20)
