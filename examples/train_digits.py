"""Handwritten digits, learned by a spiking network with surrogate gradients, on one processor.

Two linear layers and two layers of ``Leaky`` neurons learn scikit-learn's 1797 images of 8 x 8
pixels. An image is a current that is constant in time, and the neuron of the last layer with the
most spikes names the digit. Each layer takes all time steps at once: a linear layer is one product
of all steps and images, a spiking layer one sweep forward and one backward. Nothing of size (steps,
images, neurons) exists besides membranes and spikes of the hidden layer and the gradient that
arrives at these spikes.

``--compare`` trains the same network with snnTorch, step by step, with the same initial weights and
batches. First, it checks in float64 that the losses of an epoch are equal; the exit code is not 0
if they differ. In float32, one product of all steps and one per step are rounded differently enough
that sometimes a neuron whose membrane is at the threshold fires in one of the networks only.
"""

import argparse
import copy
import os
import statistics
import time
from pathlib import Path

# PyTorch frees large tensors to the operating system, and fresh memory takes longer than most of
# what is computed. In pages of 2 MB it takes less. This must be set before torch is imported.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import torch
from torch.nn.functional import cross_entropy

import fastlif.plot
from fastlif.interop.torch import Leaky

CLASSES, HELD_OUT, BETA = 10, 360, 0.9
TOLERANCE = 1e-9  # relative, in float64
COLORS = {"fastlif": "#0072B2", "snnTorch": "#D55E00"}


class Network(torch.nn.Module):
    """Two linear and two spiking layers; ``neuron`` is the class of the latter."""

    def __init__(self, neuron, pixels, hidden):
        super().__init__()
        self.fc1 = torch.nn.Linear(pixels, hidden)
        self.lif1 = neuron(beta=BETA)
        self.fc2 = torch.nn.Linear(hidden, CLASSES)
        self.lif2 = neuron(beta=BETA)


def all_steps(network, images, steps):
    """Return the spikes of both layers, ``(steps, images, neurons)``."""
    spk1, _ = network.lif1.run(network.fc1(images), steps=steps)  # the same current in each step
    spk2, _ = network.lif2.run(network.fc2(spk1))
    return spk1, spk2


def step_by_step(network, images, steps):
    """Return the same from a network of snnTorch's neurons, as in its tutorials."""
    mem1, mem2 = network.lif1.reset_mem(), network.lif2.reset_mem()
    cur1, hidden, output = network.fc1(images), [], []
    for _ in range(steps):
        spk1, mem1 = network.lif1(cur1, mem1)
        spk1 = spk1.to(cur1.dtype)  # snnTorch's spikes are float32
        spk2, mem2 = network.lif2(network.fc2(spk1), mem2)
        hidden.append(spk1)
        output.append(spk2)
    return hidden, torch.stack(output).to(cur1.dtype)


class Contender:
    """A network, the function that calls it, its optimizer, and what is measured."""

    def __init__(self, network, forward, steps, rate):
        self.network, self.forward, self.steps = network, forward, steps
        self.optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        self.losses, self.accuracies, self.seconds = [], [], []

    def loss(self, images, labels):
        """Return the loss: the last layer's numbers of spikes are the logits of the digits."""
        _, spikes = self.forward(self.network, images, self.steps)
        return cross_entropy(spikes.sum(0), labels)

    def train(self, images, labels, batches):
        """Train for one epoch."""
        start = time.perf_counter()
        for batch in batches:
            loss = self.loss(images[batch], labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.item())
        self.seconds.append(time.perf_counter() - start)

    def evaluate(self, images, labels):
        """Note the accuracy, and return the spikes of both layers."""
        with torch.inference_mode():
            hidden, output = self.forward(self.network, images, self.steps)
        self.accuracies.append((output.sum(0).argmax(1) == labels).double().mean().item())
        return hidden, output


def networks(pixels, hidden, compare):
    """Return the networks, with equal weights, and the functions that call them."""
    network = Network(Leaky, pixels, hidden)
    found = {"fastlif": (network, all_steps)}
    if compare:
        import snntorch  # here, because only the comparison needs it

        other = Network(snntorch.Leaky, pixels, hidden)
        other.load_state_dict(network.state_dict())
        found["snnTorch"] = other, step_by_step
    return found


def digits():
    """Return images with values from 0 to 1 and their digits: for training, and held out."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise SystemExit("this example requires scikit-learn: pip install scikit-learn") from None
    data = load_digits()
    order = torch.randperm(len(data.target))
    images = torch.tensor(data.data / 16, dtype=torch.float32)[order]
    labels = torch.tensor(data.target)[order]
    return (images[HELD_OUT:], labels[HELD_OUT:]), (images[:HELD_OUT], labels[:HELD_OUT])


def check(found, images, labels, batches, steps, rate):
    """Train copies of the networks for one epoch in float64; exit if their losses differ."""
    losses = []
    for network, forward in found.values():
        contender = Contender(copy.deepcopy(network).double(), forward, steps, rate)
        contender.train(images.double(), labels, batches)
        losses.append(contender.losses)
    largest = max(abs(ours / theirs - 1) for ours, theirs in zip(*losses, strict=True))
    print(f"in float64, the losses of {len(batches)} batches differ by at most {largest:.1e}")
    if not largest < TOLERANCE:
        raise SystemExit("the losses differ")


def figure(plt, contenders, spikes, label):
    """Draw losses, accuracies, and the spikes of both layers for one image."""
    fig, axes = plt.subplot_mosaic(
        [["loss", "hidden"], ["accuracy", "output"]],
        figsize=(11, 6), width_ratios=(2, 3), height_ratios=(3, 2), layout="constrained",
    )  # fmt: skip
    for (name, each), style in zip(contenders.items(), ("-", ":"), strict=False):
        look = {"color": COLORS[name], "linestyle": style, "label": name}
        epochs = len(each.accuracies)
        batches = torch.linspace(0, epochs, len(each.losses) + 1)[1:]
        axes["loss"].semilogy(batches, each.losses, linewidth=1, **look)
        percent = [100 * accuracy for accuracy in each.accuracies]
        axes["accuracy"].plot(range(1, epochs + 1), percent, marker=".", **look)
        for axis in (axes["loss"], axes["accuracy"]):
            axis.set_xlim(0, epochs * 1.02)
    axes["loss"].set(title="loss of each batch")
    axes["accuracy"].set(title="held-out digits named correctly", xlabel="epoch", ylabel="%")
    if len(contenders) > 1:
        handles = axes["loss"].get_lines()
        fig.legend(handles=handles, loc="outside lower left", ncols=2, frameon=False)
    for (name, layer), height in zip(spikes.items(), (0.6, 1.0), strict=True):
        fastlif.plot.raster(layer.numpy() > 0, ax=axes[name], markeredgewidth=height)
        axes[name].set_title(f"spikes of the {name} layer for an image of a {label}")
    axes["output"].set_yticks(range(CLASSES))
    for axis in axes.values():
        axis.spines[["top", "right"]].set_visible(False)
    return fig


def arguments():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--epochs", type=int, default=10, help="passes through the images")
    parser.add_argument("--batch", type=int, default=64, help="images of a batch")
    parser.add_argument("--hidden", type=int, default=256, help="neurons of the hidden layer")
    parser.add_argument("--steps", type=int, default=50, help="time steps")
    parser.add_argument("--rate", type=float, default=2e-3, help="learning rate")
    parser.add_argument("--threads", type=int, default=1, help="threads")
    parser.add_argument("--seed", type=int, default=0, help="of the split, weights and batches")
    parser.add_argument("--compare", action="store_true", help="train with snnTorch as well")
    parser.add_argument(
        "-o", "--output-dir", type=Path, default=Path("figures"), help="folder of the PNG file"
    )
    return parser.parse_args()


def main():
    """Train, print, and draw."""
    given = arguments()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    data, held_out = digits()
    images, labels = data
    draw_batches = lambda: torch.randperm(len(labels)).split(given.batch)  # noqa: E731
    found = networks(images.shape[1], given.hidden, given.compare)
    if given.compare:
        check(found, *data, draw_batches(), given.steps, given.rate)
    contenders = {
        name: Contender(network, forward, given.steps, given.rate)
        for name, (network, forward) in found.items()
    }
    for each in contenders.values():
        each.loss(images[: given.batch], labels[: given.batch]).backward()  # compiles

    for epoch in range(given.epochs):
        batches = draw_batches()
        for name, each in contenders.items():
            each.train(*data, batches)
            hidden, output = each.evaluate(*held_out)
            if name == "fastlif":
                spikes = {"hidden": hidden[:, 0], "output": output[:, 0]}
            print(
                f"epoch {epoch + 1:2}, {name:8} loss {each.losses[-1]:.4f}, accuracy "
                f"{each.accuracies[-1]:.1%}, {each.seconds[-1]:.3f} s"
            )
    if given.compare:
        seconds = (each.seconds for each in contenders.values())
        ratio = statistics.median(theirs / ours for ours, theirs in zip(*seconds, strict=True))
        print(f"fastlif is {ratio:.1f} times as fast per epoch (median)")

    import matplotlib.pyplot as plt  # here, so that programs without it can import the network

    plt.switch_backend("Agg")
    given.output_dir.mkdir(parents=True, exist_ok=True)
    path = given.output_dir / "train_digits.png"
    figure(plt, contenders, spikes, int(held_out[1][0])).savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
