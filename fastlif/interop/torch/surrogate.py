"""Surrogate gradients by snnTorch's names, for ``spike_grad`` of the layers and of snnTorch's.

Each function returns a function of tensors: its value is the spike, 1 where the argument is
positive and 0 elsewhere, and its gradient the surrogate. :mod:`fastlif.surrogate` describes them.

Examples
--------
>>> import torch
>>> from fastlif.interop.torch import Leaky, surrogate
>>> layer = Leaky(beta=0.9, spike_grad=surrogate.fast_sigmoid(slope=10))
>>> x = torch.tensor([-0.1, 0.2], requires_grad=True)
>>> layer.spike_grad(x).sum().backward()
>>> x.grad
tensor([0.2500, 0.1111])

A surrogate of your own is a ``torch.autograd.Function`` with the spikes as its value:

>>> class Gaussian(torch.autograd.Function):
...     @staticmethod
...     def forward(ctx, x):  # the membrane minus the threshold
...         ctx.save_for_backward(x)
...         return (x > 0).to(x.dtype)
...
...     @staticmethod
...     def backward(ctx, gradient):
...         (x,) = ctx.saved_tensors
...         return gradient * torch.exp(-(x**2))
>>> layer = Leaky(beta=0.9, spike_grad=Gaussian.apply)
>>> current = torch.full((3, 1), 0.5, requires_grad=True)
>>> spk, mem = layer.run(current)
>>> spk.sum().backward()
>>> current.grad[:, 0]
tensor([2.3906, 1.7909, 0.8816])
"""

import functools
import inspect
import itertools
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fastlif import surrogate as kinds
from fastlif.kernels.surrogates import SURROGATES
from fastlif.surrogate import Surrogate

__all__ = [
    "LSO", "SFS", "atan", "fast_sigmoid", "heaviside", "none", "sigmoid", "spike_rate_escape",
    "straight_through_estimator", "triangular",
]  # fmt: skip


class _Spikes(torch.autograd.Function):  # type: ignore[misc]
    """Spikes of a tensor, with a surrogate gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return (x > 0).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        slope = torch.from_numpy(ctx.surrogate.derivative(wide.numpy()))
        return (gradient * slope).to(x.dtype), None


class SpikeGrad(Surrogate):
    """A surrogate gradient that can be called with a tensor."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the spikes of ``x``, the membrane minus the threshold."""
        spikes: Tensor = _Spikes.apply(x, self)
        return spikes


def _callable(function: Callable[..., Surrogate]) -> Callable[..., SpikeGrad]:
    """Return a function of fastlif.surrogate whose result can be called with a tensor."""

    @functools.wraps(function)
    def make(*arguments: Any, **named: Any) -> SpikeGrad:
        made = function(*arguments, **named)
        return SpikeGrad(made.name, made.parameters)

    return make


atan = _callable(kinds.atan)
fast_sigmoid = _callable(kinds.fast_sigmoid)
heaviside = _callable(kinds.heaviside)
LSO = _callable(kinds.LSO)
none = _callable(kinds.none)
SFS = _callable(kinds.SFS)
sigmoid = _callable(kinds.sigmoid)
spike_rate_escape = _callable(kinds.spike_rate_escape)
straight_through_estimator = _callable(kinds.straight_through_estimator)
triangular = _callable(kinds.triangular)


# --- what an operator takes: a string and numbers -------------------------------------------------

_PREFIX = "custom "
_CUSTOM: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
_NUMBERS = itertools.count()
_NONE = 0.0, 0.0  # always two numbers: PyTorch takes an empty list for one of tensors


def operand(spike_grad: Callable[[Tensor], Tensor] | None) -> tuple[str, tuple[float, ...]]:
    """Return a surrogate as the operators take it: its name and the values of its parameters.

    None stands for snnTorch's default. A function that is neither of this module nor of snnTorch
    gets a name, by which ``custom`` finds it as long as something else refers to it.
    """
    if spike_grad is None:
        spike_grad = kinds.atan()  # type: ignore[assignment]
    known = spike_grad if isinstance(spike_grad, Surrogate) else _of_snntorch(spike_grad)
    if known is not None:
        return known.name, (*known.values, 0.0, 0.0)[:2]
    for name, function in _CUSTOM.items():
        if function is spike_grad:
            return name, _NONE
    name = f"{_PREFIX}{next(_NUMBERS)}"
    _CUSTOM[name] = spike_grad
    return name, _NONE


def custom(name: str) -> Callable[[Tensor], Tensor] | None:
    """Return the function that ``operand`` gave a name, or None for a known surrogate."""
    return _CUSTOM[name] if name.startswith(_PREFIX) else None


def _of_snntorch(function: Any) -> Surrogate | None:
    """Return the surrogate that a function of snntorch.surrogate makes; None for another one."""
    if getattr(function, "__module__", None) != "snntorch.surrogate":
        return None
    name = getattr(function, "__qualname__", "").removesuffix(".<locals>.inner")
    if name not in SURROGATES or name == "LSO":  # which calls another operator there
        return None
    given = inspect.getclosurevars(function).nonlocals
    parameters = tuple(float(given[each]) for each in SURROGATES[name].defaults)
    return Surrogate(name, parameters)
