"""The operators that the layers call: ``fastlif::step``, ``fastlif::run`` and ``fastlif::spikes``.

Their arguments are tensors and strings only. Therefore, compilers see each of them as one node of a
graph, and a gradient formula can be registered for them. They read their inputs where they are and
return memory that a kernel has written. The layers check the arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastlif.checks import Numbers, parameter
from fastlif.execution.integrator import Integrator
from fastlif.kernels import catalogue
from fastlif.kernels.compose import Rule
from fastlif.model import Model

Derive = Callable[..., Mapping[str, Tensor]]

# The bounds of the parameters, by name.
BOUNDS: dict[str, dict[str, Any]] = {
    "beta": {},
    "R": {"above": 0},
    "C": {"above": 0},
    "time_step": {"above": 0},
    "threshold": {"finite": False},
}
LEAKY, LAPICQUE = ("beta", "threshold"), ("R", "C", "time_step", "threshold")


# PyTorch derives the constants, with snnTorch's expressions: so they have the same bits, also if
# the dtypes of the parameters differ.


def _of_leaky(beta: Tensor, threshold: Tensor) -> dict[str, Tensor]:
    return {"keep": beta.clamp(0, 1), "threshold": threshold}


def _of_lapicque(R: Tensor, C: Tensor, time_step: Tensor, threshold: Tensor) -> dict[str, Tensor]:
    tau = R * C
    keep = 1 - time_step / tau
    return {"gain": R, "rate": 1 / tau, "keep": keep, "step": time_step, "threshold": threshold}


# The parameters of each rule in the order of the operators, and how constants are derived from
# them. The names of rules are strings, because operators cannot take Python objects.
RULES: dict[str, tuple[Rule, tuple[str, ...], Derive]] = {
    f"{name}/{reset}": (rule, parameters, derive)
    for name, rules, parameters, derive in (
        ("leaky", catalogue.LEAKY, LEAKY, _of_leaky),
        ("leaky at once", catalogue.LEAKY_AT_ONCE, LEAKY, _of_leaky),
        ("lapicque", catalogue.LAPICQUE, LAPICQUE, _of_lapicque),
    )
    for reset, rule in rules.items()
}


# --- neurons --------------------------------------------------------------------------------------

_MOST_NEURONS = 64
_NEURONS: dict[Any, tuple[Integrator, list[Numbers]]] = {}


def neuron_of(rule: str, dtype: torch.dtype, parameters: Sequence[Tensor]) -> Integrator:
    """Return what integrates neurons with these values of the parameters.

    It is stored for the next call. Values are compared, because a tensor may change without any
    notice: writes to ``tensor.data`` do not increase its version.
    """
    key: list[Any] = [rule, dtype]
    several = []
    for value in parameters:
        key.append(value.dtype)
        if value.ndim:
            several.append(value)
            key += (value.data_ptr(), value.shape, value.stride())
        else:
            key.append(value.item())
    place = tuple(key)
    found = _NEURONS.get(place)
    if found is not None:
        integrator, known = found
        if not several or all(map(_same_bits, known, map(_bits, several))):
            return integrator
    copies = [value.detach().clone() for value in parameters]
    integrator = _built(rule, dtype, copies)
    if len(_NEURONS) >= _MOST_NEURONS:
        _NEURONS.clear()
    _NEURONS[place] = integrator, [_bits(copy) for copy in copies if copy.ndim]
    return integrator


def _bits(value: Tensor) -> Numbers:
    array: Numbers = value.detach().numpy()
    return array.view(np.dtype(f"i{array.itemsize}"))


def _same_bits(known: Numbers, now: Numbers) -> bool:
    return bool((known == now).all())


def _built(rule: str, dtype: torch.dtype, parameters: Sequence[Tensor]) -> Integrator:
    physics, names, derive = RULES[rule]
    for name, value in zip(names, parameters, strict=True):
        check_parameter(name, value)
        if value.dtype == torch.float64 and value.ndim and dtype == torch.float32:
            raise TypeError(
                f"{name} must not be wider than cur, got float64 with a cur of float32; convert "
                "one of them: layer.float() or cur.double()"
            )
    with torch.no_grad():
        constants = {name: value.numpy() for name, value in derive(*parameters).items()}
    shapes = tuple((name, tuple(p.shape)) for name, p in zip(names, parameters, strict=True))
    model = Model(
        physics, lambda _: constants, 0.0, shapes, lambda: f"the layer {rule}", float_spikes=True
    )
    return Integrator(model)


def check_parameter(name: str, value: Tensor, **bounds: float) -> None:
    """Raise if a parameter has a dtype or values that neurons cannot have."""
    if value.dtype.is_complex or value.dtype in (torch.float16, torch.bfloat16, torch.bool):
        raise TypeError(
            f"{name} must be float32, float64 or an integer, got a tensor of {_short(value.dtype)}"
        )
    parameter(name, value.detach().numpy(), **(BOUNDS[name] | bounds))


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


# --- operators ------------------------------------------------------------------------------------

_BOTH = ("membrane", "spikes")


def _step(
    cur: Tensor, mem: Tensor | None, parameters: Sequence[Tensor], rule: str, surrogate: str,
    values: Sequence[float],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    neuron = neuron_of(rule, cur.dtype, parameters)
    now, old = array_of(cur), None if mem is None else array_of(mem)
    done = neuron.again(now, old, None)
    spk, new = neuron.step(now, old, None) if done is None else done
    return torch.from_numpy(spk), torch.from_numpy(new)


def _run(
    cur: Tensor, mem: Tensor | None, parameters: Sequence[Tensor], rule: str, surrogate: str,
    values: Sequence[float], steps: int | None, threads: int | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    run = _integrated(cur, mem, parameters, rule, steps, threads, _BOTH)
    return torch.from_numpy(run.spikes), torch.from_numpy(run.membrane)


def _spikes(
    cur: Tensor, mem: Tensor | None, parameters: Sequence[Tensor], rule: str, steps: int | None,
    threads: int | None,
) -> Tensor:  # fmt: skip
    run = _integrated(cur, mem, parameters, rule, steps, threads, ("spikes",))
    return torch.from_numpy(run.spikes)


def _integrated(
    cur: Tensor, mem: Tensor | None, parameters: Sequence[Tensor], rule: str, steps: int | None,
    threads: int | None, record: tuple[str, ...],
) -> Any:  # fmt: skip
    neuron = neuron_of(rule, cur.dtype, parameters)
    initial = None if mem is None else array_of(mem)
    threads = torch.get_num_threads() if threads is None else threads
    return neuron.run(array_of(cur), initial, steps, record, None, 1, None, threads, False)


def array_of(value: Tensor) -> Numbers:
    """Return a view of a tensor."""
    try:
        array: Numbers = value.numpy()
    except RuntimeError:  # negated when it is read, which NumPy's arrays cannot be
        array = value.resolve_neg().numpy()
    return array


# What compilers need to know: shapes, dtypes and layouts.


def _of_step(cur: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return cur.new_empty(cur.shape), cur.new_empty(cur.shape)


def _of_run(
    cur: Tensor, mem: Any, parameters: Any, rule: str, surrogate: str, values: Any,
    steps: int | None, threads: int | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    spikes = _of_spikes(cur, mem, parameters, rule, steps, threads)
    return spikes, torch.empty_like(spikes)


def _of_spikes(
    cur: Tensor, mem: Any, parameters: Any, rule: str, steps: int | None, threads: int | None
) -> Tensor:
    return cur.new_empty(cur.shape if steps is None else (steps, *cur.shape))


_ARGUMENTS = "Tensor cur, Tensor? mem, Tensor[] parameters, str rule"
_SURROGATE = "str surrogate, float[] values"
for _name, _schema, _function, _fake in (
    ("step", f"({_ARGUMENTS}, {_SURROGATE}) -> (Tensor, Tensor)", _step, _of_step),
    (
        "run",
        f"({_ARGUMENTS}, {_SURROGATE}, int? steps, int? threads) -> (Tensor, Tensor)",
        _run,
        _of_run,
    ),
    ("spikes", f"({_ARGUMENTS}, int? steps, int? threads) -> Tensor", _spikes, _of_spikes),
):
    torch.library.define(f"fastlif::{_name}", _schema)
    torch.library.impl(f"fastlif::{_name}", "CPU", _function)
    torch.library.register_fake(f"fastlif::{_name}", _fake)

step = torch.ops.fastlif.step.default
run = torch.ops.fastlif.run.default
spikes = torch.ops.fastlif.spikes.default
