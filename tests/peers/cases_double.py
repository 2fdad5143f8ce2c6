"""The cases of the simulators that compute in double precision: Brian2 and NEST."""

from peers import cases
from peers.cases import Case

MODULES = {"brian2_lif": "brian2", "nest_iaf_psc_delta": "nest"}

CASES = {
    "brian2_lif": [
        Case({"tau": 0.0137, "v_rest": -0.0317, "R": 1.07}, -13.1, 25.3, "float64"),
        Case(
            {
                "tau": 0.0173,
                "v_rest": -0.0653,
                "v_th": -0.0501,
                "v_reset": -0.0703,
                "R": 1.37e8,
                "refractory": 0.00237,
                "method": "euler",
                "dt": 1.07e-4,
            },
            -3.1e-10,
            1.39e-9,
            "float64",
        ),
        Case(
            {
                "tau": ("each", 0.0061, 0.0173),
                "v_rest": ("each", -0.131, 0.073),
                "v_th": ("each", 0.83, 1.31),
                "v_reset": ("each", -0.37, -0.17),
                "R": ("each", 0.73, 1.31),
                "refractory": 0.0007,
            },
            -7.1,
            23.9,
            "float64",
        ),
        Case(
            {
                "tau": ("each", 0.0061, 0.0173),
                "v_rest": -0.131,
                "v_th": 0.913,
                "v_reset": 0.0173,
                "method": "euler",
                "dt": 9.3e-5,
            },
            -17.3,
            29.7,
            "float64",
        ),
    ],
    "nest_iaf_psc_delta": [
        Case({}, -731.0, 2730.0, "float64"),
        Case(
            {
                "tau_m": 17.3,
                "C_m": 231.7,
                "t_ref": 0.0,
                "E_L": -64.93,
                "I_e": 173.1,
                "V_th": -62.17,
                "V_min": -65.31,
                "V_reset": -66.07,
            },
            -4370.0,
            5730.0,
            "float64",
        ),
        Case(
            {
                "tau_m": ("each", 7.3, 23.1),
                "C_m": ("each", 173.0, 271.0),
                "t_ref": 0.37,
                "V_th": ("each", -59.3, -51.7),
                "V_reset": ("each", -73.1, -66.1),
            },
            -3170.0,
            7310.0,
            "float64",
        ),
        Case(
            {
                "t_ref": ("each", 0.0, 2.3),
                "E_L": -61.7,
                "I_e": -213.7,
                "V_th": -57.3,
                "V_min": -62.3,
                "V_reset": -63.7,
                "dt": 0.125,
            },
            -2710.0,
            5930.0,
            "float64",
        ),
    ],
}


def current_of(name, index):
    return cases.current_of(name, index, CASES)


def parameters_of(name, index):
    return cases.parameters_of(name, index, CASES)
