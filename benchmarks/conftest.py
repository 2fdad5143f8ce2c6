"""What all benchmarks share: the workload's size, and the machine's own limit beside it."""

import statistics
import time

import numpy as np
import pytest


def pytest_addoption(parser):
    """Add the options of the suite."""
    parser.addoption("--neurons", type=int, default=200_000, help="size of the large populations")
    parser.addoption("--steps", type=int, default=500, help="steps of the large runs")
    parser.addoption("--run-threads", type=int, default=None, help="threads of fastlif's runs")


@pytest.fixture(scope="session")
def shape(request):
    """Return (steps, neurons) of a large run."""
    return request.config.getoption("steps"), request.config.getoption("neurons")


@pytest.fixture(scope="session")
def threads(request):
    """Return how many threads fastlif's runs use; None lets it choose."""
    return request.config.getoption("run_threads")


@pytest.fixture(scope="session")
def current(shape):
    """Draw a current that makes neurons with R = 5.1 and C = 5e-3 fire now and then."""
    return np.random.default_rng(0).uniform(0, 0.6, shape).astype(np.float32)


@pytest.fixture
def rate(benchmark, shape):
    """Return a function that times a run into buffers, interleaved with np.copyto.

    It stores in ``extra_info``: neuron-steps a second, bytes that a neuron-step moves, and the
    ratio of the run's payload rate to that of ``np.copyto`` between arrays of the same shape,
    the median of pairs timed one after the other.
    """

    def measure(run, bytes_each, source):
        target = np.zeros_like(source)
        ratios = []

        def setup():
            start = time.perf_counter()
            np.copyto(target, source)
            copy = time.perf_counter() - start
            start = time.perf_counter()
            run()
            took = time.perf_counter() - start
            ratios.append((bytes_each / took) / (2 * source.itemsize / copy))

        run()  # compiles
        np.copyto(target, source)
        benchmark.pedantic(run, setup=setup, rounds=9, warmup_rounds=1)
        steps = source.size
        benchmark.extra_info["neuron_steps_per_second"] = steps / benchmark.stats.stats.median
        benchmark.extra_info["bytes_per_neuron_step"] = bytes_each
        benchmark.extra_info["payload_rate_by_copyto"] = statistics.median(ratios)
        print(
            f"\n{steps / benchmark.stats.stats.median / 1e9:.2f} G neuron-steps/s, "
            f"{statistics.median(ratios):.2f} of np.copyto's payload rate"
        )

    return measure
