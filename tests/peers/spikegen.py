"""Cases of latency and delta encoding, whose results snnTorch's spikegen determines."""

import itertools

import numpy as np


def values():
    """Return images: values from 0 to 1, and both sides of the thresholds."""
    rng = np.random.default_rng(11)
    below, above = np.nextafter(np.float32(0.01), np.float32([0, 1]))
    edges = np.float32([0, 1, 0.01, below, above, 0.0100001, 0.3, 0.25, 0.5, 0.75])
    dim = rng.random(100).astype(np.float32) ** 4
    return np.concatenate([edges, rng.random(100).astype(np.float32), dim]).reshape(5, 2, 21)


def signals():
    """Return signals over time: noise, whole steps, repeats, NaN and infinities."""
    rng = np.random.default_rng(12)
    whole = rng.integers(-3, 4, (300, 2)).astype(np.float32)
    noise = rng.normal(0, 0.1, (300, 4)).astype(np.float32)
    odd = rng.choice(np.float32([0, 1e-9, 0.1, 0.2, -0.1, 1, np.nan, np.inf, -np.inf]), (300, 2))
    return np.concatenate([whole, noise, np.cumsum(noise, 0, np.float32), odd], axis=1)


def latency_cases():
    cases = []
    flags = itertools.product((False, True), repeat=3)
    for (normalize, linear, clip), threshold, first in itertools.product(
        flags, (0.01, 0.3), (0, 4)
    ):
        case = {"num_steps": 40, "normalize": normalize, "linear": linear, "clip": clip}
        case |= {"threshold": threshold, "first_spike_time": first, "tau": 7.5}
        cases.append(case | {"bypass": not normalize})
    cases += [
        {"bypass": True, "tau": 2.5},
        {"bypass": True, "tau": 3, "linear": True, "first_spike_time": 2},
        {"num_steps": 1, "normalize": True},
        # The sums and products of these parameters round differently in another order.
        {"num_steps": 90, "threshold": 0.8, "tau": 5},
        {"num_steps": 9, "threshold": 0.8, "tau": 7.5, "linear": True},
        {"num_steps": 9, "normalize": True, "epsilon": 1e-3},
        {"num_steps": 9, "normalize": True, "on_target": 0.75, "off_target": 0.25},
        {"num_steps": 9, "normalize": True, "on_target": -1, "off_target": -2, "clip": True},
    ]
    for more in (
        {"normalize": True},
        {"normalize": True, "linear": True, "clip": True},
        {"normalize": True, "linear": True, "first_spike_time": 3},
        {"tau": 4, "bypass": True},
        {"tau": 12, "bypass": True, "linear": True},
        {"normalize": True, "on_target": 1.25, "off_target": 0.25, "linear": True},
        {"normalize": True, "on_target": 0.3, "off_target": 0.1, "linear": True},
    ):
        cases.append({"num_steps": 12, "interpolate": True} | more)
    return cases


LATENCY = latency_cases()
DELTA = [
    {"threshold": threshold, "padding": padding, "off_spike": off_spike}
    for threshold in (0.1, 1, 0, -0.1)
    for padding in (False, True)
    for off_spike in (False, True)
]
