"""A current that is constant in time, counts: beside a loop in C that stays in registers."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fastlif

# Lapicque's neuron with its state in vector registers; nothing is read or written in between.
SOURCE = """
#define LANES (VECTOR / 4)
typedef float real __attribute__((vector_size(VECTOR)));
typedef int whole __attribute__((vector_size(VECTOR)));
void counts(const float *current, int *out, long neurons, long steps,
            float R, float C, float dt, float threshold) {
    real theta = (real){} + threshold, keep = (real){} + (1 - dt / (R * C));
    for (long j = 0; j + 8 * LANES <= neurons; j += 8 * LANES) {
        real u[8], x[8]; whole n[8];
        for (int q = 0; q < 8; q++) {
            u[q] = (real){}; n[q] = (whole){};
            for (int k = 0; k < LANES; k++) x[q][k] = current[j + q * LANES + k];
            x[q] = x[q] * R * (1 / (R * C)) * dt;
        }
        for (long t = 0; t < steps; t++)
            for (int q = 0; q < 8; q++) {
                real b = x[q] + keep * u[q];
                u[q] = b - (real)((u[q] > theta) & (whole)theta);
                n[q] -= u[q] > theta;
            }
        for (int q = 0; q < 8; q++)
            for (int k = 0; k < LANES; k++) out[j + q * LANES + k] = n[q][k];
    }
}
"""


@pytest.fixture(scope="module")
def c_loop(tmp_path_factory):
    """Compile the loop; skip where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("limit")
    (folder / "limit.c").write_text(SOURCE)
    flags = ["-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"]
    features = Path("/proc/cpuinfo")
    vector = 64 if features.exists() and "avx512f" in features.read_text() else 32
    command = [compiler, *flags, f"-DVECTOR={vector}", "-o", "limit.so", "limit.c"]
    subprocess.run(command, cwd=folder, check=True)
    function = ctypes.CDLL(str(folder / "limit.so")).counts
    function.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        *[ctypes.c_long] * 2,
        *[ctypes.c_float] * 4,
    ]
    return function


@pytest.mark.benchmark(group="constant input")
@pytest.mark.parametrize("each", [False, True], ids=["same parameters", "different parameters"])
def test_counts_of_a_constant_current(beside, shape, threads, in_threads, c_loop, each):
    """Nothing to read: what the arithmetic takes."""
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
            c_loop(columns.ctypes.data, c_part(columns).ctypes.data, len(columns), steps,
                   5.1, 5e-3, 1e-3, 1.0)  # fmt: skip

        def c_part(columns):
            first = (columns.ctypes.data - current.ctypes.data) // 4
            return c_out[first : first + len(columns)]

        in_threads(part, current)

    beside(run, None, in_c, size * steps, "rate by that of C in registers")
    if not each:
        done = c_out > 0
        np.testing.assert_array_equal(out["counts"][done], c_out[done])
