"""The network of ``examples/embed_numba.py`` in Brian2, with the Cython target.

Brian2 integrates, tests, adds the spikes that arrive and resets. Here they are added before the
test, as in fastlif; spikes are therefore sent one step later, and the delay is one step shorter.
Brian2 counts the step of a spike as the first one of the refractory period; fastlif does not.
"""

import brian2 as b2
import numpy as np

SCHEDULE = ["start", "groups", "synapses", "thresholds", "resets", "end"]
SOURCES = 1_000_000  # Brian2 draws a binomial number, whose distribution is then Poisson's


class Network:
    """The network with the synapses, initial membranes and parameters of the example."""

    def __init__(self, example, synapses, membranes, counts=None):
        """Build it; ``counts``, with shape (steps, neurons), replaces the random background."""
        b2.device.reinit()
        b2.set_device("runtime")
        b2.prefs.codegen.target = "cython"
        neuron, size = example.neuron, len(membranes)
        self.dt = example.time_step * b2.ms
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
        weight = float(synapses.weights[0])
        if counts is None:
            rate = example.background_rate / SOURCES / self.dt
            external = b2.PoissonInput(group, "v", SOURCES, rate, weight)
        else:
            group.namespace["count"] = b2.TimedArray(counts.astype(float), dt=self.dt)
            external = group.run_regularly(f"v += {weight}*count(t, i)", when="synapses")
        self.spikes = b2.SpikeMonitor(group)
        border = example.excitatory_among(size)
        source = np.repeat(np.arange(size), np.diff(synapses.first))
        targets = synapses.targets.astype(int)
        parts = [group, external, self.spikes]
        for of_kind, first in ((source < border, 0), (source >= border, border)):
            size_of_kind = border if first == 0 else size - border
            pathway = b2.Synapses(
                group[first : first + size_of_kind], group, "", dt=self.dt,
                on_pre=f"v_post += {float(synapses.weights[first])}",
                delay=(example.delay - 1) * self.dt,
            )  # fmt: skip
            pathway.connect(i=source[of_kind] - first, j=targets[of_kind])
            parts.append(pathway)
        self.net = b2.Network(parts)
        self.net.schedule = SCHEDULE

    def run(self, steps):
        self.net.run(steps * self.dt)

    def events(self):
        """Return the spikes so far as rows (step, neuron), sorted."""
        step = np.rint(self.spikes.t / self.dt).astype(int)
        return np.stack((step, self.spikes.i), axis=1)
