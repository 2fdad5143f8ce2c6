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


def line(axis, x, y, ylabel, **style):
    axis.plot(x, y, linewidth=1.2, **style)
    axis.set_ylabel(ylabel)
    axis.margins(x=0)
    axis.spines[["top", "right"]].set_visible(False)


def threshold_line(axis, threshold=1.0):
    axis.axhline(threshold, color="tab:red", linestyle="--", linewidth=0.8, label="threshold")
    axis.legend(loc="lower right", framealpha=0.9, edgecolor="none")


def figures(plt):
    """Run each experiment; yield its name, its figure and a summary."""
    step = 1.0  # ms

    U_trace = passive_decay()
    figure, axis = plt.subplots(figsize=(6, 3))
    line(axis, np.arange(100) * step, U_trace, "membrane potential (V)")
    axis.set(title="Leaky integrate neuron: passive decay", xlabel="time (ms)")
    tau = np.argmax(U_trace < 0.9 / np.e)
    yield "passive_decay", figure, f"0.9 V falls below 0.9/e V after {tau} ms (RC = 5 ms)"

    mem = without_stimulus()
    figure, axis = plt.subplots(figsize=(6, 3))
    line(axis, np.arange(101) * step, mem, "membrane potential (V)")
    axis.set(title="Lapicque's neuron model without stimulus", xlabel="time (ms)")
    yield "lapicque_without_stimulus", figure, f"{mem[0]:.1f} V decays to {mem[-1]:.1e} V in 100 ms"

    cur_in, mem, spk = with_step_current()
    figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=(6, 4))
    line(top, np.arange(201) * step, mem, "membrane (V)")
    line(bottom, np.arange(200) * step, cur_in, "current (A)", color="tab:orange")
    top.set_title("Lapicque's neuron model with a step current")
    bottom.set(xlabel="time (ms)", xlim=(0, 100))
    summary = f"converges to {mem[-1]:.3f} V (I*R = 0.500 V), {spk.sum()} spikes"
    yield "lapicque_step_current", figure, summary

    for current in (0.2, 0.3):
        cur_in, mem, spk = firing(current)
        figure, (top, middle, bottom) = plt.subplots(
            3, sharex=True, figsize=(6, 5), height_ratios=(1, 2, 0.5)
        )
        line(top, np.arange(200) * step, cur_in, "current (A)", color="tab:orange")
        line(middle, np.arange(200) * step, mem, "membrane (V)")
        threshold_line(middle)
        bottom.eventplot(np.flatnonzero(spk) * step, colors="black", linewidths=1.2)
        bottom.set(ylabel="spikes", xlabel="time (ms)", yticks=[], xlim=(0, 200))
        bottom.spines[["top", "right", "left"]].set_visible(False)
        top.set_title(f"Firing with reset by subtraction, {current} A")
        times = ", ".join(str(t) for t in np.flatnonzero(spk))
        yield f"firing_{current:.1f}A".replace(".", "_"), figure, f"spikes at {times} ms"

    amplitude, membrane, spikes, seconds = population()
    figure, (top, middle, bottom) = plt.subplots(3, figsize=(6, 7), height_ratios=(1, 2, 1.4))
    for j in np.searchsorted(amplitude, [0.15, 0.3, 0.5]):
        line(top, np.arange(200), membrane[:, j], "membrane (V)", label=f"{amplitude[j]:.2f} A")
    top.axhline(1.0, color="tab:red", linestyle="--", linewidth=0.8)
    top.legend(loc="lower right", framealpha=0.9, edgecolor="none", ncols=3)
    top.set(title=f"A population of {len(amplitude):,} neurons in one call", xlabel="time (ms)")
    shown = slice(None, None, 500)
    steps, neurons = np.nonzero(spikes[:, shown])
    middle.plot(steps, amplitude[shown][neurons], "k|", markersize=2, markeredgewidth=0.6)
    middle.set(xlabel="time (ms)", ylabel="input current (A)\nof every 500th neuron", xlim=(0, 200))
    line(bottom, amplitude, spikes.sum(axis=0) / 0.19, "firing rate (Hz)")
    bottom.set_xlabel("input current (A)")
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
        figure.tight_layout()
        figure.savefig(path, dpi=150)
        print(f"{name:26} {summary}\n{'':26} -> {path}")
        if not arguments.show:
            plt.close(figure)
    if arguments.show:
        plt.show()


if __name__ == "__main__":
    main()
