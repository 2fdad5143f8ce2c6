"""How the operators work under ``torch.vmap`` and autocast.

Neurons do not interact. The axis that ``vmap`` adds is therefore one more axis of the population,
the first one.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fastlif.interop.torch import gradients, ops  # noqa: F401 - gradients defines operators

_run_backward = torch.ops.fastlif.run_backward.default
_step_backward = torch.ops.fastlif.step_backward.default


def _moved(value: Tensor | None, axis: int | None, size: int, to: int) -> Tensor | None:
    """Return a tensor with the added axis at ``to``; expanded if it has none."""
    if value is None:
        return None
    if axis is None:
        shape = (*value.shape[:to], size, *value.shape[to:])
        return value.unsqueeze(to).expand(shape)
    return value.movedim(axis, to)


def _parameters(
    values: Sequence[Tensor], axes: Sequence[int | None], size: int, ndim: int, each: bool = False
) -> list[Tensor]:
    """Return parameters that match the last axes of a population with one more axis than ``ndim``.

    With ``each``, all get the added axis, so that each has a gradient of its own.
    """
    aligned = []
    for value, axis in zip(values, axes, strict=True):
        if axis is not None or each:
            moved = _moved(value, axis, size, 0)
            assert moved is not None
            value = moved.reshape(size, *[1] * (ndim - moved.ndim + 1), *moved.shape[1:])
        aligned.append(value)
    return aligned


def _vmap_run(info: Any, axes: Any, cur: Tensor, mem: Any, parameters: Any, *others: Any) -> Any:
    cur, mem, parameters, first = _of_run(info, axes, cur, mem, parameters, others[-2])
    return ops.run(cur, mem, parameters, *others), (1, 1)


def _vmap_spikes(info: Any, axes: Any, cur: Tensor, mem: Any, parameters: Any, *others: Any) -> Any:
    cur, mem, parameters, first = _of_run(info, axes, cur, mem, parameters, others[-2])
    return ops.spikes(cur, mem, parameters, *others), 1


def _of_run(
    info: Any, axes: Any, cur: Tensor, mem: Tensor | None, parameters: Any, steps: int | None
) -> Any:
    size, first = info.batch_size, int(steps is None)
    ndim = cur.ndim - first - (axes[0] is not None)
    moved = _moved(cur, axes[0], size, first)
    mem = _moved(mem, axes[1], size, 0)
    return moved, mem, _parameters(parameters, axes[2], size, ndim), first


def _vmap_step(info: Any, axes: Any, cur: Tensor, mem: Any, parameters: Any, *others: Any) -> Any:
    cur, mem, parameters, _ = _of_run(info, axes, cur, mem, parameters, 1)
    return ops.step(cur, mem, parameters, *others), (0, 0)


def _vmap_run_backward(info: Any, axes: Any, *arguments: Any) -> Any:
    (*_, timeless, learns, _) = arguments
    cur_axis = 0 if timeless else 1
    moved = _backward(info, axes, arguments, (1, 1, 1, 0, cur_axis), learns)
    at_cur, at_mem, *of_parameters = _run_backward(*moved)
    own = _own(of_parameters, arguments, axes, learns, info.batch_size)
    return (at_cur, at_mem, *own), (cur_axis, 0, 0, 0)


def _vmap_step_backward(info: Any, axes: Any, *arguments: Any) -> Any:
    learns = arguments[-1]
    moved = _backward(info, axes, arguments, (0, 0, 0, 0, 0), learns)
    at_cur, at_mem, *of_parameters = _step_backward(*moved)
    own = _own(of_parameters, arguments, axes, learns, info.batch_size)
    return (at_cur, at_mem, *own), (0, 0, 0, 0)


def _backward(
    info: Any, axes: Any, arguments: Sequence[Any], to: Sequence[int], learns: bool
) -> list[Any]:
    """Return the arguments of a backward operator with the added axis."""
    size, membrane = info.batch_size, arguments[2]
    tensors = [
        _moved(value, axis, size, place)
        for value, axis, place in zip(arguments[:5], axes[:5], to, strict=True)
    ]
    ndim = membrane.ndim - (axes[2] is not None) - to[2]
    parameters = _parameters(arguments[5], axes[5], size, ndim, learns)
    return [*tensors, parameters, *arguments[6:]]


def _own(
    found: Sequence[Tensor], arguments: Sequence[Any], axes: Any, learns: bool, size: int
) -> list[Tensor]:
    """Return the gradients at the first and the last parameter, one for each item of the axis."""
    if not learns:
        return [value.expand(size, 0) for value in found]
    own = []
    for value, k in zip(found, (0, -1), strict=True):
        shape = list(arguments[5][k].shape)
        if axes[5][k] is not None:
            del shape[axes[5][k]]
        own.append(value.reshape(size, *shape))
    return own


for _name, _function in (
    ("run", _vmap_run),
    ("spikes", _vmap_spikes),
    ("step", _vmap_step),
    ("run_backward", _vmap_run_backward),
    ("step_backward", _vmap_step_backward),
):
    torch.library.register_vmap(f"fastlif::{_name}", _function)

# Neurons are integrated in float32, also where autocast narrows products of matrices.
for _name in ("run", "spikes", "step"):
    torch.library.register_autocast(f"fastlif::{_name}", "cpu", torch.float32)
