"""Checks of the tensors that a layer is called with. Messages name the argument and its value."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C import _functorch  # PyTorch has no public tests for tensors within its transforms
from torch.autograd import forward_ad

from fastlif.checks import whole

_DTYPES = (torch.float32, torch.float64)
_EMPTY = (0,)
_LEARNED = ("beta", "threshold")  # the parameters that have a gradient


def described(value: Any) -> str:
    """Describe ``value`` briefly for an error message."""
    if not isinstance(value, Tensor):
        return f"{type(value).__name__}"
    dtype, layout = (str(x).removeprefix("torch.") for x in (value.dtype, value.layout))
    kind = "nested" if value.is_nested else layout
    kind = "" if kind == "strided" else f"{kind} "
    return f"a {kind}tensor of shape {tuple(value.shape)} and dtype {dtype} on {value.device}"


def needs_gradient(*values: Any) -> bool:
    """Tell whether one of these tensors requires a gradient, or may: ``torch.vmap`` hides that."""
    if any(getattr(value, "requires_grad", False) for value in values):
        return True
    return not torch.compiler.is_compiling() and any(
        isinstance(value, Tensor) and _functorch.is_functorch_wrapped_tensor(value)
        for value in values
    )


def timeless(cur: Any, steps: int | None) -> tuple[Any, int | None]:
    """Return a current that is constant in time without its time axis, and the number of steps.

    Also for a tensor that was expanded over time, so that it is never materialised, nor is its
    gradient. Other currents are returned as they are.
    """
    if steps is not None:
        return cur, whole("steps", steps, 0)
    if (
        not isinstance(cur, Tensor)
        or torch.compiler.is_compiling()
        or not cur.ndim
        or cur.layout is not torch.strided
        or _functorch.is_functorch_wrapped_tensor(cur)
        or len(cur) < 2
        or cur.stride(0) != 0
    ):
        return cur, None
    if not cur.requires_grad or not torch.is_grad_enabled():
        return cur[0], len(cur)
    expanded = _expanded(cur)
    return (cur, None) if expanded is None else (expanded, len(cur))


def _expanded(cur: Tensor) -> Tensor | None:
    """Return the tensor that was expanded over time, if it may receive the gradient instead."""
    base = cur._base
    if base is None or cur.retains_grad or cur._backward_hooks:  # asks for the whole gradient
        return None
    if base.shape != cur.shape[1:] or base.stride() != cur.stride()[1:]:
        return None
    # A view may also be a leaf, which has been detached and requires a gradient of its own.
    node, output = cur.grad_fn, 0
    while node is not None and node.name() in ("ExpandBackward0", "UnsqueezeBackward0"):
        ((node, output),) = node.next_functions
    if base.grad_fn is None:
        return base if getattr(node, "variable", None) is base else None
    return base if node is base.grad_fn and output == base.output_nr else None


def checked(
    cur: Any,
    mem: Any,
    names: Sequence[str],
    parameters: Sequence[Tensor],
    first_is_time: bool,
    over_time: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the current, and the membrane that enters a step or a run; None if that is 0.

    ``first_is_time`` tells whether the first axis of ``cur`` is time. Raises if the arguments do
    not fit together, or if one of them needs a gradient that does not exist.
    """
    if torch.is_autocast_enabled("cpu"):
        cur, mem = _widened(cur), _widened(mem)
    _check_tensor("cur", cur)
    if over_time and first_is_time and not cur.ndim:
        raise ValueError(f"cur must have time as its first axis, got {described(cur)}")
    population = cur.shape[1:] if over_time and first_is_time else cur.shape
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
    for name, value in zip(names, parameters, strict=True):
        if not value.is_cpu:
            raise TypeError(f"{name} must be on the CPU, got {described(value)}")
        if value.ndim and not _fits(value.shape, population):
            raise ValueError(
                f"{name} must match the last axes of the population's shape {tuple(population)}, "
                f"got {tuple(value.shape)}"
            )
        if value.requires_grad and name not in _LEARNED and torch.is_grad_enabled():
            raise RuntimeError(
                f"{name} requires a gradient, and only beta and threshold have one; use "
                f"{name}.detach()"
            )
    if forward_ad._current_level >= 0:  # tangents would be lost; PyTorch has no public test
        raise RuntimeError("fastlif's layers have no forward-mode derivatives")
    if not torch.compiler.is_compiling() and any(
        value is not None and _functorch.is_gradtrackingtensor(value)
        for value in (cur, mem, *parameters)
    ):
        raise RuntimeError(
            "fastlif's layers cannot be differentiated by torch.func.grad and other transforms of "
            "torch.func; use backward() or torch.autograd.grad"
        )
    return cur, mem


def _widened(value: Any) -> Any:
    """Return what autocast has narrowed as float32, in which neurons are integrated."""
    narrow = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if narrow else value


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
    return all(own == 1 or own == size for own, size in zip(shape, last, strict=True))
