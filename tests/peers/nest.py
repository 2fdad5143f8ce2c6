"""NEST's iaf_psc_delta, stepped through given currents."""

import os

import numpy as np

os.environ.setdefault("PYNEST_QUIET", "1")
import nest  # prints a banner unless PYNEST_QUIET is set

PACKAGE = "nest-simulator"

# The first possible amplitude of a generator, with time stamp 1, acts in the update of step 2.
LEAD = 2


def nest_iaf_psc_delta(
    current,
    *,
    tau_m=10.0,
    C_m=250.0,
    t_ref=2.0,
    E_L=-70.0,
    I_e=0.0,
    V_th=-55.0,
    V_min=None,
    V_reset=-70.0,
    dt=0.1,
):
    """Run (T, N) currents in pA; return each step's spikes and its V_m - E_L after the update."""
    current = np.asarray(current, np.float64)
    T, N = current.shape
    parameters = {"tau_m": tau_m, "C_m": C_m, "t_ref": t_ref, "I_e": I_e, "E_L": 0.0, "V_m": 0.0}
    # NEST's state is V_m - E_L, and it compares it with these parameters minus E_L. It reports V_m,
    # the sum, which equals the state if E_L is 0.
    parameters |= {"V_th": np.subtract(V_th, E_L), "V_reset": np.subtract(V_reset, E_L)}
    if V_min is not None:
        parameters["V_min"] = np.subtract(V_min, E_L)

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.local_num_threads = 1
    nest.resolution = dt

    neurons = nest.Create("iaf_psc_delta", N)
    times = (np.arange(1, T + 1) * dt).tolist()
    generators = nest.Create(
        "step_current_generator",
        params=[{"amplitude_times": times, "amplitude_values": row} for row in current.T.tolist()],
        n=N,
    )
    multimeter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": dt})
    recorder = nest.Create("spike_recorder")
    for device in (multimeter, recorder):
        device.time_in_steps = True
    delay = {"delay": dt}
    nest.Connect(generators, neurons, "one_to_one", delay)
    nest.Connect(multimeter, neurons, syn_spec=delay)
    nest.Connect(neurons, recorder, syn_spec=delay)

    # The neurons are at rest until the first current arrives; only then I_e and V_min may act.
    nest.Simulate(LEAD * dt)
    neurons.set({k: np.broadcast_to(v, N).tolist() for k, v in parameters.items()})
    # The recorders receive the results of a step in a later step.
    nest.Simulate((T + 2) * dt)

    def placed(events):
        rows, columns = events["times"] - 1 - LEAD, events["senders"] - neurons[0].global_id
        within = (rows >= 0) & (rows < T)
        return (rows[within], columns[within]), within

    spikes, membrane = np.zeros((T, N), bool), np.full((T, N), np.nan)
    spikes[placed(recorder.events)[0]] = True
    where, within = placed(multimeter.events)
    membrane[where] = multimeter.events["V_m"][within]
    assert not np.isnan(membrane).any()
    return spikes, membrane
