"""What the RC-circuit neurons share."""

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, Parameter

RESETS = ("subtract", "zero", "none")


def ratio(time_step: Parameter, R: Parameter, C: Parameter) -> Numbers:
    """Return time_step/(R*C) with NumPy's rounding: Python numbers are computed in float64."""
    tau = R * C
    if isinstance(tau, float) and tau == 0:
        return np.asarray(math.inf)
    with np.errstate(all="ignore"):
        return np.asarray(time_step / tau)


def warn_unstable(rates: ArrayLike, stacklevel: int = 4) -> None:
    """Warn if an Euler step is longer than the time constant."""
    worst = float(np.max(rates, initial=0.0))
    if worst > 1:
        warnings.warn(
            f"time_step is {worst:.3g} times R*C: Euler's method overshoots if this ratio exceeds "
            "1 and diverges if it exceeds 2",
            stacklevel=stacklevel,
        )
