"""NEST: iaf_psc_delta with constant currents or one generator per neuron; only Run is timed."""

import os

import nest
import numpy as np
from workloads import DT

from contenders import Entry, Unsupported
from fastlif import presets

PACKAGE = "nest-simulator"
LEAST, MOST_GENERATORS = 1.0, 5000  # ms; more generators take minutes to build


def entry(task):
    workload, size = task.workload, task.current.shape[-1]
    if "membrane" in workload.record or workload.each:
        raise Unsupported("measured only with spikes or counts, because a multimeter takes minutes")
    if not workload.constant and size > MOST_GENERATORS:
        raise Unsupported(
            f"measured up to {MOST_GENERATORS} neurons, because each needs a generator"
        )
    # R = tau_m/C_m = 1 mV/pA, so that currents in pA equal the other contenders' volts.
    parameters = {
        "tau_m": task.tau * 1e3, "C_m": task.tau * 1e3, "t_ref": 0.0, "E_L": 0.0, "V_reset": 0.0,
        "V_th": task.threshold,
    }  # fmt: skip
    step = DT * 1e3
    current = task.current.astype(np.float64)
    built = {}

    def setup():
        nest.ResetKernel()
        nest.set_verbosity("M_ERROR")
        nest.resolution = step
        nest.local_num_threads = len(os.sched_getaffinity(0))
        neurons = nest.Create("iaf_psc_delta", size, {**parameters, "V_m": 0.0})
        if workload.constant:
            neurons.I_e = current
        else:
            # A current emitted at the end of step 1 acts in step 2: two extra steps come first.
            times = step * np.arange(1, len(current) + 1)
            generators = nest.Create("step_current_generator", size)
            for generator, row in zip(generators, current.T, strict=True):
                generator.set(amplitude_times=times, amplitude_values=row)
            nest.Connect(generators, neurons, "one_to_one", {"delay": step})
        recorder = nest.Create("spike_recorder")
        nest.Connect(neurons, recorder)
        nest.Prepare()
        built.update(neurons=neurons, recorder=recorder)

    lead = 0 if workload.constant else 2

    def run():
        nest.Run((task.steps + lead) * step)
        return built["recorder"]

    def counts(recorder):
        nest.Cleanup()
        senders = np.asarray(recorder.events["senders"], np.int64) - built["neurons"][0].global_id
        return np.bincount(senders, minlength=size)

    own = presets.nest_iaf_psc_delta(**parameters, dt=step)
    return Entry(run, own, current, counts, setup=setup)


CONTENDERS = {"NEST iaf_psc_delta": entry}
