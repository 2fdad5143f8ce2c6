"""A recurrent network around ``fastlif.embed.row``, compared with Brian2's Cython target.

The network is examples/embed_numba.py. First, the spikes of both are compared, with the same
background; then rates and the CV of intervals, each with its own random background; then times.
"""

import importlib.util
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import fastlif

EXAMPLE = Path(__file__).parents[1] / "examples" / "embed_numba.py"
SEEDS = range(8)
# Of Student's distribution with 14 degrees of freedom: exceeded with a probability of 1e-4 by each
# of the three statistics if both networks are equal.
MOST = 5.36
NAMES = ("rate E (Hz)", "rate I (Hz)", "CV")


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = load(EXAMPLE)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def brian2():
    """Return the module with the network in Brian2."""
    with warnings.catch_warnings():  # Brian2's own warnings
        warnings.simplefilter("ignore")
        try:
            import network_in_brian2
        except ImportError as error:
            pytest.skip(f"missing: brian2 ({error})")
    return network_in_brian2


@pytest.fixture(scope="module")
def short(request):
    return request.config.getoption("--peer-steps") < 500


def membranes(size, seed):
    return example.random_state(size, np.random.default_rng((1, seed)))[0]


def of_fastlif(synapses, seed, steps):
    """Return the events of one simulation, and the seconds that it takes."""
    mem = membranes(len(synapses.weights), seed)
    background = example.background(len(mem), np.random.default_rng((2, seed)))
    step, state = fastlif.embed.row(example.neuron), (mem, np.zeros_like(mem))
    start = time.perf_counter()
    events = example.simulate(step, state, synapses, background, steps)
    return events, time.perf_counter() - start


def of_brian2(network, size, seed, steps):
    network.restart(membranes(size, seed), seed)
    seconds = network.run(steps)
    return network.events(), seconds


def test_spikes_equal_those_of_brian2(brian2):
    """Every spike is equal, with the background of one of them, in float64."""
    size, steps = 1000, 2000
    rng = np.random.default_rng(0)
    synapses, background = example.connect(size, rng), example.background(size, rng)
    mem = membranes(size, 0).astype(np.float64)
    given = np.empty((steps, size), np.float32)
    same = background._replace(a=background.a.copy(), b=background.b.copy())
    for row in given:
        example.fill(row, same)
    network = brian2.Network(example, synapses, mem, given)
    network.run(steps)
    step = fastlif.embed.row(example.neuron, np.float64)
    events = example.simulate(step, (mem, np.zeros_like(mem)), synapses, background, steps)
    assert len(events) > size
    assert np.array_equal(events, network.events())


@pytest.mark.benchmark(group="a recurrent network")
def test_network_beside_brian2(benchmark, brian2, short, request):
    """Compare the statistics over several seeds, then time both alternately, with one thread."""
    size, steps = (1000, 10_000) if short else (10_000, 10_000)
    synapses = example.connect(size, np.random.default_rng(0))
    network = brian2.Network(example, synapses, membranes(size, 0))
    found = np.array([
        [
            example.statistics(of_fastlif(synapses, seed, steps)[0], size, steps),
            example.statistics(of_brian2(network, size, seed, steps)[0], size, steps),
        ]
        for seed in SEEDS
    ])  # fmt: skip
    own, theirs = found.mean(axis=0)
    error = np.sqrt(found.var(axis=0, ddof=1).sum(axis=0) / len(SEEDS))
    for name, *values in zip(NAMES, own, theirs, MOST * error, strict=True):
        print(
            "\n{}: fastlif {:.3f}, Brian2 {:.3f}, largest difference {:.3f}".format(name, *values)
        )
    assert (np.abs(own - theirs) < MOST * error).all()

    times = []
    benchmark.pedantic(
        lambda: of_fastlif(synapses, 0, steps),
        setup=lambda: times.append(of_brian2(network, size, 0, steps)[1]),
        rounds=request.config.getoption("--peer-rounds"),
    )
    ratio = statistics.median(times) / benchmark.stats.stats.median
    share = network.share_of_background(steps)
    benchmark.extra_info.update({
        "neurons": size,
        "steps": steps,
        "seconds of Brian2": statistics.median(times),
        "times as fast as Brian2": ratio,
        "Brian2's share of the background": share,
        **{name: (*values,) for name, *values in zip(NAMES, own, theirs, strict=True)},
    })  # fmt: skip
    print(f"\n{ratio:.1f} times as fast as Brian2, which takes {share:.0%} for the background")
