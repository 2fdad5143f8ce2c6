"""The errors of Euler steps and exact integration, and the effect of spike times within steps.

Left: the error of the membrane after 50 ms of a constant current, against the time step. Right: the
firing rate compared with the closed form ``1/(t_ref + R*C*log1p(1/(R*I - 1)))``, with steps of 2
ms.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

import fastlif
from fastlif import plot

R, C, t_ref = 5.1, 5e-3, 4e-3
tau = R * C


def errors(integration, steps):
    """Return the error of the membrane after 50 ms for each number of steps."""
    found = []
    for count in steps:
        neuron = fastlif.LIF(
            R=R, C=C, time_step=0.05 / count, integration=integration,
            reset_mechanism="none", threshold=np.inf,
        )  # fmt: skip
        run = neuron.run(np.float64(0.3), steps=int(count), record=())
        found.append(abs(run.final.mem - 0.3 * R * -np.expm1(-0.05 / tau)))
    return np.array(found)


def rates(current, **settings):
    """Return the firing rates of neurons with these currents over 20 s, with steps of 2 ms."""
    neuron = fastlif.LIF(
        R=R, C=C, time_step=2e-3, order="at_once", reset_mechanism="zero",
        refractory_time=t_ref, **settings,
    )  # fmt: skip
    return neuron.run(current, steps=10_000, record="counts").counts / 20


def figure(plt):
    """Draw both panels."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    steps = np.unique(np.geomspace(4, 4096, 21).astype(int))
    ms = 50 / steps
    left.loglog(ms, errors("euler", steps), "o-", label='integration="euler"')
    left.loglog(ms, np.maximum(errors("exact", steps), 1e-17), "s-", label='integration="exact"')
    left.loglog(ms, ms / ms[0] * errors("euler", steps[:1]), "k:", label="order 1")
    left.set(xlabel="time_step (ms)", ylabel="error of the membrane (V)")
    left.legend()

    current = np.linspace(0.19, 1.2, 400)
    closed = np.zeros_like(current)
    fires = current * R > 1
    closed[fires] = 1 / (t_ref + tau * np.log1p(1 / (current[fires] * R - 1)))
    within = rates(current, integration="exact", within_step=True)
    curves = {"current_unit": "A", "ax": right}
    plot.fi_curve(current, rates(current), label="euler", lw=1, **curves)
    plot.fi_curve(current, rates(current, integration="exact"), label="exact", lw=1, **curves)
    label = "exact, spike times within steps"
    plot.fi_curve(current, within, label=label, lw=3, alpha=0.5, **curves)
    plot.fi_curve(current, closed, label="closed form", color="k", ls=":", **curves)
    right.legend(loc="lower right")  # in the corner that no f-I curve reaches
    return fig


def main():
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "-o", "--output-dir", type=Path, default=Path("figures"),
        help="folder of the PNG file (default: %(default)s)",
    )  # fmt: skip
    folder = parser.parse_args().output_dir
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "convergence.png"
    figure(plt).savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
