"""A recurrent network of excitatory and inhibitory neurons, as one loop compiled with Numba.

The network is model A of Brunel (2000), J. Comput. Neurosci. 8:183-208: every neuron has random
excitatory and inhibitory synapses, with one transmission delay, and its own Poisson background.
fastlif provides the neurons, ``fastlif.embed.row(neuron)``; all the rest is in this file.
"""

import argparse
import math
import time
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

import fastlif

# Milliseconds and millivolts.
time_step = 0.1
delay = 15  # of all synapses, in steps: 1.5 ms
excitatory = 0.8  # fraction of the neurons
inputs = 200  # synapses onto each neuron: 2 % of 10,000 neurons
weight = 0.4  # of an excitatory spike
inhibition = -6 * weight  # weight of an inhibitory spike
background_rate = 0.3  # background spikes per neuron and step, on average: 3000 per second
transient = 1000  # steps that the statistics leave out

neuron = fastlif.LIF(
    tau=20, threshold=20, reset_mechanism="value", reset_to=10, refractory_time=2,
    time_step=time_step, input="voltage", integration="exact", order="at_once",
)  # fmt: skip


class Synapses(NamedTuple):
    """The synapses, sorted by source: those of neuron i reach targets[first[i] : first[i + 1]]."""

    first: np.ndarray
    targets: np.ndarray
    weights: np.ndarray  # one per source


def excitatory_among(size):
    """Return how many of the neurons are excitatory; they come first."""
    return round(excitatory * size)


def connect(size, rng):
    """Draw the sources of each neuron's inputs with replacement: 80 % of them are excitatory."""
    border, from_excitatory = excitatory_among(size), excitatory_among(inputs)
    sources = np.empty((size, inputs), np.int64)
    sources[:, :from_excitatory] = rng.integers(0, border, (size, from_excitatory))
    sources[:, from_excitatory:] = rng.integers(border, size, (size, inputs - from_excitatory))
    order = np.argsort(sources, axis=None, kind="stable")
    first = np.append(0, np.cumsum(np.bincount(sources.ravel(), minlength=size)))
    weights = np.where(np.arange(size) < border, weight, inhibition).astype(np.float32)
    # Numba need not look for negative indices if these are unsigned.
    return Synapses(first, (order // inputs).astype(np.uint32), weights)


class Background(NamedTuple):
    """Poisson input: the state of one random number generator per neuron, and the distribution."""

    a: np.ndarray
    b: np.ndarray
    below: tuple  # the probabilities of at most 0, 1, 2, ... spikes per step, times 2**32
    weight: np.float32


def background(size, rng):
    """Seed the generators, and tabulate the distribution up to a probability of 1 - 2**-32."""
    each = [math.exp(-background_rate)]
    while sum(each) < 1 - 2**-32:
        each.append(each[-1] * background_rate / len(each))
    below = tuple(np.uint32(total * 2**32) for total in np.cumsum(each[:-1]))
    a, b = rng.integers(1, 2**32, (2, size), np.uint32)
    return Background(a, b, below, np.float32(weight))


@numba.njit
def rotated(bits, by):
    return np.uint32(bits << np.uint32(by)) | np.uint32(bits >> np.uint32(32 - by))


@numba.njit
def draw(background, j):
    """Return 32 random bits for neuron j, with xoroshiro64** (Blackman and Vigna, 2021)."""
    a, b = background.a[j], background.b[j]
    b ^= a
    background.a[j] = rotated(a, 26) ^ b ^ np.uint32(b << np.uint32(9))
    background.b[j] = rotated(b, 13)
    return np.uint32(rotated(np.uint32(a * np.uint32(0x9E3779BB)), 5) * np.uint32(5))


@numba.njit
def fill(row, background):
    """Set a row of inputs to the background of one step.

    This loop is vectorized, because each neuron has its own generator, and because the bits are
    compared with all probabilities instead of searched for among them.
    """
    for j in range(row.size):
        bits, spikes = draw(background, j), 0
        for limit in background.below:
            spikes += bits >= limit
        row[j] = background.weight * np.float32(np.int32(spikes))


@numba.njit
def simulate(step, state, synapses, background, steps):
    """Advance the network, and ``state`` in place; return the spikes as rows (step, neuron).

    ``step`` is ``fastlif.embed.row(neuron)``; for each, Numba compiles another ``simulate``. No
    spike is on its way at the beginning.
    """
    size = state[0].size
    spk = np.zeros(size, np.bool_)
    # A spike of step t arrives in step t + delay, whose row of this ring is that of step t.
    ring = np.empty((delay, size), state[0].dtype)
    for row in ring:
        fill(row, background)
    events, count = np.empty((2 * size, 2), np.int64), 0
    for t in range(steps):
        row = ring[t % delay]
        step(row, state, spk)
        fill(row, background)
        # In the loop over the neurons, this would make it several times as slow.
        if count + size > len(events):
            events = np.concatenate((events, np.empty_like(events)))
        for source in range(size):
            if spk[source]:
                for k in range(synapses.first[source], synapses.first[source + 1]):
                    row[synapses.targets[k]] += synapses.weights[source]
                events[count] = t, source
                count += 1
    return events[:count]


def random_state(size, rng):
    """Return random membranes below the threshold, and no refractory period."""
    return rng.uniform(0, neuron.threshold, size).astype(np.float32), np.zeros(size, np.float32)


def statistics(events, size, steps):
    """Return both populations' rates (Hz) and the mean CV of the intervals between spikes."""
    step, source = events[events[:, 0] >= transient].T
    spikes = np.bincount(source, minlength=size)
    seconds, border = (steps - transient) * time_step / 1000, excitatory_among(size)
    by_neuron = np.split(step[np.argsort(source, kind="stable")], np.cumsum(spikes)[:-1])
    intervals = [np.diff(times) for times in by_neuron if len(times) > 5]
    cv = np.mean([each.std() / each.mean() for each in intervals]) if intervals else math.nan
    return spikes[:border].mean() / seconds, spikes[border:].mean() / seconds, cv


def figure(plt, events, size, steps):
    """Draw the last 200 ms: spikes of some neurons, and the rates of both populations."""
    border, begin = excitatory_among(size), steps - round(200 / time_step)
    fig, (top, bottom) = plt.subplots(
        2, sharex=True, figsize=(8, 5.5), height_ratios=(3, 2), layout="constrained"
    )
    bins = np.arange(begin, steps + 1, round(1 / time_step))
    shown = 0
    for name, color, first, last, most in (
        ("excitatory", "#0072B2", 0, border, 100),
        ("inhibitory", "#D55E00", border, size, 25),
    ):
        step, source = events[(events[:, 1] >= first) & (events[:, 1] < last)].T
        some = (source < first + most) & (step >= begin)
        ms = step * time_step
        top.plot(ms[some], source[some] - first + shown, "|", color=color, markersize=3, label=name)
        rate = np.histogram(step, bins)[0] / (last - first) * 1000
        bottom.stairs(rate, bins * time_step, color=color, label=name, baseline=None)
        shown += min(most, last - first)
    top.set(ylabel="neuron", ylim=(-1, shown), title=f"{shown} of {size:,} neurons", yticks=[])
    bottom.set(xlabel="time (ms)", ylabel="rate (Hz)", xlim=(begin * time_step, steps * time_step))
    bottom.set_ylim(bottom=0)
    for axis in (top, bottom):
        axis.spines[["top", "right"]].set_visible(False)
    fig.legend(*bottom.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--neurons", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=1.0, help="default: %(default)s")
    parser.add_argument(
        "-o", "--output-dir", type=Path, default=Path("figures"),
        help="folder of the PNG file (default: %(default)s)",
    )  # fmt: skip
    arguments = parser.parse_args()
    size, steps = arguments.neurons, round(arguments.seconds * 1000 / time_step)
    if size < 10 or arguments.seconds < 0.3:
        parser.error("at least 10 neurons and 0.3 seconds are needed")
    import matplotlib.pyplot as plt  # here, so that programs without it can import the network

    plt.switch_backend("Agg")

    rng = np.random.default_rng(1)
    synapses, noise = connect(size, rng), background(size, rng)
    step = fastlif.embed.row(neuron)
    start = time.perf_counter()
    simulate(step, random_state(size, rng), synapses, noise, 0)
    compiled = time.perf_counter()
    events = simulate(step, random_state(size, rng), synapses, noise, steps)
    took = time.perf_counter() - compiled
    excited, inhibited, cv = statistics(events, size, steps)
    print(
        f"{size:,} neurons, {len(synapses.targets):,} synapses, {len(events):,} spikes\n"
        f"rates: {excited:.1f} Hz (excitatory), {inhibited:.1f} Hz (inhibitory); "
        f"CV of the intervals: {cv:.2f}\n"
        f"{took / arguments.seconds:.3f} s per simulated second, with one thread; "
        f"compiled in {compiled - start:.1f} s"
    )
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    path = arguments.output_dir / "network.png"
    figure(plt, events, size, steps).savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
