"""The experiments of snnTorch's tutorial 2 with fastlif, as figures.

Passive decay; Lapicque's neuron without stimulus, with a step current, and firing with reset by
subtraction; and the last experiment for 100,000 neurons, each with a different current, in one
call.
"""

import argparse
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np

import fastlif
from fastlif import plot

ms = 1e3  # seconds to milliseconds


def passive_decay():
    """Step the tutorial's passive membrane in a loop, from 0.9 V."""
    U, U_trace = 0.9, []
    for _ in range(100):
        U_trace.append(U)
        U = fastlif.leaky_integrate_neuron(U, time_step=1e-3, R=5e7, C=1e-10)
    return np.array(U_trace)


def without_stimulus():
    """Simulate Lapicque's neuron from 0.9 V without current; the trace starts at 0.9 V."""
    lif1 = fastlif.Lapicque(R=5, C=1e-3, time_step=1e-3)
    run = lif1.run(np.zeros(100, np.float32), initial=0.9)
    return np.array([0.9, *run.membrane])


def with_step_current():
    """Simulate Lapicque's neuron with 0.1 A from step 10 on: no spikes, it converges to I*R."""
    lif1 = fastlif.Lapicque(R=5, C=1e-3, time_step=1e-3)
    cur_in = np.concatenate((np.zeros(10), np.full(190, 0.1))).astype(np.float32)
    run = lif1.run(cur_in)
    return cur_in, np.array([0.0, *run.membrane]), run.spikes


def firing(current=0.2):
    """Simulate the tutorial's leaky_integrate_and_fire with a current that makes it fire."""
    neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1)
    cur_in = np.concatenate((np.zeros(10), np.full(190, current))).astype(np.float32)
    run = neuron.run(cur_in)
    return cur_in, run.membrane, run.spikes


def population(size=100_000, steps=200):
    """Simulate the same neuron many times, each with a different step current, in one call."""
    neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3, threshold=1)
    amplitude = np.linspace(0.1, 0.6, size, dtype=np.float32)
    cur_in = np.zeros((steps, size), np.float32)
    cur_in[10:] = amplitude
    run = neuron.run(cur_in)
    # Repeat the run to time it without compilation and memory allocation.
    start = time.perf_counter()
    run = neuron.run(cur_in, out={"membrane": run.membrane, "spikes": run.spikes})
    seconds = time.perf_counter() - start
    return amplitude, run.membrane, run.spikes, seconds


def figures(plt):
    """Run each experiment; yield its name, its figure and a summary."""
    SI = {"time_step": 1e-3, "membrane_unit": "V"}

    U_trace = passive_decay()
    axis = plot.traces(U_trace[1:], initial=U_trace[0], **SI)
    axis.set_title("Leaky integrate neuron: passive decay")
    tau = np.argmax(U_trace < 0.9 / np.e)
    summary = f"0.9 V falls below 0.9/e V after {tau} ms (RC = 5 ms)"
    yield "passive_decay", axis.figure, summary

    mem = without_stimulus()
    axis = plot.traces(mem[1:], initial=mem[0], **SI)
    axis.set_title("Lapicque's neuron model without stimulus")
    summary = f"{mem[0]:.1f} V decays to {mem[-1]:.1e} V in 100 ms"
    yield "lapicque_without_stimulus", axis.figure, summary

    cur_in, mem, spk = with_step_current()
    axes = plot.stack(cur_in, mem[1:], initial=mem[0], current_unit="A", **SI)
    axes[0].set_title("Lapicque's neuron model with a step current")
    axes[-1].set_xlim(0, 100)
    summary = f"converges to {mem[-1]:.3f} V (I*R = 0.500 V), {spk.sum()} spikes"
    yield "lapicque_step_current", axes[0].figure, summary

    for current in (0.2, 0.3):
        cur_in, mem, spk = firing(current)
        axes = plot.stack(cur_in, mem, spk, threshold=1, current_unit="A", **SI)
        axes[0].set_title(f"Firing with reset by subtraction, {current} A")
        times = ", ".join(str(t) for t in np.flatnonzero(spk))
        summary = f"steps with a spike: {times}"
        yield f"firing_{current:.1f}A".replace(".", "_"), axes[0].figure, summary

    amplitude, membrane, spikes, seconds = population()
    figure, (top, middle, bottom) = plt.subplots(
        3, figsize=(6.4, 7), height_ratios=(1, 2, 1.4), layout="constrained"
    )
    shown = np.searchsorted(amplitude, [0.15, 0.3, 0.5])
    labels = [f"{current:.2f} A" for current in amplitude[shown]]
    plot.traces(membrane, neurons=shown, labels=labels, threshold=1, ax=top, **SI)
    top.set_title(f"A population of {len(amplitude):,} neurons in one call")
    every = slice(None, None, 500)
    plot.raster(spikes[:, every], y=amplitude[every], time_step=1e-3, ax=middle)
    middle.set_ylabel("input current (A)\nof every 500th neuron")
    plot.fi_curve(amplitude, spikes.sum(axis=0) / 0.19, current_unit="A", ax=bottom)
    bottom.set_xlabel("input current (A)")
    bottom.margins(x=0)
    rate = spikes.size / seconds
    summary = (
        f"{spikes.sum():,} spikes of {len(amplitude):,} neurons in {len(spikes)} steps, "
        f"{seconds * ms:.0f} ms ({rate / 1e9:.2f} billion neuron-steps per second)"
    )
    yield "population", figure, summary


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "-o", "--output-dir", type=Path, default=Path("figures"),
        help="folder of the PNG files (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="also show the figures in windows")
    arguments = parser.parse_args()
    if not arguments.show:
        mpl.use("Agg")
    import matplotlib.pyplot as plt  # after the backend is chosen

    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    for name, figure, summary in figures(plt):
        path = arguments.output_dir / f"{name}.png"
        figure.savefig(path, dpi=150)
        print(f"{name:26} {summary}\n{'':26} -> {path}")
        if not arguments.show:
            plt.close(figure)
    if arguments.show:
        plt.show()


if __name__ == "__main__":
    main()
