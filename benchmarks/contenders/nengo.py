"""Nengo: LIF.step, as its simulator calls it, in its own double precision."""

import nengo
import numpy as np
from workloads import DT

from contenders import Entry, Unsupported
from fastlif import presets

PACKAGE = "nengo"


def entry(task):
    if task.workload.each:
        raise Unsupported("LIF's parameters are numbers")
    current = task.over_time.astype(np.float64)
    neuron, record, shape = nengo.LIF(tau_rc=task.tau), task.workload.record, current.shape

    def run():
        membrane = np.empty(shape) if "membrane" in record else None
        spikes = np.empty(shape, np.bool_) if "spikes" in record else None
        counts = np.zeros(shape[1], np.int64) if "counts" in record else None
        output, voltage, refractory = np.zeros((3, shape[1]))
        for t, J in enumerate(current):
            neuron.step(DT, J, output, voltage=voltage, refractory_time=refractory)
            if membrane is not None:
                membrane[t] = voltage
            if spikes is not None:
                np.greater(output, 0, out=spikes[t])
            if counts is not None:
                counts += output > 0
        return membrane, spikes, counts

    spikes = (lambda result: result[1]) if "spikes" in record else None
    counts = lambda result: result[1].sum(0) if spikes else result[2]  # noqa: E731
    own = current[0] if task.workload.constant else current
    return Entry(run, presets.nengo_lif(tau_rc=task.tau, dt=DT), own, counts, spikes)


CONTENDERS = {"Nengo LIF": entry}
