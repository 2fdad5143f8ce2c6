"""exp, expm1, log and log1p against 60-digit arithmetic, and their bits on other processors."""

import os
import subprocess
import sys
from decimal import Context, Decimal, localcontext

import numpy as np
import pytest
from numba import njit

from fastlif.kernels import elementary

INF, NAN, TINY = np.inf, np.nan, 5e-324
DIGITS = Context(prec=60, Emax=10**6, Emin=-(10**6))


def exact(name, x):
    """Return the correctly rounded value, by decimal arithmetic with 60 digits."""
    with localcontext(DIGITS):
        d = Decimal(float(x))
        if name == "exp":
            return float(d.exp())
        if name == "expm1":  # the series where subtraction would cost digits
            return float(d + d * d / 2 + d**3 / 6 if abs(d) < Decimal("1e-18") else d.exp() - 1)
        if name == "log":
            return float(d.ln())
        small = abs(d) < Decimal("1e-18")
        return float(d - d * d / 2 + d**3 / 3 if small else (1 + d).ln())


def points(name, count):
    """Draw arguments from the ranges that neurons use, and from all that there are."""
    rng = np.random.default_rng(7)
    part = count // 5
    signs = rng.choice([-1.0, 1.0], part)
    if name in ("exp", "expm1"):
        ranges = [
            -rng.exponential(0.3, part),
            rng.uniform(-50, 0, part),
            signs * 10 ** rng.uniform(-20, 0, part),
            rng.uniform(-745, 709.7, part),
            -(10 ** rng.uniform(-6, 1.5, part)),
        ]
    elif name == "log":
        ranges = [
            rng.uniform(1, 10, part),
            1 + signs * 10 ** rng.uniform(-15, -1, part),
            10 ** rng.uniform(0, 6, part),
            10 ** rng.uniform(-300, 300, part),
            rng.uniform(0, 1, part),
        ]
    else:
        ranges = [
            rng.uniform(-1, 1, part),
            signs * 10 ** rng.uniform(-20, -1, part),
            -1 + 10 ** rng.uniform(-15, -0.1, part),
            10 ** rng.uniform(-2, 300, part),
            rng.exponential(1, part),
        ]
    return np.concatenate(ranges)


COUNT = int(os.environ.get("FASTLIF_TEST_POINTS", "10000"))  # CI sets 100000
FUNCTIONS = ("exp", "expm1", "log", "log1p")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_value_is_correctly_rounded(name):
    x = points(name, COUNT)
    expected = np.array([exact(name, value) for value in x])
    found = getattr(elementary, name)(x)
    wrong = np.flatnonzero(found != expected)
    assert not len(wrong), (x[wrong[:5]], found[wrong[:5]], expected[wrong[:5]])


EDGES = {
    "exp": [
        (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (709.78, exact("exp", 709.78)),
        (709.79, INF), (1e300, INF), (-745.13, TINY), (-745.14, 0.0), (-1e300, 0.0), (1e-300, 1.0),
        (-708.5, exact("exp", -708.5)), (-744.0, exact("exp", -744.0)),
    ],
    "expm1": [
        (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (-1e300, -1.0), (710.0, INF),
        (TINY, TINY), (-1e-310, -1e-310), (1e-20, 1e-20), (-40.0, -1.0),
    ],
    "log": [
        (1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1.0, NAN), (-INF, NAN),
        (TINY, exact("log", TINY)), (1e-310, exact("log", 1e-310)), (np.e, 1.0),
        (1.7976931348623157e308, exact("log", 1.7976931348623157e308)),
    ],
    "log1p": [
        (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-1.0, -INF), (-1.5, NAN), (-INF, NAN),
        (TINY, TINY), (-1e-310, -1e-310), (1e-20, 1e-20),
        (1.7976931348623157e308, exact("log", 1.7976931348623157e308)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_edges(name):
    function = getattr(elementary, name)
    compiled = njit(lambda x: function(x))
    for x, expected in [*EDGES[name], (NAN, NAN)]:
        for found in (function(x), function(np.array([x]))[0], compiled(x)):
            assert np.array_equal(found, expected, equal_nan=True), (x, found)
            assert np.isnan(expected) or np.signbit(found) == np.signbit(expected), x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_scalars_equal_arrays(name):
    function = getattr(elementary, name)

    @njit
    def fill(x, out):
        for k in range(len(x)):
            out[k] = function(x[k])

    x = points(name, 5000)
    out = np.empty_like(x)
    fill(x, out)
    assert np.array_equal(out, function(x))
    assert function(x[:6].reshape(2, 3)).shape == (2, 3)
    assert isinstance(function(0.5), float)


DIGEST = """
import hashlib
import numpy as np
from numba import njit
from fastlif.kernels import elementary

digest = hashlib.sha256()
grid = np.ldexp(np.linspace(0.5, 1, 500), np.arange(-40, 5)[:, None]).ravel()
for name in ("exp", "expm1", "log", "log1p"):
    function, x = getattr(elementary, name), grid if "log" in name else -grid
    @njit
    def fill(x, out):
        for k in range(len(x)):
            out[k] = function(x[k])
    out = np.empty_like(x)
    fill(x, out)
    digest.update(out.tobytes())
    digest.update(function(x).tobytes())
print(digest.hexdigest()[:16])
"""
STORED = "59b7d564e41a50e4"  # of the values that the test above found correctly rounded


@pytest.mark.parametrize("generic", [False, True])
def test_the_bits_do_not_depend_on_the_processor(generic):
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    features = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    more = {"NUMBA_CPU_NAME": "generic", "NPY_DISABLE_CPU_FEATURES": features} if generic else {}
    result = subprocess.run(
        [sys.executable, "-c", DIGEST], env=os.environ | more, capture_output=True, text=True,
        timeout=300, check=True,
    )  # fmt: skip
    assert result.stdout.strip() == STORED
