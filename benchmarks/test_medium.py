"""Runs of medium size, with two threads and with one: fastlif, and expert C."""

import statistics
import time

import expert
import numpy as np
import pytest
from test_expert import NEURON, RATE, THRESHOLD, arrays

SIZES = {"1000x1000": (1000, 1000), "20000x500": (500, 20_000), "50000x100": (100, 50_000)}


def gain(functions, rounds):
    """Return the median of the first function's time by the second's, timed alternately."""
    ratios = []
    for _ in range(rounds):
        times = []
        for function in functions:
            time.sleep(0.01)
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    return statistics.median(ratios[1:])


@pytest.mark.benchmark(group="medium sizes")
@pytest.mark.parametrize("size", SIZES)
def test_two_threads_compared_with_one(benchmark, noted, request, size):
    """Two threads gain as much as expert C does with two, or more."""
    steps, neurons = SIZES[size]
    if request.config.getoption("--steps") < 500:  # a short pass
        steps, neurons = steps // 10, neurons // 10
    current = np.random.default_rng(0).uniform(0, 0.6, (steps, neurons)).astype(np.float32)
    out = arrays(current.shape)
    runs = [lambda k=k: NEURON.run(current, out=out, threads=k) for k in (1, 2)]
    found = {"rate with 2 threads relative to 1": gain(runs, 25)}
    if expert.library(expert.EXACT) is not None:
        in_c = [
            lambda k=k: expert.dense(current, out, k, RATE, THRESHOLD, streams=False)
            for k in (1, 2)
        ]
        found["the same of expert C"] = gain(in_c, 25)
    benchmark.pedantic(runs[1], rounds=9, warmup_rounds=1)
    noted(current.size, 9, writes=True)
    benchmark.extra_info.update(found)
    print(f"\n{found}")
