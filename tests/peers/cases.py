"""The cases in which a preset is compared with its simulator: parameters and random currents."""

import zlib
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """A run: its current is uniform in [low, high), as is a parameter ("each", low, high)."""

    parameters: dict
    low: float
    high: float
    dtype: str = "float32"
    steps: int = 1000
    neurons: int = 250


MODULES = {
    "norse_lif": "norse",
    "norse_lif_box": "norse",
    "spikingjelly_lif": "spikingjelly",
    "spikingjelly_if": "spikingjelly",
    "sinabs_lif": "sinabs",
    "rockpool_lif": "rockpool",
    "nengo_lif": "nengo",
    "nengo_spiking_rectified_linear": "nengo",
    "snntorch_lapicque": "snntorch",
    "snntorch_leaky": "snntorch",
    "nir_lif": "nir_reference",
}

CASES: dict[str, list[Case]] = {
    "nir_lif": [
        Case({}, -4.1, 6.3),
        Case({"tau": 0.0173, "r": 1.31, "v_leak": 0.0317, "v_threshold": 0.913}, -2.3, 4.1),
        Case({"tau": 0.0117, "v_threshold": 1.07, "v_reset": 0.0, "dt": 0.00093}, -3.1, 5.3),
        Case(
            {
                "tau": ("each", 0.0113, 0.0311),
                "r": ("each", 0.53, 1.47),
                "v_leak": ("each", -0.11, 0.13),
                "v_threshold": ("each", 0.83, 1.19),
            },
            -4.3,
            7.1,
        ),
    ],
    "norse_lif": [
        Case({}, -0.61, 0.97),
        Case(
            {
                "tau_syn_inv": 173.1,
                "tau_mem_inv": 87.3,
                "v_leak": 0.0317,
                "v_th": 0.913,
                "v_reset": -0.0721,
                "dt": 0.00107,
            },
            -0.41,
            0.83,
        ),
        Case(
            {
                "tau_syn_inv": ("each", 113.0, 287.0),
                "tau_mem_inv": ("each", 61.3, 143.0),
                "v_leak": ("each", -0.11, 0.13),
                "v_th": ("each", 0.83, 1.31),
                "v_reset": ("each", -0.21, 0.17),
            },
            -0.53,
            1.03,
        ),
        Case(
            {
                "tau_syn_inv": 211.7,
                "tau_mem_inv": ("each", 47.3, 113.0),
                "v_leak": -65.3,
                "v_th": -50.1,
                "v_reset": ("each", -70.3, -61.7),
                "dt": 0.00093,
            },
            -7.3,
            14.9,
            "float64",
        ),
    ],
    "norse_lif_box": [
        Case({}, -3.1, 4.9),
        Case(
            {
                "tau_mem_inv": 87.3,
                "v_leak": 0.0317,
                "v_th": 0.913,
                "v_reset": 0.173,
                "reset_method": "reset_subtract",
                "dt": 0.00107,
            },
            -2.3,
            4.1,
        ),
        Case(
            {
                "tau_mem_inv": ("each", 61.3, 143.0),
                "v_leak": ("each", -0.11, 0.13),
                "v_th": ("each", 0.83, 1.31),
                "v_reset": ("each", -0.21, 0.17),
            },
            -3.1,
            4.7,
        ),
        Case(
            {
                "tau_mem_inv": ("each", 47.3, 113.0),
                "v_leak": -0.373,
                "v_th": ("each", 0.83, 1.31),
                "reset_method": "reset_subtract",
                "dt": 0.00093,
            },
            -3.7,
            6.7,
            "float64",
        ),
    ],
    "spikingjelly_lif": [
        Case({}, -1.3, 1.7),
        Case({"tau": 17.3, "v_threshold": 0.913, "v_reset": -0.173}, -7.3, 9.7),
        Case(
            {"tau": 3.07, "decay_input": False, "v_threshold": 1.07, "v_reset": None},
            -0.73,
            0.83,
        ),
        Case(
            {"tau": 7.31, "decay_input": False, "v_threshold": 1.31, "v_reset": 0.0613},
            -0.73,
            0.83,
            "float64",
        ),
    ],
    "spikingjelly_if": [
        Case({}, -0.73, 0.83),
        Case({"v_threshold": 1.07, "v_reset": None}, -0.73, 0.83),
        Case({"v_threshold": 0.613, "v_reset": -0.173}, -0.53, 0.59),
        Case({"v_threshold": 0.913, "v_reset": None}, -0.71, 0.79, "float64"),
    ],
    "sinabs_lif": [
        Case({"tau_mem": 17.3}, -31.7, 27.9),
        Case(
            {
                "tau_mem": 23.1,
                "tau_syn": 7.31,
                "spike_threshold": 0.913,
                "spike_fn": "SingleSpike",
                "reset_fn": "MembraneReset",
                "min_v_mem": -0.317,
            },
            -2.3,
            2.7,
        ),
        Case(
            {
                "tau_mem": ("each", 7.3, 31.7),
                "tau_syn": ("each", 2.3, 9.7),
                "spike_threshold": ("each", 0.83, 1.31),
                "reset_fn": "MembraneReset",
                "norm_input": False,
            },
            -0.71,
            0.61,
        ),
        Case(
            {
                "tau_mem": 9.07,
                "spike_threshold": 1.07,
                "spike_fn": "SingleSpike",
                "min_v_mem": ("each", -0.73, -0.17),
                "norm_input": False,
            },
            -0.61,
            0.67,
        ),
    ],
    "rockpool_lif": [
        Case({}, -0.031, 0.037),
        Case(
            {
                "tau_mem": 0.0173,
                "tau_syn": 0.00731,
                "bias": 0.0107,
                "threshold": 0.613,
                "dt": 0.00107,
            },
            -0.61,
            0.49,
        ),
        Case(
            {
                "tau_mem": ("each", 0.0073, 0.0313),
                "tau_syn": ("each", 0.0023, 0.0127),
                "bias": ("each", -0.0131, 0.0173),
                "threshold": ("each", 0.83, 1.31),
            },
            -0.23,
            0.23,
        ),
        Case({"tau_syn": 0.00317, "threshold": 0.317, "max_spikes_per_dt": 2}, -0.97, 0.79),
    ],
    "nengo_lif": [
        Case({}, -3.1, 6.1, "float64"),
        Case(
            {"tau_rc": 0.0173, "tau_ref": 0.0, "min_voltage": -0.317, "dt": 0.00107},
            -3.1,
            5.3,
            "float64",
        ),
        Case(
            {"tau_ref": 0.0213, "min_voltage": -np.inf, "amplitude": 1.31},
            -3.1,
            7.9,
            "float64",
        ),
        Case(
            {"tau_rc": 0.0313, "tau_ref": 0.00317, "min_voltage": -1.07, "dt": 0.00213},
            -3.1,
            5.3,
            "float64",
        ),
    ],
    "nengo_spiking_rectified_linear": [
        Case({}, -593.0, 371.0, "float64"),
        Case({"amplitude": 0.37, "dt": 0.00107}, -31700.0, 3170.0, "float64"),
        Case({"amplitude": 1.31, "dt": 0.000613}, -593.0, 431.0, "float64"),
        Case({"dt": 0.00213}, -173.0, 123.0, "float64"),
    ],
    "snntorch_lapicque": [
        Case({"beta": 0.913}, -2.3, 4.1),
        Case(
            {
                "R": 5.13,
                "C": 0.00517,
                "time_step": 0.00107,
                "threshold": 0.913,
                "reset_mechanism": "zero",
            },
            -0.53,
            0.97,
        ),
        Case(
            {"beta": 0.873, "R": 1.37, "time_step": 0.517, "threshold": ("each", 0.83, 1.31)},
            -2.3,
            2.9,
        ),
        Case(
            {"beta": 0.937, "C": 0.0213, "time_step": 0.00093, "reset_mechanism": "none"},
            -3.7,
            5.1,
        ),
    ],
    "snntorch_leaky": [
        Case({"beta": 0.913}, -0.31, 0.41),
        Case(
            {
                "beta": ("each", 0.73, 0.97),
                "threshold": ("each", 0.83, 1.31),
                "reset_mechanism": "zero",
                "reset_delay": False,
            },
            -0.53,
            0.67,
        ),
        Case({"beta": 0.873, "threshold": 0.713, "reset_delay": False}, -0.41, 0.53),
        Case({"beta": 0.957, "threshold": 1.07, "reset_mechanism": "none"}, -0.41, 0.38),
    ],
}


def current_of(name, index, cases=CASES):
    case = cases[name][index]
    rng = np.random.RandomState(seed_of(name, index))
    return rng.uniform(case.low, case.high, (case.steps, case.neurons)).astype(case.dtype)


def parameters_of(name, index, cases=CASES):
    case = cases[name][index]
    rng = np.random.RandomState(seed_of(name, index) + 1)
    return {
        key: rng.uniform(*value[1:], case.neurons).astype(case.dtype)
        if isinstance(value, tuple)
        else value
        for key, value in case.parameters.items()
    }


def seed_of(name, index):
    # Halved, so that the seed and the next integer are below 2**32.
    return zlib.crc32(f"{name} {index}".encode()) // 2
