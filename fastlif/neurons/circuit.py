"""What the RC-circuit neurons share."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastlif.checks import Numbers, Parameter

RESETS = ("subtract", "zero", "none")


def combined(operation: Callable[[Any, Any], Any], a: Any, b: Any, dtype: DTypeLike) -> Any:
    """Apply ``operation`` as NumPy 2 does: a Python number takes the dtype of an array.

    Two Python numbers are computed in float64. NumPy 1 would compute those and arrays without axes
    in float64, too.
    """
    if isinstance(a, float) and isinstance(b, float):
        return operation(a, b)
    return operation(np.asarray(a, dtype), np.asarray(b, dtype))


def ratio(time_step: Parameter, tau: Parameter, dtype: DTypeLike = np.float64) -> Numbers:
    """Return time_step/tau with NumPy's rounding."""
    if isinstance(tau, float) and tau == 0:
        return np.asarray(math.inf)
    with np.errstate(all="ignore"):
        return np.asarray(combined(operator.truediv, time_step, tau, dtype))


def warn_reset(
    threshold: Parameter,
    rest: Parameter,
    by: Parameter | None = None,
    to: Parameter | None = None,
    stacklevel: int = 4,
) -> None:
    """Warn if a neuron fires without input, or again after each reset.

    A spike subtracts ``by`` from the membrane or sets it to ``to``.
    """
    limit = np.asarray(threshold, np.float64)
    problem = None
    if np.any(np.asarray(rest) >= limit):
        problem = f"the resting potential {rest!s} is not below the threshold {threshold!s}"
    elif to is not None and np.any(np.asarray(to) >= limit):
        problem = f"a spike resets the membrane to {to!s}, not below the threshold {threshold!s}"
    elif by is not None and np.any(np.asarray(by) <= 0):
        problem = f"a spike subtracts {by!s} from the membrane, which does not lower it"
    if problem is not None:
        warnings.warn(
            f"{problem}: the neuron can fire in every step; see reset_mechanism, reset_to, "
            "reset_by and rest",
            stacklevel=stacklevel,
        )


def warn_reset_by_name(mechanism: str, threshold: Parameter) -> None:
    """Warn about a neuron that rests at 0 and has one of RESETS."""
    if mechanism != "none":
        by, to = (threshold, None) if mechanism == "subtract" else (None, 0.0)
        warn_reset(threshold, 0.0, by, to, stacklevel=5)


def warn_unstable(rates: ArrayLike, tau: str = "R*C", stacklevel: int = 4) -> None:
    """Warn if an Euler step is longer than the time constant."""
    worst = float(np.max(rates, initial=0.0))
    if worst > 1:
        warnings.warn(
            f"time_step is {worst:.3g} times {tau}: Euler's method overshoots if this ratio "
            "exceeds 1 and diverges if it exceeds 2",
            stacklevel=stacklevel,
        )
