"""Conversion of snnTorch's neurons, and of networks that contain them."""

import copy
import functools
from typing import Any

import torch
from torch import Tensor

from fastlif.interop.torch.layer import Layer
from fastlif.interop.torch.neurons import Lapicque, Leaky

_RESET_OF = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}


def from_snntorch(module: Any, *, over_time: bool = False) -> Layer:
    """Return the layer that computes what a neuron of snnTorch computes.

    Parameters
    ----------
    module : snntorch.Leaky or snntorch.Lapicque
        The neuron. Its parameters are copied, and its surrogate gradient is used; its present
        membrane is not, so that the layer starts from 0.
    over_time : bool
        Whether the layer is called with all time steps. This is how a neuron with
        ``init_hidden=True`` can be converted, whose membrane is hidden state: ``layer(cur)`` takes
        ``(T, ...)``, starts from 0, and returns the spikes of all steps (and the membranes, if the
        neuron has ``output=True``).

    Returns
    -------
    Lapicque or Leaky
        The layer.

    Raises
    ------
    TypeError
        If ``module`` is another kind of neuron, such as a subclass.
    ValueError
        If the neuron uses an option that is not supported, or if ``over_time`` does not agree with
        its ``init_hidden``.

    Examples
    --------
    >>> import snntorch
    >>> from fastlif.interop.torch import from_snntorch
    >>> from_snntorch(snntorch.Leaky(beta=0.5, reset_mechanism="zero"))
    Leaky(beta=0.5, threshold=1, reset_mechanism='zero')
    """
    import snntorch  # here, because the layers do not need it

    kind = type(module)
    if kind not in (snntorch.Leaky, snntorch.Lapicque):
        raise TypeError(
            "module must be an instance of snntorch.Leaky or snntorch.Lapicque (not of a "
            f"subclass), got {kind.__module__}.{kind.__qualname__}"
        )
    if module._forward_hooks or module._forward_pre_hooks:
        raise ValueError("module has forward hooks, which would be lost; remove them first")
    if module.init_hidden and not over_time:
        raise ValueError(
            "init_hidden=True is not supported for steps; with over_time=True, the layer takes all "
            "time steps in one call"
        )
    if over_time and not module.init_hidden:
        raise ValueError(
            "over_time=True requires a neuron with init_hidden=True; others are called with their "
            "membrane in a loop over time"
        )
    disabled = module.spike_grad == module._surrogate_bypass
    settings = {
        "threshold": _copied(module, "threshold"),
        "learn_threshold": _is_learned(module, "threshold"),
        "spike_grad": None if disabled else module.spike_grad,
        "surrogate_disable": disabled,
        "inhibition": module.inhibition,
        "state_quant": module.state_quant,
        "reset_mechanism": _reset_of(module),
        "output": over_time and module.output,
        "over_time": over_time,
    }
    layer = (_leaky if kind is snntorch.Leaky else _lapicque)(module, settings)
    for name, value in layer.named_parameters():
        value.requires_grad_(getattr(module, name).requires_grad)
    layer.train(module.training)
    return layer


def _leaky(module: Any, settings: dict[str, Any]) -> Layer:
    return Leaky(
        beta=_copied(module, "beta"),
        learn_beta=_is_learned(module, "beta"),
        graded_spikes_factor=_copied(module, "graded_spikes_factor"),
        reset_delay=module.reset_delay,
        **settings,
    )


def _lapicque(module: Any, settings: dict[str, Any]) -> Layer:
    if not (hasattr(module, "R") and hasattr(module, "C")):
        raise ValueError("module has no R and C; snnTorch does not set them if beta is given, too")
    if bool((module.graded_spikes_factor != 1).any()):
        raise ValueError("graded_spikes_factor is not supported: it must be 1")
    given = {name: _copied(module, name) for name in ("R", "C", "time_step")}
    layer = Lapicque(**given, **settings)
    layer.beta = _copied(module, "beta")  # not used, but stored
    return layer


def _copied(module: Any, name: str) -> Tensor:
    return getattr(module, name).detach().clone()


def _is_learned(module: Any, name: str) -> bool:
    return isinstance(getattr(module, name), torch.nn.Parameter)


def _reset_of(module: Any) -> str:
    """Return the reset mechanism that a neuron of snnTorch applies."""
    applied = _RESET_OF[module.state_function.__name__]
    if module.reset_mechanism != applied or int(module.reset_mechanism_val) != [
        *_RESET_OF.values()
    ].index(applied):
        raise ValueError(
            f"reset_mechanism was changed to {module.reset_mechanism!r} after the neuron had been "
            f"made, and snnTorch still applies {applied!r} in a part of its step"
        )
    return applied


def convert(network: torch.nn.Module, *, over_time: bool = False) -> torch.nn.Module:
    """Return a copy of a network in which layers of fastlif replace the neurons of snnTorch.

    As in ``torch.ao.quantization.convert``, ``network`` itself does not change. Its other modules
    and its parameters are copied, and a neuron that is used in several places remains one layer.

    Parameters
    ----------
    network : torch.nn.Module
        A network with ``snntorch.Leaky`` or ``snntorch.Lapicque`` anywhere in it, or a neuron.
    over_time : bool
        Whether the copy is called with all time steps. This is how networks of neurons with
        ``init_hidden=True`` can be converted: ``copy(x)`` with ``(T, batch, ...)`` replaces the
        loop ``for t in range(T): network(x[t])``, and each call starts from 0. Modules between the
        neurons that have no children are called with all steps as one batch, except
        ``torch.nn.Linear``; in training mode, a batch normalization therefore takes the statistics
        of all steps. The network's own code must accept a leading time axis. A product of all
        steps may be rounded differently from products of single steps.

    Returns
    -------
    torch.nn.Module
        The copy. It has the same ``state_dict`` and is called in the same way, except with
        ``over_time``. It is in the same mode, training or evaluation, as the network.

    Raises
    ------
    TypeError, ValueError
        If a neuron cannot be converted; the message starts with its name within the network.
        ValueError also if the network has no neurons of snnTorch.

    See Also
    --------
    from_snntorch : Convert one neuron, and learn what is supported.

    Examples
    --------
    >>> import snntorch, torch
    >>> from fastlif.interop.torch import convert
    >>> network = torch.nn.Sequential(
    ...     torch.nn.Linear(4, 3), snntorch.Leaky(beta=0.9, init_hidden=True)
    ... )
    >>> fast = convert(network, over_time=True)
    >>> with torch.inference_mode():
    ...     fast(torch.rand(10, 32, 4)).shape  # time, batch, features
    torch.Size([10, 32, 3])
    """
    layers = {}
    for path, module in network.named_modules():
        if _is_neuron(module):
            try:
                layers[id(module)] = from_snntorch(module, over_time=over_time)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{path or 'network'}: {error}") from error
    if not layers:
        raise ValueError(f"network has no neurons of snnTorch, got {type(network).__name__}")
    fast = copy.deepcopy(network, layers)
    if over_time:
        for module in fast.modules():
            leaf = next(module.children(), None) is None
            if leaf and not isinstance(module, (Layer, torch.nn.Linear)):
                # The attribute, instead of a module around it, keeps the names of parameters.
                module.forward = functools.partial(_all_steps, module)
    return fast


def _all_steps(module: torch.nn.Module, x: Tensor) -> Tensor:
    """Call a module with all time steps as one batch."""
    if x.ndim < 2:
        raise ValueError(f"the input must have the axes (time, batch, ...), got {tuple(x.shape)}")
    y: Tensor = type(module).forward(module, x.flatten(0, 1))
    return y.unflatten(0, x.shape[:2])


def _is_neuron(module: torch.nn.Module) -> bool:
    """Tell whether a module is a neuron of snnTorch, or derived from one."""
    return any(base.__module__.startswith("snntorch._neurons") for base in type(module).__mro__)
