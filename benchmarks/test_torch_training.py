"""Training: one sweep forward and one backward, next to snnTorch, SpikingJelly and JAX.

A gradient arrives at all spikes. What is timed returns spikes, membranes and the gradient at the
current. Before that, these are checked: every bit of snnTorch's, and the others with a tolerance.
"""

import functools
import json
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from limits import mean_time

torch = pytest.importorskip("torch", reason="missing: torch")
snntorch = pytest.importorskip("snntorch", reason="missing: snntorch")

from peak_memory import forward_and_backward, tensors  # noqa: E402 - requires torch

from fastlif import presets, surrogate  # noqa: E402
from fastlif.interop.torch import Leaky, convert  # noqa: E402

SIZES = [(25, 128, 100), (100, 128, 1000)]  # steps, batch, neurons
BETA, TAU, ROUNDS = 0.9, 10.0, 7
BYTES = 24  # of a neuron-step: current, membrane and spikes; membrane and both gradients


@pytest.fixture(autouse=True)
def _threads(threads):
    """Let PyTorch, and therefore the layers, use as many threads as fastlif's other runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def size(request, shape):
    """Return (steps, batch, neurons), at most as large as the large runs."""
    steps, batch, neurons = request.param
    return min(steps, shape[0]), batch, min(neurons, shape[1])


@pytest.fixture
def times_as_fast(benchmark):
    """Return a function that times a function alternately with others, by name."""

    def measure(ours, others, what):
        ratios = {name: [] for name in others}
        for _ in range(ROUNDS):
            for name, (other, own) in others.items():
                ratios[name].append(mean_time(other) / mean_time(own))
        benchmark.pedantic(ours, rounds=ROUNDS, warmup_rounds=1)
        for name, values in ratios.items():
            ratio = statistics.median(values)
            benchmark.extra_info[f"times as fast as {name}"] = ratio
            print(f"\n{what}: {ratio:.1f} times as fast as {name}")

    return measure


def different(a, b):
    """Return the fraction of neurons of which a value differs by more than rounding."""
    same = np.isclose(a, b, rtol=1e-5, atol=1e-6)
    return 1 - same.all(axis=0).mean()


def in_jax(current, arriving):
    """Return the same neuron and surrogate in JAX: a scan, compiled with its gradient."""
    jax = pytest.importorskip("jax", reason="missing: jax")
    alpha = np.float32(np.pi / 2 * 2)

    @jax.custom_vjp
    def spike(x):
        return (x > 0).astype(x.dtype)

    spike.defvjp(lambda x: (spike(x), x), lambda x, g: (g / (1 + (alpha * x) ** 2),))

    def step(mem, cur):
        reset = jax.lax.stop_gradient((mem > 1).astype(mem.dtype))
        mem = BETA * mem + cur - reset
        return mem, (spike(mem - 1), mem)

    def run(cur):
        return jax.lax.scan(step, jax.numpy.zeros_like(cur[0]), cur)[1]

    @jax.jit
    def both(cur, arriving):
        spikes, backward, membranes = jax.vjp(run, cur, has_aux=True)
        return spikes, membranes, backward(arriving)[0]

    given = [jax.device_put(value.detach().numpy()) for value in (current, arriving)]
    return lambda: jax.block_until_ready(both(*given))


def in_spikingjelly(current, arriving):
    """Return SpikingJelly's multi-step neuron, and fastlif's with the same equation."""
    module = "spikingjelly.activation_based"
    neuron, functional, kinds = (
        pytest.importorskip(f"{module}.{name}", reason="missing: spikingjelly")
        for name in ("neuron", "functional", "surrogate")
    )
    node = neuron.LIFNode(
        tau=TAU, decay_input=False, v_reset=None, surrogate_function=kinds.ATan(2.0),
        store_v_seq=True,
    )  # fmt: skip
    functional.set_step_mode(node, "m")
    own = presets.spikingjelly_lif(tau=TAU, decay_input=False, v_reset=None)
    array, spikes = current.detach().numpy(), arriving.numpy()

    def theirs():
        functional.reset_net(node)
        found = node(current)
        (gradient,) = torch.autograd.grad(found, current, arriving)
        return found.detach(), node.v_seq.detach(), gradient

    def ours():
        run = own.run(array)
        gradient = own.gradient(run, array, spikes=spikes, surrogate=surrogate.atan(2.0))
        return run.spikes, run.membrane, gradient.current

    return theirs, ours


@pytest.mark.benchmark(group="training, forward and backward")
@pytest.mark.parametrize("size", SIZES, indirect=True)
def test_gradient(benchmark, times_as_fast, noted, size):
    """Leaky neurons, with the gradient at their current."""
    current, arriving = tensors(*size)
    theirs, layer = snntorch.Leaky(beta=BETA), Leaky(beta=BETA)
    ours = functools.partial(forward_and_backward, layer, current, arriving)
    loop = functools.partial(forward_and_backward, theirs, current, arriving)
    found = ours()
    assert 0 < found[0].mean() < 1
    assert all(map(torch.equal, found, loop()))

    scan = in_jax(current, arriving)  # XLA may contract products and sums
    assert all(different(*pair) <= 0.01 for pair in zip(found, scan(), strict=True))
    node, preset = in_spikingjelly(current, arriving)
    assert all(different(*pair) == 0 for pair in zip(preset(), node(), strict=True))

    del found
    others = {
        "snnTorch's loop": (loop, ours),
        "SpikingJelly's multi-step neuron": (node, preset),
        "JAX's scan": (scan, ours),
    }
    times_as_fast(ours, others, size)
    rate = noted(current.numel(), BYTES, writes=True)
    share = benchmark.extra_info["fraction_of_limit"]
    print(f"{rate / 1e9:.2f} G neuron-steps/s, {share:.0%} of the limit")


def convolutions():
    """Return a convolutional network of snnTorch's neurons, for images of 16 x 16 pixels."""
    neuron = functools.partial(snntorch.Leaky, beta=BETA, init_hidden=True)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 5), neuron(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 16, 3), neuron(), torch.nn.Flatten(),
        torch.nn.Linear(256, 10), neuron(),
    )  # fmt: skip


def step_by_step(network, images):
    """Call a network of snnTorch's neurons in a loop over time."""
    for module in network:
        if isinstance(module, snntorch.Leaky):
            module.reset_mem()
    return torch.stack([network(image) for image in images])


@pytest.mark.benchmark(group="training, a convolutional network")
def test_convolutions(times_as_fast, shape):
    """All gradients of a network, converted as a whole, and of the loop over time."""
    steps, batch = min(25, shape[0]), 32
    torch.manual_seed(0)
    images = 2 * torch.rand(steps, batch, 1, 16, 16)
    network = convolutions()
    fast = convert(network, over_time=True)
    labels = torch.arange(batch) % 10

    def gradients(forward, network):
        network.zero_grad()
        counts = forward(images).sum(0)
        torch.nn.functional.cross_entropy(counts, labels).backward()
        return counts.detach(), [value.grad for value in network.parameters()]

    ours = functools.partial(gradients, fast, fast)
    loop = functools.partial(gradients, functools.partial(step_by_step, network), network)
    (counts, found), (others, expected) = ours(), loop()
    assert counts.any()
    # Products of all steps are rounded differently: a neuron may fire in another step.
    assert (counts != others).double().mean() <= 0.01
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() <= 0.01 * other.norm()
    times_as_fast(ours, {"snnTorch's loop": (loop, ours)}, f"convolutions, {steps} x {batch}")


@pytest.mark.benchmark(group="training, peak memory")
@pytest.mark.parametrize("size", SIZES, indirect=True)
def test_peak_memory(benchmark, size):
    """How much a process grows beyond its current and the gradient that arrives."""
    script = Path(__file__).parent / "peak_memory.py"

    def grown(whose):
        command = [sys.executable, str(script), whose, *map(str, size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    theirs, ours = grown("snnTorch"), benchmark.pedantic(grown, ["fastlif"])
    benchmark.extra_info["bytes"] = {"fastlif": ours, "snnTorch": theirs}
    steps = int(np.prod(size))
    print(
        f"\n{size}: peak of {ours / 1e6:.0f} MB, {ours / steps:.1f} bytes per neuron-step; "
        f"snnTorch {theirs / 1e6:.0f} MB, {theirs / steps:.1f}"
    )
