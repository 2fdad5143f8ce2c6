"""Handwritten digits as spikes: rate and latency encoding, and a layer of Lapicque neurons.

The 1797 images of scikit-learn have 8 x 8 pixels. Each pixel becomes a spike train. A layer has one
neuron per digit, which receives the weighted spikes of all pixels. The neuron with the most spikes
names the digit. The weights are a least-squares fit to the first 1000 images; the others test them.
"""

import argparse
from pathlib import Path

import numpy as np

import fastlif

STEPS, FITTED = 100, 1000
COLORS = {"rate": "#0072B2", "latency": "#D55E00"}
layer = fastlif.Lapicque(R=1.0, C=100.0, time_step=1.0, threshold=1.0)
membrane = fastlif.Lapicque(R=1.0, C=100.0, time_step=1.0, reset_mechanism="none")


def digits():
    """Return the images, with values from 0 to 1, and their digits."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise SystemExit("this example requires scikit-learn: pip install scikit-learn") from None
    data = load_digits()
    return (data.images / 16).astype(np.float32), data.target


def encoded(images):
    """Return the spikes of both encodings, (steps, images, pixels)."""
    pixels = images.reshape(len(images), -1)
    return {
        "rate": fastlif.encoding.rate(pixels, STEPS, gain=0.5, seed=1),
        "latency": fastlif.encoding.latency(pixels, STEPS, normalize=True, linear=True, clip=True),
    }


def fit(spikes, target, thresholds=20):
    """Return weights, (pixels, digits), such that the neuron of the digit is charged the most.

    Without a reset, its membrane averages ``thresholds`` over the run, and those of the others 0.
    """
    steps, images, pixels = spikes.shape
    charge = membrane.run(spikes.reshape(steps, -1), record="membrane").membrane.mean(axis=0)
    wanted = thresholds * np.eye(10)[target]
    return np.linalg.lstsq(charge.reshape(images, pixels), wanted, rcond=None)[0].astype(np.float32)


def named(counts):
    """Return the digit with the most spikes, or -1 if no single neuron has the most."""
    highest = np.sort(counts, axis=-1)
    single = highest[..., -1] > highest[..., -2]
    return np.where(single, counts.argmax(axis=-1), -1)


def figure(plt, image, digit, results):
    """Draw one image from pixels to counts; results are (pixels, layer, right) by encoding."""
    fig, axes = plt.subplot_mosaic(
        [
            ["image", "rate pixels", "rate layer", "rate counts"],
            ["right", "latency pixels", "latency layer", "latency counts"],
        ],
        figsize=(11, 5.6), width_ratios=(2, 3, 3, 1.2), layout="constrained",
    )  # fmt: skip
    axes["image"].imshow(image, cmap="gray_r", vmin=0, vmax=1)
    axes["image"].set(title=f"image of a {digit}", xticks=[], yticks=[])
    for name, (pixels, spikes, right) in results.items():
        color = COLORS[name]
        step, pixel = np.nonzero(pixels)
        axes[f"{name} pixels"].plot(step, pixel, "|", color=color, markersize=4)
        axes[f"{name} pixels"].set(
            title=f"{name}: {pixels.sum()} spikes",
            ylabel="pixel",
            ylim=(63.9, -0.9),
            yticks=[0, 63],
        )
        colors = np.where(np.arange(10) == digit, color, "0.6")
        times = [np.flatnonzero(spikes[:, k]) for k in range(10)]
        axes[f"{name} layer"].eventplot(times, colors=colors, linelengths=0.7, linewidths=0.9)
        axes[f"{name} layer"].set(title="spikes of the layer", ylabel="neuron", yticks=range(10))
        counts = axes[f"{name} counts"]
        counts.barh(range(10), spikes.sum(axis=0), color=colors, height=0.7)
        counts.set(title="counts", yticks=range(10), ylim=axes[f"{name} layer"].get_ylim())
        for axis in (axes[f"{name} pixels"], axes[f"{name} layer"]):
            axis.set_xlim(-1, STEPS)
        axes["right"].plot(np.arange(1, STEPS + 1), 100 * right, color=color, label=name)
    for name in (*(f"{name} {part}" for name in results for part in ("pixels", "layer")), "right"):
        axes[name].set_xlabel("step")
    for name in results:
        axes[f"{name} counts"].set_xlabel("spikes")
    axes["right"].set(
        title="test images named correctly", ylabel="images (%)", ylim=(0, 100), xlim=(0, STEPS)
    )
    axes["right"].legend(loc="lower right", frameon=False)
    for name, axis in axes.items():
        if name != "image":
            axis.spines[["top", "right"]].set_visible(False)
    return fig


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "-o", "--output-dir", type=Path, default=Path("figures"),
        help="folder of the PNG file (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--image", type=int, default=FITTED, help="which image is drawn (default: %(default)s)"
    )
    arguments = parser.parse_args()
    images, target = digits()
    if not FITTED <= arguments.image < len(images):
        parser.error(f"--image must be from {FITTED} to {len(images) - 1}, got {arguments.image}")
    import matplotlib.pyplot as plt  # here, so that programs without it can import the layer

    plt.switch_backend("Agg")
    shown, results = arguments.image - FITTED, {}
    for name, spikes in encoded(images).items():
        pixels = spikes[:, FITTED:]
        current = pixels @ fit(spikes[:, :FITTED], target[:FITTED])
        run = layer.run(current, record="spikes")
        right = (named(run.spikes.cumsum(axis=0)) == target[FITTED:]).mean(axis=1)
        results[name] = pixels[:, shown], run.spikes[:, shown], right
        print(
            f"{name:8} {pixels.sum() / pixels.shape[1]:6.1f} spikes per image, {right[-1]:.1%} of "
            f"{pixels.shape[1]} images named correctly"
        )
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    path = arguments.output_dir / "digits.png"
    figure(plt, images[arguments.image], target[arguments.image], results).savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
