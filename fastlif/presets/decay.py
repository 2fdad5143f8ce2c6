"""What a step of exponential decay leaves."""

from typing import Any

import numpy as np

from fastlif.checks import Numbers, Parameter
from fastlif.kernels.elementary import exp


def decay(dt: float, tau: Parameter, dtype: np.dtype[Any]) -> Numbers:
    """Return ``exp(-dt/tau)``, the exponential correctly rounded.

    PyTorch divides a number by a tensor in two roundings: by the tensor's reciprocal.
    """
    exponent = dtype.type(1) / np.asarray(tau, dtype) * -np.asarray(dt, dtype)
    return np.asarray(exp(exponent.astype(np.float64)), dtype)
