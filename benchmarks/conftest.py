"""What all benchmarks share: the workload's size, and the machine's own limits beside it."""

import statistics
import time

import limits as machine
import numpy as np
import pytest
from limits import in_threads, sum_of

collect_ignore_glob = ["contenders/*"]  # examples are looked for in modules, and these need peers


def pytest_addoption(parser):
    """Add the options of the suite."""
    parser.addoption("--neurons", type=int, default=200_000, help="size of the large populations")
    parser.addoption("--steps", type=int, default=500, help="steps of the large runs")
    parser.addoption("--run-threads", type=int, default=2, help="threads of fastlif's large runs")
    parser.addoption("--peer-neurons", type=int, default=20_000, help="neurons beside the peers")
    parser.addoption("--peer-steps", type=int, default=500, help="steps beside the peers")
    parser.addoption("--peer-rounds", type=int, default=5, help="rounds beside the peers")


def pytest_terminal_summary(terminalreporter):
    """List the peers that are missing, never to leave them out in silence."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped}
    missing = {reason.split()[1] for reason in reasons if reason.startswith("missing: ")}
    if missing:
        terminalreporter.write_line(f"missing: {' '.join(sorted(missing))}")


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


@pytest.fixture(scope="session")
def limits(shape, threads):
    """Measure what the machine can do, in this session."""
    return machine.measure(threads, size=min(50_000_000, max(1000, shape[0] * shape[1])))


@pytest.fixture(scope="session")
def copy(current):
    """Return a function that copies an array of the large runs' size, and the bytes it moves."""
    target = np.zeros_like(current)
    return lambda: np.copyto(target, current), 2 * current.nbytes


@pytest.fixture(scope="session")
def read(current, threads):
    """Return a function that reads an array of the large runs' size, and the bytes it moves."""
    words = current.reshape(-1).view(np.int32)
    return lambda: in_threads(sum_of, words, threads), current.nbytes


@pytest.fixture
def noted(benchmark, limits):
    """Return a function that stores what a timed benchmark comes to, in ``extra_info``.

    ``noted(neuron_steps, bytes_each, writes)``: the neuron-steps a second, the bytes that each has
    to move, and the part of this session's limit that it is: of memory's bandwidth in copying or
    in reading, or of C that stays in registers where nothing has to move.
    """

    def note(neuron_steps, bytes_each, writes):
        rate = neuron_steps / benchmark.stats.stats.median
        benchmark.extra_info["neuron_steps_per_second"] = rate
        benchmark.extra_info["bytes_per_neuron_step"] = bytes_each
        benchmark.extra_info["fraction_of_limit"] = rate / limits.rate(bytes_each, writes)
        return rate

    return note


@pytest.fixture
def beside(benchmark, shape, noted):
    """Return a function that times a run of a large population in turn with a reference.

    ``beside(run, bytes_each, reference, amount, name)``. Stores what ``noted`` does, and, as
    ``name``, how the run's rate compares with the reference's: the median over pairs, one timed
    right after the other, of (the run's bytes a second) / (the reference's). With ``by_steps``,
    ``amount`` is the reference's neuron-steps, and these are compared.
    """

    def measure(run, bytes_each, reference, amount, name, *, by_steps=False, writes=False):
        steps = shape[0] * shape[1]
        moved = steps if by_steps else bytes_each * steps
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
        rate = noted(steps, bytes_each, writes)
        benchmark.extra_info[name] = statistics.median(ratios)
        print(f"\n{rate / 1e9:.2f} G neuron-steps/s, {name}: {statistics.median(ratios):.2f}")

    return measure
