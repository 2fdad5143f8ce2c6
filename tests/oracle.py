"""The neurons in plain NumPy, one operation a source operation. Imports nothing from fastlif."""

import numpy as np


def _number_or_array(value, dtype):
    """As NumPy takes them: Python's numbers weakly, arrays in the state's dtype."""
    return value if isinstance(value, (int, float)) else np.asarray(value, dtype)


def lapicque(u, i, dtype, *, R, C, time_step, threshold, reset_mechanism="subtract"):
    R, C, dt, theta = (np.asarray(p, dtype) for p in (R, C, time_step, threshold))
    r = u > theta
    b = i * R * (1 / (R * C)) * dt + (1 - dt / (R * C)) * u
    if reset_mechanism == "subtract":
        b = np.where(r, b - theta, b)
    elif reset_mechanism == "zero":
        b = b - r * b
    return b > theta, b


def leaky(u, i, dtype, *, beta, threshold, reset_mechanism="subtract", reset_delay=True):
    beta, theta = np.clip(np.asarray(beta, dtype), 0, 1), np.asarray(threshold, dtype)
    r = u > theta
    if reset_mechanism == "zero":
        u = (1 - r.astype(dtype)) * u
    b = beta * u + i
    if reset_mechanism == "subtract":
        b = np.where(r, b - theta, b)
    s = b > theta
    if not reset_delay:
        d = s.astype(dtype) - r.astype(dtype)
        if reset_mechanism == "subtract":
            b = np.where(d == 0, b, b - d * theta)
        elif reset_mechanism == "zero":
            b = b - d * b
    return s, b


def lif(u, i, dtype, *, R, C, time_step, threshold, reset_mechanism="subtract"):
    R, C, dt = (_number_or_array(p, dtype) for p in (R, C, time_step))
    theta = np.asarray(threshold, dtype)
    s = u > theta
    rate = np.asarray(dt / (R * C), dtype)
    b = u + rate * (-u + i * np.asarray(R, dtype))
    if reset_mechanism == "subtract":
        b = np.where(s, b - theta, b)
    elif reset_mechanism == "zero":
        b = b - s * b
    return s, b


def run(step, current, initial, dtype, **parameters):
    """Step through ``current`` (T, *population); return spikes and membranes."""
    u = np.asarray(initial, dtype)
    spikes, membrane = [], []
    with np.errstate(all="ignore"):
        for i in current:
            s, u = step(u, np.asarray(i, dtype), dtype, **parameters)
            assert u.dtype == dtype
            spikes.append(s)
            membrane.append(u)
    return np.array(spikes), np.array(membrane)
