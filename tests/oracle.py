"""The neurons in plain NumPy, in their sources' order of operations. Independent of fastlif."""

import numpy as np


def _number_or_array(value, dtype):
    """Keep Python numbers, which NumPy does not use for promotion; cast arrays to ``dtype``."""
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


def general(
    current, initial, dtype, *, threshold=1.0, time_step=1e-3, R=5.1, C=5e-3,
    reset_mechanism="subtract", integration="euler", rest=0.0, reset_to=None, reset_by=None,
    input="current", order="entering", inclusive=False, refractory=0, while_refractory="hold",
    floor=None, max_spikes=1, left=0,
):  # fmt: skip
    """Simulate fastlif.LIF with any options; return spikes, membranes, remaining period."""
    (theta, r, u0), steps = (np.asarray(p, dtype) for p in (threshold, R, rest)), refractory
    dt, R, C = (_number_or_array(p, dtype) for p in (time_step, R, C))
    rate = np.asarray(dt / (R * C), dtype)
    if integration == "exact":
        rate = np.asarray(1 - np.exp(-np.asarray(dt / (R * C), np.float64)), dtype)
    shape = np.broadcast_shapes(current.shape[1:], *(np.shape(p) for p in (theta, r, u0, rate)))
    u = np.array(np.broadcast_to(u0 if initial is None else np.asarray(initial, dtype), shape))
    left = np.array(np.broadcast_to(left, shape))

    def tested(v):
        if max_spikes > 1:
            return np.where(v >= theta, np.minimum(np.floor(v / theta), max_spikes), 0)
        return v >= theta if inclusive else v > theta

    def reset(b, s):
        if reset_mechanism == "subtract":
            amount = theta if reset_by is None else np.asarray(reset_by, dtype)
            return np.where(s > 0, b - s.astype(dtype) * amount, b)
        if reset_mechanism == "zero":
            return b - s * b
        if reset_mechanism == "value":
            return np.where(s, u0 if reset_to is None else np.asarray(reset_to, dtype), b)
        return b

    spikes, membrane = [], []
    for i in current.astype(dtype):
        active = left == 0
        if input == "voltage":
            b = u + rate * (u0 - u) + i
        else:
            x = u0 + i * r if np.any(u0) else i * r
            b = u + rate * (x - u)
        s = tested(b if order == "at_once" else u)
        s = s if max_spikes > 1 else s & active
        v = reset(b, s)
        if floor is not None:
            v = np.maximum(v, np.asarray(floor, dtype))
        if while_refractory == "hold":
            v = np.where(active, v, u)
        left = np.where(s > 0, steps, np.maximum(left - 1, 0))
        u = v.astype(dtype)
        if order == "delayed":
            s = tested(u) & (left == 0)
        spikes.append(s.astype(np.int32) if max_spikes > 1 else s)
        membrane.append(u)
    return np.array(spikes), np.array(membrane), left
