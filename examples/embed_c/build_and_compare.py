"""Build a library of a neuron, build a C program with it, and compare its results with Python's.

Requires a C compiler and CMake. Run ``python examples/embed_c/build_and_compare.py``.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import fastlif


def built(neuron, folder):
    """Return the program ``simulate``, built in ``folder``."""
    fastlif.embed.build({"cell": neuron}, folder / "fastlif")
    here, build = Path(__file__).parent, folder / "build"
    prefix = f"-DCMAKE_PREFIX_PATH={folder / 'fastlif'}"
    for command in (["cmake", "-S", here, "-B", build, prefix], ["cmake", "--build", build]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return build / "simulate"


def network(neuron, current):
    """Return the spikes of the network in simulate.c."""
    state, spk = neuron.initial_state(current.shape[1]), np.zeros(current.shape[1], np.bool_)
    rows = []
    for external in current:
        spk, state = neuron(external + np.float32(0.25) * np.roll(spk, 1), state)
        rows.append(spk)
    return np.array(rows)


def main():
    """Compare every bit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--neurons", type=int, default=10_000)
    options = parser.parse_args()
    shape = options.steps, options.neurons

    neuron = fastlif.LIF(tau=20e-3, time_step=1e-3, order="at_once", refractory_time=2e-3)
    current = np.random.default_rng(0).uniform(0, 2.2, shape).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        program = built(neuron, Path(folder))
        output = subprocess.run(
            [program, *map(str, shape)], input=current.tobytes(), capture_output=True, check=True
        ).stdout
    size = current.size
    membrane = np.frombuffer(output, np.float32, size).reshape(shape)
    spikes, of_network = np.frombuffer(output, np.bool_, offset=4 * size).reshape(2, *shape)

    run = neuron.run(current)
    for name, in_c, in_python in (
        ("membranes", membrane, run.membrane),
        ("spikes", spikes, run.spikes),
        ("spikes of the network", of_network, network(neuron, current)),
    ):
        if not np.array_equal(in_c, in_python):
            raise SystemExit(f"{name} differ")
        print(f"{name}: bit-for-bit identical")
    rate, of_network = (x.mean() / neuron.time_step for x in (spikes, of_network))
    print(f"{rate:.1f} Hz, in the network {of_network:.1f} Hz")


if __name__ == "__main__":
    main()
