"""What all benchmarks share: the workload's size, and the machine's own limits beside it."""

import statistics
import threading
import time

import numpy as np
import pytest
from numba import njit


def pytest_addoption(parser):
    """Add the options of the suite."""
    parser.addoption("--neurons", type=int, default=200_000, help="size of the large populations")
    parser.addoption("--steps", type=int, default=500, help="steps of the large runs")
    parser.addoption("--run-threads", type=int, default=2, help="threads of fastlif's large runs")


@pytest.fixture(scope="session")
def shape(request):
    """Return (steps, neurons) of a large run."""
    return request.config.getoption("steps"), request.config.getoption("neurons")


@pytest.fixture(scope="session")
def threads(request):
    """Return how many threads fastlif's large runs use."""
    return request.config.getoption("run_threads")


@pytest.fixture(scope="session")
def current(shape):
    """Draw a current that makes neurons with R = 5.1 and C = 5e-3 fire now and then."""
    return np.random.default_rng(0).uniform(0, 0.6, shape).astype(np.float32)


@njit(nogil=True)
def _sum(words):
    total = 0
    for k in range(len(words)):
        total += words[k]
    return total


@pytest.fixture(scope="session")
def in_threads(threads):
    """Return a function that does ``work(part)`` for as many parts of an array as threads."""

    def share(work, array):
        first, *rest = np.array_split(array, threads)
        others = [threading.Thread(target=work, args=(part,)) for part in rest]
        for other in others:
            other.start()
        work(first)
        for other in others:
            other.join()

    return share


@pytest.fixture(scope="session")
def copy(current):
    """Return a function that copies an array of the large runs' size, and the bytes it moves."""
    target = np.zeros_like(current)
    return lambda: np.copyto(target, current), 2 * current.nbytes


@pytest.fixture(scope="session")
def read(current, in_threads):
    """Return a function that reads an array of the large runs' size, and the bytes it moves."""
    words = current.reshape(-1).view(np.int32)
    return lambda: in_threads(_sum, words), current.nbytes


@pytest.fixture
def beside(benchmark, shape):
    """Return a function that times a run of a large population in turn with a reference.

    ``beside(run, bytes_each, reference, amount, name)``. Stores in ``extra_info`` the
    neuron-steps a second, the bytes that a neuron-step has to move, and, as ``name``, how the
    run's rate compares with the reference's: the median over pairs, one timed right after the
    other, of (the run's bytes a second) / (the reference's). With ``bytes_each`` None, ``amount``
    is the reference's neuron-steps, and these are compared.
    """

    def measure(run, bytes_each, reference, amount, name):
        steps = shape[0] * shape[1]
        moved = steps if bytes_each is None else bytes_each * steps
        ratios = []

        def setup():
            start = time.perf_counter()
            reference()
            between = time.perf_counter()
            run()
            took = time.perf_counter() - between
            ratios.append((moved / took) / (amount / (between - start)))

        run()  # compiles
        reference()
        benchmark.pedantic(run, setup=setup, rounds=9, warmup_rounds=1)
        rate = steps / benchmark.stats.stats.median
        benchmark.extra_info["neuron_steps_per_second"] = rate
        benchmark.extra_info["bytes_per_neuron_step"] = bytes_each
        benchmark.extra_info[name] = statistics.median(ratios)
        print(f"\n{rate / 1e9:.2f} G neuron-steps/s, {name}: {statistics.median(ratios):.2f}")

    return measure
