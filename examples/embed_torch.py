"""A network trained with snnTorch, evaluated with fastlif's layers: the same spikes, in less time.

Trains two layers of snnTorch's ``Leaky`` for some seconds on drawn patterns of ten classes. Then
evaluates new patterns with

- the network itself, one step at a time;
- ``convert(network)``, whose neurons are fastlif's and whose code is the same;
- the same layers, each of which integrates all time steps in one call.

Requires snnTorch. The exit code is not 0 if any spike differs.
"""

import statistics
import time

import snntorch
import torch

from fastlif.interop.torch import convert

CLASSES, FEATURES, HIDDEN, STEPS = 10, 64, 500, 50
BATCH, TRAINING, ROUNDS = 128, 40, 5


class Network(torch.nn.Module):
    """Two layers of spiking neurons, in the style of snnTorch's tutorials."""

    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(FEATURES, HIDDEN)
        self.lif1 = snntorch.Leaky(beta=0.9)
        self.fc2 = torch.nn.Linear(HIDDEN, CLASSES)
        self.lif2 = snntorch.Leaky(beta=0.9, reset_mechanism="zero")

    def forward(self, x):
        """Return the spikes of the last layer, for an input that is constant in time."""
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        cur1, spikes = self.fc1(x), []
        for _ in range(STEPS):
            spk1, mem1 = self.lif1(cur1, mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spikes.append(spk2)
        return torch.stack(spikes)


def over_time(network, x):
    """Return the same; each layer of the converted network takes all time steps at once."""
    spk1, _ = network.lif1.run(network.fc1(x).expand(STEPS, -1, -1))
    # One product per step, as in the loop: one for all steps may be rounded differently.
    spk2, _ = network.lif2.run(torch.stack([network.fc2(spk) for spk in spk1]))
    return spk2


def draw(patterns, count):
    """Draw noisy patterns and their classes."""
    labels = torch.randint(CLASSES, (count,))
    return patterns[labels] + 1.5 * torch.randn(count, FEATURES), labels


def train(network, patterns):
    """Train with snnTorch's surrogate gradients on the spike counts of the last layer."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(TRAINING):
        x, labels = draw(patterns, BATCH)
        loss = torch.nn.functional.cross_entropy(network(x).sum(0), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main():
    """Train, evaluate in three ways, and compare."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # more make so small a network slower on a busy machine
    patterns, network = torch.randn(CLASSES, FEATURES), Network()
    start = time.perf_counter()
    train(network, patterns)
    print(f"trained with snnTorch for {time.perf_counter() - start:.1f} s")

    network.eval()
    fast = convert(network)
    ways = {
        "snnTorch, step by step": lambda x: network(x),
        "fastlif, step by step": lambda x: fast(x),
        "fastlif, all steps at once": lambda x: over_time(fast, x),
    }
    x, labels = draw(patterns, BATCH)
    taken, results = {way: [] for way in ways}, {}
    with torch.inference_mode():
        for _ in range(ROUNDS + 1):
            for way, evaluate in ways.items():
                start = time.perf_counter()
                results[way] = evaluate(x)
                taken[way].append(time.perf_counter() - start)

    expected, *others = results.values()
    for way, spikes in results.items():
        accuracy = (spikes.sum(0).argmax(1) == labels).float().mean()
        milliseconds = 1000 * statistics.median(taken[way][1:])  # the first one compiles
        print(f"{way:28} accuracy {accuracy:.1%}, {milliseconds:6.1f} ms")
    if not all(torch.equal(spikes, expected) for spikes in others):
        raise SystemExit("the spikes differ")
    print(f"all {int(expected.sum())} spikes are the same")


if __name__ == "__main__":
    main()
