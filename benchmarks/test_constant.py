"""Spike counts for a constant current, compared with a C loop that stays in registers."""

import numpy as np
import pytest
from limits import c_loop, in_threads, same_part

import fastlif


@pytest.mark.benchmark(group="constant input")
@pytest.mark.parametrize("each", [False, True], ids=["same parameters", "different parameters"])
def test_counts_of_a_constant_current(beside, shape, threads, each):
    """No input is read: the time is that of the arithmetic."""
    if c_loop() is None:
        pytest.skip("no C compiler")
    steps, size = shape
    current = np.linspace(0.1, 0.6, size, dtype=np.float32)
    rc = {"R": 5.1, "C": 5e-3, "threshold": 1.0}
    if each:
        rng = np.random.default_rng(0)
        rc = {k: v * rng.uniform(0.98, 1.02, size) for k, v in rc.items()}
    neuron = fastlif.Lapicque(time_step=1e-3, **rc)
    out, c_out = {"counts": np.zeros(size, np.int64)}, np.zeros(size, np.int32)

    def run():
        return neuron.run(current, steps=steps, record="counts", out=out, threads=threads)

    def in_c():
        def part(columns):
            into = same_part(c_out, columns, current)
            c_loop()(columns.ctypes.data, into.ctypes.data, len(columns), steps,
                     5.1, 5e-3, 1e-3, 1.0)  # fmt: skip

        in_threads(part, current, threads)

    beside(run, 0, in_c, size * steps, "rate relative to C in registers", by_steps=True)
    if not each:
        done = c_out > 0
        np.testing.assert_array_equal(out["counts"][done], c_out[done])
