"""Nengo: LIF.step, called as Nengo's simulator does, in double precision."""

import nengo
import numpy as np
from workloads import DT

from contenders import Entry, Unsupported
from contenders.arrays import loop, readers
from fastlif import presets

PACKAGE = "nengo"


def entry(task):
    if task.workload.each:
        raise Unsupported("the parameters of LIF are single numbers")
    current = task.over_time.astype(np.float64)
    neuron, record = nengo.LIF(tau_rc=task.tau), task.workload.record

    def run():
        output, voltage, refractory = np.zeros((3, current.shape[1]))

        def step(J):
            neuron.step(DT, J, output, voltage=voltage, refractory_time=refractory)
            return output > 0, voltage

        return loop(step, current, record)

    own = current[0] if task.workload.constant else current
    return Entry(run, presets.nengo_lif(tau_rc=task.tau, dt=DT), own, *readers(record))


CONTENDERS = {"Nengo LIF": entry}
