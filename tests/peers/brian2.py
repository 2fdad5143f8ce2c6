"""Brian2's leaky integrate-and-fire neuron, stepped through given currents."""

import brian2
import numpy as np

PACKAGE = "Brian2"

# A compiler may contract or reorder operations; NumPy computes them as written.
brian2.prefs.codegen.target = "numpy"


def brian2_lif(
    current,
    *,
    tau=0.01,
    v_rest=0.0,
    v_th=1.0,
    v_reset=0.0,
    R=1.0,
    refractory=0.0,
    method="exact",
    dt=1e-4,
):
    """Run (T, N) currents; return each step's spikes and its membrane after the reset.

    A number is a constant of Brian2's namespace, an array (N,) a parameter of the equations.
    """
    current = np.asarray(current, np.float64)
    T, N = current.shape
    equation = {"tau": tau, "v_rest": v_rest, "R": R}
    # Brian2 orders the operations by which of these are constants; here, all of them or none.
    if any(np.ndim(v) for v in equation.values()):
        equation = {k: np.broadcast_to(v, N) for k, v in equation.items()}
    given = equation | {"v_th": v_th, "v_reset": v_reset, "pause": refractory}
    units = dict.fromkeys(given, "1") | {"tau": "second", "pause": "second"}
    namespace, declared = {"second": brian2.second}, ["I : 1"]
    for k, v in given.items():
        if np.ndim(v):
            declared.append(f"{k} : {units[k]} (constant)")
        else:
            namespace[k] = v * brian2.second if units[k] == "second" else v
    refracts = bool(np.any(np.greater(refractory, 0)))
    rate = "dv/dt = (v_rest - v + R*I)/tau : 1" + (" (unless refractory)" if refracts else "")

    brian2.defaultclock.dt = dt * brian2.second
    group = brian2.NeuronGroup(
        N,
        "\n".join([rate, *declared]),
        threshold="v > v_th",
        reset="v = v_reset",
        refractory="pause" if refracts else False,
        method=method,
        namespace=namespace,
    )
    for k in given.keys() - namespace.keys():
        setattr(group, k + "_", given[k])
    group.v = v_rest

    rows, steps = iter(current), iter(range(T))
    spikes, membrane = np.zeros((T, N), bool), np.full((T, N), np.nan)

    @brian2.network_operation(when="start")
    def feed():
        group.I = next(rows)

    @brian2.network_operation(when="end")
    def record():
        t = next(steps)
        spikes[t, group.spikes] = True
        membrane[t] = group.v

    brian2.Network(group, feed, record).run(T * dt * brian2.second, namespace={})
    assert not np.isnan(membrane).any()
    return spikes, membrane
