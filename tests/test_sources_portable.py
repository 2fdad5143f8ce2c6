"""Sources generate the same bits on every processor."""

import os
import subprocess
import sys

import pytest
from cases import full

DIGEST = """
import hashlib, sys
import numpy as np
from fastlif import sources as s

dtype = np.dtype(sys.argv[1])
digest = hashlib.sha256()
each = np.linspace(0.2, 0.9, 300)
drawn = [
    s.PoissonSpikes(0.3, 0.7, 1), s.PoissonSpikes(each, each, 2), s.GaussianCurrent(0.1, 0.3, 1),
    s.GaussianCurrent(each, 1 - each, 2), s.OrnsteinUhlenbeckCurrent(each, 0.3, 5 * each, 0.7, 1),
    s.SineCurrent(0.1, each, 0.03, each), s.RampCurrent(0.1, each, 3, 70),
    s.PulseCurrent(each, 3, 4.5, 9.7), s.WeightedInput(np.outer(np.arange(100), each), 0.3),
    s.Constant(each),
]
for source in [*drawn, sum(drawn[1:], start=drawn[0])]:
    digest.update(source.sample(100, 300, dtype).tobytes())
normal = s.GaussianCurrent(seed=5).sample(200, 10_000, dtype)  # with tails
assert normal.max() > 4.5
digest.update(normal.tobytes())
print(digest.hexdigest()[:16])
"""
STORED = {"f4": "da805f85a6bab10e", "f8": "058150fe039d1506"}


@pytest.mark.parametrize("dtype", ["f4", pytest.param("f8", marks=full)])
@pytest.mark.parametrize("generic", [False, True])
def test_the_bits_do_not_depend_on_the_processor(generic, dtype):
    """A generic processor has no fused operations, and vectors of another length."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    features = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    more = {"NUMBA_CPU_NAME": "generic", "NPY_DISABLE_CPU_FEATURES": features} if generic else {}
    result = subprocess.run(
        [sys.executable, "-c", DIGEST, dtype], env=os.environ | more, capture_output=True,
        text=True, timeout=300, check=True,
    )  # fmt: skip
    assert result.stdout.strip() == STORED[dtype]
