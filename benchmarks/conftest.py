"""Options and fixtures of the benchmarks: sizes of the workloads, and the hardware limits."""

import statistics
import time

import limits as machine
import numpy as np
import pytest
from limits import in_threads, same_part, sum_of

# Not searched for doctests, because importing them needs simulators.
collect_ignore_glob = ["contenders/*", "network_in_brian2.py", "peak_memory.py"]


def pytest_addoption(parser):
    """Add the options of the suite."""
    parser.addoption("--neurons", type=int, default=200_000, help="size of the large populations")
    parser.addoption("--steps", type=int, default=500, help="steps of the large runs")
    parser.addoption("--run-threads", type=int, default=2, help="threads of the large runs")
    parser.addoption("--peer-neurons", type=int, default=20_000, help="neurons per contender")
    parser.addoption("--peer-steps", type=int, default=500, help="steps per contender")
    parser.addoption("--host-neurons", type=int, default=100_000, help="neurons inside a host")
    parser.addoption("--peer-rounds", type=int, default=5, help="rounds per contender")


def pytest_configure(config):
    """Note the processor time before the benchmarks."""
    config.processor_time = machine.processor_time()


def pytest_terminal_summary(terminalreporter, config):
    """Tell how much processor time was stolen, and which simulators are not installed."""
    if config.processor_time is not None:
        stolen = machine.stolen_since(config.processor_time)
        terminalreporter.write_line(f"stolen processor time: {stolen:.2%}")
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
    """Return the number of threads of fastlif's large runs."""
    return request.config.getoption("run_threads")


@pytest.fixture(scope="session")
def current(shape):
    """Draw a current that makes neurons with R = 5.1 and C = 5e-3 fire occasionally."""
    return np.random.default_rng(0).uniform(0, 0.6, shape).astype(np.float32)


@pytest.fixture(scope="session")
def limits(shape, threads):
    """Measure the hardware limits in this session."""
    return machine.measure(threads, size=min(50_000_000, max(1000, shape[0] * shape[1])))


@pytest.fixture(scope="session")
def copy(current, threads):
    """Return a function that copies an array of the large runs' size, and its number of bytes."""
    source = current.reshape(-1)
    target = np.zeros_like(source)
    copy_part = lambda part: np.copyto(same_part(target, part, source), part)  # noqa: E731
    return lambda: in_threads(copy_part, source, threads), 2 * current.nbytes


@pytest.fixture(scope="session")
def read(current, threads):
    """Return a function that reads an array of the large runs' size, and its number of bytes."""
    words = current.reshape(-1).view(np.int32)
    return lambda: in_threads(sum_of, words, threads), current.nbytes


@pytest.fixture
def noted(benchmark, limits):
    """Return a function that stores the results of a timed benchmark in ``extra_info``.

    ``noted(neuron_steps, bytes_each, writes)`` stores the rate in neuron-steps per second, the
    number of bytes that a neuron-step has to move, and the fraction of this session's hardware
    limit: of the memory bandwidth for copying or for reading, or of a C loop that stays in
    registers if nothing has to be moved.
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
    """Return a function that times a large run alternately with a reference.

    ``beside(run, bytes_each, reference, amount, name)`` stores what ``noted`` stores and, under
    ``name``, the ratio of the run's rate to that of the reference. This is the median over pairs,
    timed directly one after the other, of (bytes per second of the run) / (bytes per second of the
    reference). With ``by_steps``, ``amount`` is the number of neuron-steps of the reference, and
    rates in neuron-steps per second are compared.
    """

    def measure(run, bytes_each, reference, amount, name, *, by_steps=False, writes=False):
        steps = shape[0] * shape[1]
        moved = steps if by_steps else bytes_each * steps
        ratios = []

        def setup():
            took = []
            for function in (reference, run):
                time.sleep(0.02)  # OpenMP's threads wait in a loop for some milliseconds
                start = time.perf_counter()
                function()
                took.append(time.perf_counter() - start)
            ratios.append((moved / took[1]) / (amount / took[0]))

        run()  # compiles
        reference()
        benchmark.pedantic(run, setup=setup, rounds=9, warmup_rounds=1)
        rate = noted(steps, bytes_each, writes)
        benchmark.extra_info[name] = statistics.median(ratios)
        print(f"\n{rate / 1e9:.2f} G neuron-steps/s, {name}: {statistics.median(ratios):.2f}")

    return measure
