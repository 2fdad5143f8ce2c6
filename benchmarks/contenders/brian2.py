"""Brian2: a NeuronGroup with the Cython target, and with C++ standalone mode and OpenMP."""

import os
import tempfile

import brian2 as b2
import numpy as np
from workloads import DT

from contenders import Entry, Unsupported
from fastlif import presets

PACKAGE = "Brian2"
EQUATIONS = "dv/dt = ({current} - v)/tau : 1\ntau : second (constant)\nv_th : 1 (constant)"


def network(task):
    """Build the model; return the network and its spike monitor."""
    constant = task.workload.constant
    current = "I0" if constant else "I(t, i)"
    equations = EQUATIONS.format(current=current) + ("\nI0 : 1 (constant)" if constant else "")
    dt = DT * b2.second
    namespace = {}
    if not constant:
        namespace["I"] = b2.TimedArray(task.current.astype(np.float64), dt=dt)
    size = task.current.shape[-1]
    group = b2.NeuronGroup(
        size, equations, threshold="v > v_th", reset="v = 0", method="euler", dt=dt,
        namespace=namespace,
    )  # fmt: skip
    group.tau, group.v_th = np.asarray(task.tau) * b2.second, task.threshold
    if constant:
        group.I0 = task.current.astype(np.float64)
    record = task.workload.record
    spikes = b2.SpikeMonitor(group, record="spikes" in record)
    membrane = b2.StateMonitor(group, "v", record=True, when="end") if "membrane" in record else ()
    parts = [group, spikes, membrane] if membrane else [group, spikes]
    return b2.Network(parts), spikes


def neuron_of(task):
    tau = np.broadcast_to(np.asarray(task.tau, np.float64), task.current.shape[-1:]).copy()
    return presets.brian2_lif(tau=tau, v_th=task.threshold, method="euler", dt=DT)


def cython(task):
    b2.device.reinit()
    b2.set_device("runtime")
    b2.prefs.codegen.target = "cython"
    net, spikes = network(task)
    net.store()
    duration = task.steps * DT * b2.second
    return Entry(
        lambda: net.run(duration),
        neuron_of(task),
        task.current.astype(np.float64),
        lambda _: np.asarray(spikes.count[:]),
        setup=net.restore,
    )


def standalone(task):
    """Time the program that Brian2 generates, from its start until its results are on disk."""
    if task.workload.record != ("counts",):
        raise Unsupported("measured only with counts, because dense results are written to disk")
    b2.device.reinit()
    b2.set_device("cpp_standalone", build_on_run=False)
    b2.prefs.devices.cpp_standalone.openmp_threads = len(os.sched_getaffinity(0))
    net, spikes = network(task)
    net.run(task.steps * DT * b2.second)
    b2.device.build(directory=tempfile.mkdtemp(), compile=True, run=False)
    return Entry(
        lambda: b2.device.run(),
        neuron_of(task),
        task.current.astype(np.float64),
        lambda _: np.asarray(spikes.count[:]),
    )


CONTENDERS = {"Brian2 Cython": cython, "Brian2 C++ OpenMP": standalone}
