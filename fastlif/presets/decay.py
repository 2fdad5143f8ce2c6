"""The decay factor of one time step."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastlif.checks import Numbers, Parameter
from fastlif.kernels.elementary import exp


def decay(dt: float, tau: Parameter, dtype: np.dtype[Any]) -> Numbers:
    """Return ``exp(-dt/tau)`` in ``dtype``, with a correctly rounded exponential.

    PyTorch divides a number by a tensor in two roundings, as a product with the reciprocal.
    """
    exponent = dtype.type(1) / np.asarray(tau, dtype) * -np.asarray(dt, dtype)
    return np.asarray(exp(exponent.astype(np.float64)), dtype)
