"""The gradients of the operators: one sweep through time, backwards.

The backward passes are operators themselves, ``fastlif::run_backward`` and
``fastlif::step_backward``, so that compilers see each of them as one node of a graph, too. Only
what the sweep reads is saved: the membranes, the initial membrane and, where a neuron is reset in
the step that fires, the current.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from fastlif.execution.gradient import summed_to
from fastlif.execution.reverse import Reverse, gradients
from fastlif.interop.torch.arguments import needs_gradient
from fastlif.interop.torch.ops import RULES, array_of, neuron_of
from fastlif.interop.torch.surrogate import custom, operand, straight_through_estimator
from fastlif.kernels.adjoint import reads_drive, resets_later

# --- operators ------------------------------------------------------------------------------------


def _run_backward(
    at_spk: Tensor | None, at_mem: Tensor | None, membrane: Tensor, mem: Tensor | None,
    cur: Tensor | None, parameters: Sequence[Tensor], rule: str, surrogate: str,
    values: Sequence[float], timeless: bool, learns: bool, threads: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    model = neuron_of(rule, membrane.dtype, parameters).model
    detached = resets_later(RULES[rule][0])
    sweep = Reverse(surrogate, (*values,), detached, timeless, learns)
    membranes = array_of(membrane)
    initial = array_of(membrane.new_zeros(()) if mem is None else mem)
    current = None if cur is None else array_of(cur if not timeless else cur.expand(membrane.shape))
    threads = torch.get_num_threads() if threads is None else threads
    found = gradients(
        model, sweep, tuple(membrane.shape[1:]), membranes, initial, current,
        None if at_spk is None else array_of(at_spk),
        None if at_mem is None else array_of(at_mem),
        threads,
    )  # fmt: skip
    at_cur, at_initial, at_keep, at_threshold = found
    of_parameters = [membrane.new_empty(0), membrane.new_empty(0)]
    if at_keep is not None and at_threshold is not None:
        first, last = parameters[0], parameters[-1]  # beta, if there is one, and the threshold
        of_parameters[0] = _like(first, at_keep)
        of_parameters[1] = _like(last, at_threshold)
    return torch.from_numpy(at_cur), torch.from_numpy(at_initial), *of_parameters


def _like(parameter: Tensor, gradient: Any) -> Tensor:
    summed = torch.from_numpy(summed_to(gradient, tuple(parameter.shape)))
    dtype = parameter.dtype if parameter.dtype.is_floating_point else torch.float32
    return summed.to(dtype)


def _step_backward(
    at_spk: Tensor | None, at_mem: Tensor | None, membrane: Tensor, mem: Tensor | None,
    cur: Tensor | None, parameters: Sequence[Tensor], rule: str, surrogate: str,
    values: Sequence[float], learns: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    at_spk, at_mem, cur, membrane = (
        None if value is None else value.unsqueeze(0) for value in (at_spk, at_mem, cur, membrane)
    )
    assert membrane is not None
    at_cur, *others = _run_backward(
        at_spk, at_mem, membrane, mem, cur, parameters, rule, surrogate, values, False, learns, None
    )
    return at_cur.squeeze(0), *others


def _of_run_backward(
    at_spk: Any, at_mem: Any, membrane: Tensor, mem: Any, cur: Any, parameters: Sequence[Tensor],
    rule: str, surrogate: str, values: Any, timeless: bool, learns: bool, threads: int | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    population = membrane.shape[1:]
    at_cur = membrane.new_empty(population if timeless else membrane.shape)
    return at_cur, membrane.new_empty(population), *_of_parameters(membrane, parameters, learns)


def _of_step_backward(
    at_spk: Any, at_mem: Any, membrane: Tensor, mem: Any, cur: Any, parameters: Sequence[Tensor],
    rule: str, surrogate: str, values: Any, learns: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    like = membrane.new_empty(membrane.shape)
    return like, torch.empty_like(like), *_of_parameters(membrane, parameters, learns)


def _of_parameters(
    membrane: Tensor, parameters: Sequence[Tensor], learns: bool
) -> tuple[Tensor, Tensor]:
    if not learns:
        return membrane.new_empty(0), membrane.new_empty(0)
    first, last = (
        value.new_empty(
            value.shape, dtype=value.dtype if value.dtype.is_floating_point else torch.float32
        )
        for value in (parameters[0], parameters[-1])
    )
    return first, last


_SAVED = (
    "Tensor? at_spk, Tensor? at_mem, Tensor membrane, Tensor? mem, Tensor? cur, "
    "Tensor[] parameters, str rule, str surrogate, float[] values"
)
_RESULT = "(Tensor, Tensor, Tensor, Tensor)"
for _name, _schema, _function, _fake in (
    (
        "run_backward",
        f"({_SAVED}, bool timeless, bool learns, int? threads) -> {_RESULT}",
        _run_backward,
        _of_run_backward,
    ),
    ("step_backward", f"({_SAVED}, bool learns) -> {_RESULT}", _step_backward, _of_step_backward),
):
    torch.library.define(f"fastlif::{_name}", _schema)
    torch.library.impl(f"fastlif::{_name}", "CPU", _function)
    torch.library.register_fake(f"fastlif::{_name}", _fake)


# --- autograd -------------------------------------------------------------------------------------


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    cur, mem, parameters, rule, surrogate, values, *options = inputs
    detached = resets_later(RULES[rule][0])
    ctx.custom = custom(surrogate)  # which the layer may no longer refer to when it is needed
    if ctx.custom is not None:
        _check_custom(ctx.custom, detached)
    reads = reads_drive(RULES[rule][0], detached)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1], mem, cur if reads else None, *parameters)
    ctx.rule, ctx.surrogate, ctx.values, ctx.options = rule, surrogate, values, options
    ctx.learns = any(value.requires_grad for value in parameters)


def _check_custom(function: Any, detached: bool) -> None:
    """Raise if a gradient by this surrogate, which is neither ours nor snnTorch's, is missing."""
    if not detached:
        raise RuntimeError(
            "reset_delay=False requires a spike_grad of fastlif.interop.torch.surrogate or "
            "snntorch.surrogate"
        )
    if isinstance(function, torch.nn.Module) and needs_gradient(*function.parameters()):
        raise RuntimeError(
            "spike_grad has parameters that require gradients, and only the layer's beta and "
            "threshold have one; use spike_grad.requires_grad_(False)"
        )


def _arriving(ctx: Any, at_spk: Tensor | None, membrane: Tensor, threshold: Tensor) -> Any:
    """Return the gradient that arrives at spikes, and the surrogate by which it goes on."""
    if ctx.custom is None:
        return at_spk, ctx.surrogate, ctx.values
    if at_spk is not None:
        with torch.enable_grad():
            x = (membrane - threshold).detach().requires_grad_()
            spikes = ctx.custom(x)
        (at_spk,) = torch.autograd.grad(spikes, x, at_spk) if spikes.requires_grad else (None,)
    return at_spk, *operand(straight_through_estimator())


def _run_gradients(ctx: Any, at_spk: Tensor | None, at_mem: Tensor | None) -> tuple[Any, ...]:
    membrane, mem, cur, *parameters = ctx.saved_tensors
    steps, threads = ctx.options
    arriving, surrogate, values = _arriving(ctx, at_spk, membrane, parameters[-1])
    found = torch.ops.fastlif.run_backward.default(
        arriving, at_mem, membrane, mem, cur, parameters, ctx.rule, surrogate, values,
        steps is not None, ctx.learns, threads,
    )  # fmt: skip
    return *_gradients(mem, parameters, ctx, found), None, None, None, None, None


def _step_gradients(ctx: Any, at_spk: Tensor | None, at_mem: Tensor | None) -> tuple[Any, ...]:
    membrane, mem, cur, *parameters = ctx.saved_tensors
    arriving, surrogate, values = _arriving(ctx, at_spk, membrane, parameters[-1])
    found = torch.ops.fastlif.step_backward.default(
        arriving, at_mem, membrane, mem, cur, parameters, ctx.rule, surrogate, values, ctx.learns
    )
    return *_gradients(mem, parameters, ctx, found), None, None, None


def _gradients(
    mem: Tensor | None, parameters: Sequence[Tensor], ctx: Any, found: tuple[Tensor, ...]
) -> tuple[Any, ...]:
    """Return the gradients at the tensors that an operator takes."""
    at_cur, at_mem, at_first, at_last = found
    of_parameters: list[Tensor | None] = [None] * len(parameters)
    if ctx.learns:
        of_parameters[-1] = at_last
        if "leaky" in ctx.rule:
            beta = parameters[0]
            # It is clipped. Its gradient there is 0, also in place of NaN.
            of_parameters[0] = at_first.where((beta >= 0) & (beta <= 1), 0)
    return at_cur, None if mem is None else at_mem, of_parameters


def _save_nothing(ctx: Any, inputs: Any, output: Any) -> None:
    """Save nothing: there are no second derivatives."""


def _no_second_derivatives(ctx: Any, *_: Any) -> None:
    raise RuntimeError(
        "fastlif's layers have no second derivatives: the gradients of a surrogate are not defined"
    )


for _name, _backward, _setup in (
    ("run", _run_gradients, _save),
    ("step", _step_gradients, _save),
    ("run_backward", _no_second_derivatives, _save_nothing),
    ("step_backward", _no_second_derivatives, _save_nothing),
):
    _registered: Callable[..., Any] = _backward
    torch.library.register_autograd(f"fastlif::{_name}", _registered, setup_context=_setup)
