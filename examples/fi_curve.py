"""The firing rates of a million neurons, over the mean and the noise of their current.

Each neuron has its own mean and standard deviation: the means form one axis of the population, the
noise the other. The noise is generated during the run, so that no array over time exists.

Left: the firing rate of each neuron. Right: some rows of it, compared with closed forms: without
noise, ``1/(t_ref + tau*log(mean/(mean - threshold)))``; with noise, that of Siegert [1]_ for
continuous time. Steps miss what happens between them. On average, this delays a spike without noise
by half a step, and has the effect of a threshold that is higher by 0.5826 standard deviations of
the noise of one step [2]_. The closed forms contain both.

References
----------
.. [1] A. J. F. Siegert, "On the first passage time probability problem", Physical Review 81, 1951.
.. [2] M. Broadie, P. Glasserman and S. Kou, "A continuity correction for discrete barrier options",
   Mathematical Finance 7, 1997.
"""

import argparse
import math
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np

import fastlif
from fastlif import plot

tau, t_ref, threshold = 20.0, 2.0, 15.0  # ms, ms, mV
time_step = 0.1  # ms
transient = 200.0  # ms that are not counted
largest_mean, largest_noise = 30.0, 6.0  # mV
LEVELS = 0.0, 1.5, 3.0, 6.0  # of the noise, for the curves (mV)

neuron = fastlif.LIF(
    tau=tau, time_step=time_step, threshold=threshold, reset_mechanism="zero",
    refractory_time=t_ref, integration="exact", order="at_once",
)  # fmt: skip


def axes_of_population(rows, columns):
    """Return the means (mV, one per column) and the noise (mV, one per row).

    With R = 1, a constant current in mV is the membrane to which it leads. The noise is the
    standard deviation of a membrane that does not fire.
    """
    means = np.linspace(0, largest_mean, columns, dtype=np.float32)
    return means, np.linspace(0, largest_noise, rows, dtype=np.float32)


def rates(means, noise, seconds, seed=1):
    """Return the firing rate (Hz) of each neuron, and how long the simulation took."""
    remains = math.exp(-time_step / tau)
    # Of independent currents, whose sum has the standard deviation ``noise`` after leaking.
    std = noise * np.float32(math.sqrt((1 + remains) / (1 - remains)))
    source = fastlif.GaussianCurrent(means, std[:, None], seed=seed)
    state = neuron.initial_state((len(noise), len(means)))
    state = neuron.run(source, steps=round(transient / time_step), initial=state, record=()).final
    steps = round(1000 * seconds / time_step)
    begin = time.perf_counter()
    run = neuron.run(source, steps=steps, initial=state, record="counts")
    return run.counts / seconds, steps * run.counts.size / (time.perf_counter() - begin)


def scaled_density(x):
    """Return exp(x**2)*(1 + erf(x))."""
    if x < -5:  # an asymptotic series, because exp(x**2) becomes too large
        return (1 - 1 / (2 * x**2) + 3 / (4 * x**4)) / (-x * math.sqrt(math.pi))
    return math.exp(x**2) * math.erfc(-x)


def closed_form(mean, noise):
    """Return the firing rate (Hz) for a mean and noise in mV."""
    if noise == 0:
        if mean <= threshold:
            return 0.0
        return 1000 / (t_ref + time_step / 2 + tau * math.log(mean / (mean - threshold)))
    higher = threshold + 0.5826 * noise * math.sqrt(2 * time_step / tau)
    begin, end = -mean / (math.sqrt(2) * noise), (higher - mean) / (math.sqrt(2) * noise)
    if end > 6:
        return 0.0  # less than one spike per 10**12 s
    x = np.linspace(begin, end, 1001)
    integral = np.trapezoid([scaled_density(each) for each in x], x)
    return 1000 / (t_ref + tau * math.sqrt(math.pi) * integral)


def figure(plt, means, noise, found):
    """Draw both panels."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4), layout="constrained")
    image = left.imshow(
        found, origin="lower", aspect="auto", cmap="cividis", interpolation="nearest",
        extent=(means[0], means[-1], noise[0], noise[-1]),
    )  # fmt: skip
    left.axvline(threshold, color="w", ls="--", lw=1)
    left.annotate(
        "threshold", (threshold, largest_noise), (-4, -6), color="w", rotation=90,
        textcoords="offset points", ha="right", va="top",
    )  # fmt: skip
    left.set(
        xlabel="mean input (mV)",
        ylabel="noise, standard deviation (mV)",
        title=f"{found.size:,} neurons",
    )
    fig.colorbar(image, ax=left, label="firing rate (Hz)")

    few = means[:: max(1, len(means) // 250)]
    rows = [int(np.abs(noise - level).argmin()) for level in LEVELS]
    # Means over neurons with nearly the same noise; those without any have no neighbors.
    near = [slice(max(0, row - len(noise) // 100), row + len(noise) // 100 + 1) for row in rows]
    near = [part if row else slice(0, 1) for part, row in zip(near, rows, strict=True)]
    for row, part in zip(rows, near, strict=True):
        label = f"noise {noise[row]:.1f} mV" if row else "no noise"
        plot.fi_curve(means, found[part].mean(axis=0), label=label, lw=4, alpha=0.5, ax=right)
    for part in near:
        closed = [closed_form(float(mean), float(noise[part].mean())) for mean in few]
        plot.fi_curve(few, closed, color="k", ls=":", lw=1.2, ax=right)
    right.lines[-1].set_label("closed form")
    right.set(xlabel="mean input (mV)")
    right.legend(loc="upper left")
    return fig


def main():
    """Simulate, and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1000, help="levels of noise")
    parser.add_argument("--columns", type=int, default=1000, help="means")
    parser.add_argument("--seconds", type=float, default=1.0, help="simulated time")
    parser.add_argument(
        "-o", "--output-dir", type=Path, default=Path("figures"),
        help="folder of the PNG file (default: %(default)s)",
    )  # fmt: skip
    arguments = parser.parse_args()
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    means, noise = axes_of_population(arguments.rows, arguments.columns)
    found, speed = rates(means, noise, arguments.seconds)
    print(f"{found.size:,} neurons, {speed / 1e9:.2f} billion neuron-steps per second")
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    path = arguments.output_dir / "fi_curve.png"
    figure(plt, means, noise, found).savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
