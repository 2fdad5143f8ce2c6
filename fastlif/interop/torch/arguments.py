"""Checks of the tensors that a layer is called with. Messages name the argument and its value."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

_DTYPES = (torch.float32, torch.float64)
_EMPTY = (0,)


def described(value: Any) -> str:
    """Describe ``value`` briefly for an error message."""
    if not isinstance(value, Tensor):
        return f"{type(value).__name__}"
    dtype, layout = (str(x).removeprefix("torch.") for x in (value.dtype, value.layout))
    kind = "nested" if value.is_nested else layout
    kind = "" if kind == "strided" else f"{kind} "
    return f"a {kind}tensor of shape {tuple(value.shape)} and dtype {dtype} on {value.device}"


def checked(
    cur: Any, mem: Any, names: Sequence[str], parameters: Sequence[Tensor], over_time: bool
) -> Tensor | None:
    """Return the membrane that enters a step or a run; None if that is 0.

    Raises if the arguments do not fit together, or if one of them needs a gradient.
    """
    _check_tensor("cur", cur)
    if over_time and not cur.ndim:
        raise ValueError(f"cur must have time as its first axis, got {described(cur)}")
    population = cur.shape[1:] if over_time else cur.shape
    differentiable = cur.requires_grad
    if mem is not None:
        _check_tensor("mem", mem)
        if mem.shape == _EMPTY:
            mem = None
        elif mem.shape != population:
            raise ValueError(
                f"mem must have the population's shape {tuple(population)}, got "
                f"{tuple(mem.shape)}; an empty tensor, as reset_mem() returns, starts from 0"
            )
        elif mem.dtype != cur.dtype:
            raise TypeError(f"mem must have the dtype of cur, {cur.dtype}, got {described(mem)}")
        else:
            differentiable = differentiable or mem.requires_grad
    for name, value in zip(names, parameters, strict=True):
        if not value.is_cpu:
            raise TypeError(f"{name} must be on the CPU, got {described(value)}")
        if value.ndim and not _fits(value.shape, population):
            raise ValueError(
                f"{name} must match the last axes of the population's shape {tuple(population)}, "
                f"got {tuple(value.shape)}"
            )
        differentiable = differentiable or value.requires_grad
    if differentiable and torch.is_grad_enabled():
        raise RuntimeError(
            "fastlif's layers have no gradients yet, and an input or a parameter requires them; "
            "call the network within torch.inference_mode() or torch.no_grad()"
        )
    if forward_ad._current_level >= 0:  # tangents would be lost; PyTorch has no public test
        raise RuntimeError("fastlif's layers have no forward-mode derivatives")
    return mem


def _check_tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, got {described(value)}")
    if value.layout is not torch.strided or value.is_nested:
        raise TypeError(f"{name} must be a dense tensor, got {described(value)}")
    if not value.is_cpu:
        raise TypeError(f"{name} must be on the CPU, got {described(value)}")
    if value.dtype not in _DTYPES:
        raise TypeError(f"{name} must be float32 or float64, got {described(value)}")


def _fits(shape: tuple[int, ...], population: tuple[int, ...]) -> bool:
    """Tell whether a parameter of this shape broadcasts to the population."""
    if len(shape) > len(population):
        return False
    last = population[len(population) - len(shape) :]
    return all(own in (1, size) for own, size in zip(shape, last, strict=True))
