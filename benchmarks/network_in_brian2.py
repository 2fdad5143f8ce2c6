"""The network of ``examples/embed_numba.py`` in Brian2, with the Cython target.

A step of Brian2 integrates, tests, adds the spikes that arrive, and resets. Here it adds them
before the test, as fastlif does. Spikes are then sent at the beginning of the next step, so that
the delay is one step shorter. Brian2 counts the step of a spike as the first one of the refractory
period, and fastlif does not.
"""

import brian2 as b2
import numpy as np

SCHEDULE = ["start", "groups", "synapses", "thresholds", "resets", "end"]
# Brian2's background is a binomial number. With so many sources, its distribution is Poisson's,
# except for a relative difference of 3e-7 in the variance; it takes as long as with few.
SOURCES = 1_000_000


class Network:
    """The network with given synapses and membranes, and otherwise the example's parameters.

    ``inputs`` (mV), with the shape (steps, neurons), replaces the random background.
    """

    def __init__(self, example, synapses, membranes, inputs=None):
        b2.device.reinit()
        b2.set_device("runtime")
        b2.prefs.codegen.target = "cython"
        neuron, size, self.dt = example.neuron, len(membranes), example.time_step * b2.ms
        self.group = group = b2.NeuronGroup(
            size, "dv/dt = -v/tau : 1 (unless refractory)", method="exact", dt=self.dt,
            threshold="v > threshold", reset="v = reset_to",
            refractory=neuron.refractory_time * b2.ms + self.dt,
            namespace={
                "tau": neuron.tau * b2.ms,
                "threshold": neuron.threshold,
                "reset_to": neuron.reset_to,
            },
        )  # fmt: skip
        group.v = membranes
        if inputs is None:
            rate = example.background_rate / SOURCES / self.dt
            self.background = b2.PoissonInput(group, "v", SOURCES, rate, float(synapses.weights[0]))
        else:
            group.namespace["inputs"] = b2.TimedArray(inputs.astype(np.float64), dt=self.dt)
            self.background = group.run_regularly("v += inputs(t, i)", when="synapses")
        self.monitor = b2.SpikeMonitor(group)
        self.net = b2.Network(group, self.background, self.monitor)
        self.net.schedule = SCHEDULE
        border = example.excitatory_among(size)
        for first, last in ((0, border), (border, size)):
            begin, end = synapses.first[first], synapses.first[last]
            source = np.repeat(np.arange(last - first), np.diff(synapses.first[first : last + 1]))
            pathway = b2.Synapses(
                group[first:last], group, on_pre=f"v_post += {float(synapses.weights[first])}",
                delay=(example.delay - 1) * self.dt,
            )  # fmt: skip
            pathway.connect(i=source, j=synapses.targets[begin:end].astype(np.int64))
            self.net.add(pathway)
        self.run(0)
        self.net.store()

    def restart(self, membranes, seed):
        """Return to the state before the first step, with these membranes and this seed."""
        self.net.restore()
        self.group.v = membranes
        b2.seed(seed)

    def run(self, steps):
        """Simulate; return the seconds of the loop over time, without those to prepare it."""
        seconds = []
        note = lambda elapsed, *_: seconds.append(float(elapsed))  # noqa: E731
        # Brian2 reports at the beginning, after a period that is never over, and at the end.
        self.net.run(steps * self.dt, report=note, report_period=1e9 * b2.second)
        return seconds[-1]

    def share_of_background(self, steps):
        """Return the fraction of Brian2's time that its profile assigns to the background."""
        self.net.run(steps * self.dt, profile=True)
        seconds = {name: float(each) for name, each in self.net.profiling_info}
        return seconds[self.background.name] / sum(seconds.values())

    def events(self):
        """Return the spikes as rows (step, neuron), sorted."""
        step = np.rint(self.monitor.t / self.dt).astype(np.int64)
        rows = np.stack((step, self.monitor.i), axis=1)
        return rows[np.lexsort((rows[:, 1], rows[:, 0]))]
