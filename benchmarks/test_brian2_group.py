"""Networks in Brian2 with and without fastlif's kernels: the same spikes, then times."""

import statistics
import warnings

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore")
SYNAPSES = 20  # per neuron


@pytest.fixture(scope="module")
def b2():
    with warnings.catch_warnings():  # Brian2's own warnings
        warnings.simplefilter("ignore")
        try:
            import brian2
        except ImportError as error:
            pytest.skip(f"missing: brian2 ({error})")
    brian2.BrianLogger.log_level_error()
    brian2.set_device("runtime")
    return brian2


class Simulation:
    """A network of neurons with parameters of their own (``each``) or not."""

    def __init__(self, b2, size, *, accelerated, refractory, each, synapses):
        self.b2, self.dt, rng = b2, 0.1 * b2.ms, np.random.default_rng(0)
        flag = " (unless refractory)" if refractory else ""
        declared = "\ntau : second (constant)" if each else ""
        group = b2.NeuronGroup(
            size, f"dv/dt = (v_rest - v + R*I)/tau : volt{flag}\nI : amp{declared}",
            threshold="v > -50*mV", reset="v = v_rest", method="exact", dt=self.dt,
            refractory=2 * b2.ms if refractory else False,
            namespace={"v_rest": -70 * b2.mV, "R": 100 * b2.Mohm}
            | ({} if each else {"tau": 10 * b2.ms}),
        )  # fmt: skip
        group.v = rng.uniform(-70, -50, size) * b2.mV
        group.I = rng.uniform(0.15, 0.25, size) * b2.nA
        if each:
            group.tau = rng.uniform(5, 15, size) * b2.ms
        self.spikes = b2.SpikeMonitor(group, record=False)
        parts = [group, self.spikes]
        if synapses:
            pathway = b2.Synapses(group, group, on_pre="v += 0.1*mV", delay=1 * b2.ms)
            pathway.connect(
                i=np.repeat(np.arange(size), SYNAPSES), j=rng.integers(0, size, SYNAPSES * size)
            )
            parts.append(pathway)
        self.net = b2.Network(*parts)
        if accelerated:
            from fastlif.interop.brian2 import accelerate

            accelerate(group)
        self.net.store()

    def run(self, steps):
        """Simulate from the start; return the seconds of the loop over time."""
        self.net.restore()
        seconds = []
        note = lambda elapsed, *_: seconds.append(float(elapsed))  # noqa: E731
        # Brian2 reports at the beginning, after a period that is never over, and at the end.
        self.net.run(steps * self.dt, report=note, report_period=1e9 * self.b2.second)
        return seconds[-1]

    def counts(self):
        """Return the number of spikes of each neuron."""
        return np.array(self.spikes.count)


KINDS = {
    "constants": {"refractory": False, "each": False},
    "refractory": {"refractory": True, "each": False},
    "own time constants": {"refractory": True, "each": True},
}


@pytest.mark.benchmark(group="a group inside Brian2")
@pytest.mark.parametrize("synapses", [False, True], ids=["", "synapses"])
@pytest.mark.parametrize("kind", KINDS)
def test_group_inside_brian2(benchmark, b2, request, kind, synapses):
    """Compare the counts with the NumPy target's, then times with the Cython target's."""
    size = request.config.getoption("host_neurons")
    steps = request.config.getoption("peer_steps")
    options = {"synapses": synapses, **KINDS[kind]}
    b2.prefs.codegen.target = "numpy"
    reference = Simulation(b2, size, accelerated=False, **options)
    reference.run(steps)
    b2.prefs.codegen.target = "cython"
    own = Simulation(b2, size, accelerated=True, **options)
    theirs = Simulation(b2, size, accelerated=False, **options)
    own.run(steps)
    assert own.counts().any()
    assert np.array_equal(own.counts(), reference.counts())

    pairs = []
    benchmark.pedantic(
        lambda: pairs.append((theirs.run(steps), own.run(steps))),
        rounds=request.config.getoption("peer_rounds"),
        warmup_rounds=1,
    )
    ratio = statistics.median(a / b for a, b in pairs[1:])
    seconds = [statistics.median(times) / steps for times in zip(*pairs[1:], strict=True)]
    benchmark.extra_info.update({
        "neurons": size,
        "seconds per step of Brian2 Cython": seconds[0],
        "seconds per step": seconds[1],
        "times as fast as Brian2 Cython": ratio,
    })  # fmt: skip
    print(
        f"\n{size} neurons: {seconds[1] * 1e6:.0f} µs per step, Brian2 Cython "
        f"{seconds[0] * 1e6:.0f} µs, {ratio:.1f} times as fast"
    )
