"""What the layers share: checked options, one step, a run over time, and saved parameters."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fastlif.checks import choice, flag, whole
from fastlif.interop.torch import ops, surrogate
from fastlif.interop.torch.arguments import checked, described, needs_gradient, timeless
from fastlif.interop.torch.surrogate import operand
from fastlif.neurons.circuit import RESETS
from fastlif.surrogate import Surrogate

_FACTOR, _RESET = "graded_spikes_factor", "reset_mechanism_val"


class Layer(torch.nn.Module):  # type: ignore[misc]
    """What both layers do: a step, and a run over time.

    A subclass sets ``_names``, the parameters that an operator takes, and ``_rule``.
    """

    _names: tuple[str, ...]

    def __init__(
        self,
        reset_mechanism: str,
        spike_grad: Callable[[Tensor], Tensor] | None,
        surrogate_disable: bool,
        output: bool,
        over_time: bool,
        threads: int | None,
        unsupported: dict[str, Any],
    ) -> None:
        super().__init__()
        for name, value in unsupported.items():
            _refuse(name, value)
        self.over_time = flag("over_time", over_time)
        self.output = flag("output", output)
        if self.output and not self.over_time:
            raise ValueError(
                "output=True requires over_time=True; a step returns both spikes and membrane"
            )
        self.threads = None if threads is None else whole("threads", threads, 1)
        self.spike_grad = spike_grad
        self.surrogate_disable = surrogate_disable
        self.reset_mechanism = reset_mechanism
        self.register_buffer("mem", torch.zeros(0), persistent=False)

    @property
    def reset_mechanism(self) -> str:
        """How a spike resets the membrane."""
        return self._reset_mechanism

    @reset_mechanism.setter
    def reset_mechanism(self, value: str) -> None:
        self._reset_mechanism = choice("reset_mechanism", value, RESETS)

    # ``spike_grad`` is no property, because PyTorch registers a module that is assigned. If it is
    # None, the default applies, ``atan()``.

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and derive how the operators name the surrogate gradient."""
        if name == "spike_grad":
            if value is not None and not isinstance(value, Surrogate):
                check_spikes_of(value)
            self._modules.pop(name, None)
        elif name == "surrogate_disable":
            flag(name, value)
        super().__setattr__(name, value)
        if name in ("spike_grad", "surrogate_disable"):
            self._name_surrogate()

    def _name_surrogate(self) -> None:
        disabled = getattr(self, "surrogate_disable", False)
        self._surrogate = operand(surrogate.none() if disabled else self.spike_grad)

    # Copies and pickles contain no graph, to which the last membrane may refer, and name the copy
    # of a surrogate gradient anew.

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied and pickled."""
        mem = self._buffers["mem"]
        return {**self.__dict__, "_buffers": {**self._buffers, "mem": mem.detach()}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what was copied or pickled."""
        super().__setstate__(state)
        self._name_surrogate()

    @property
    def _rule(self) -> str:
        raise NotImplementedError

    def forward(self, cur: Tensor, mem: Tensor | None = None) -> Any:
        """Advance by one step; by all time steps if the layer was made with ``over_time=True``.

        Parameters
        ----------
        cur : torch.Tensor
            Input current of the step, of any shape. With ``over_time``, its first axis is time.
        mem : torch.Tensor, optional
            Membrane entering the step, of the same shape and dtype. An empty tensor, as
            ``reset_mem()`` returns, starts from 0. Without ``mem``, the step continues from the
            membrane that the last call returned, or from 0 if that has another shape, as in
            snnTorch. With ``over_time``, the default is 0.

        Returns
        -------
        spk, mem : torch.Tensor
            Spikes (0 or 1) and membrane leaving the step, new tensors with the shape and the dtype
            of ``cur``. With ``over_time``, only the spikes of all time steps or, if the layer was
            made with ``output=True``, spikes and membranes as from :meth:`run`.

        Raises
        ------
        TypeError
            If a tensor is not a dense tensor of float32 or float64 on the CPU.
        ValueError
            If the shapes do not fit together.
        RuntimeError
            If a parameter without a gradient (``R``, ``C`` or ``time_step``) requires one, or
            within ``torch.func.grad`` or forward-mode differentiation.
        """
        if self.over_time:
            return self.run(cur, mem) if self.output else self._spikes(cur, mem)
        parameters = self._tensors()
        if mem is None:
            last = self._buffers["mem"]
            mem = last if last.shape == getattr(cur, "shape", None) else None
        cur, mem = checked(cur, mem, self._names, parameters, True, False)
        spk, mem = ops.step(cur, mem, parameters, self._rule, *self._surrogate)
        self._buffers["mem"] = mem  # as self.mem = mem, in a fraction of the time
        return spk, mem

    def run(
        self, cur: Tensor, mem: Tensor | None = None, *, steps: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Integrate an input over all time steps in one call.

        Parameters
        ----------
        cur : torch.Tensor
            Input current of shape ``(T, ...)``, with any strides.
        mem : torch.Tensor, optional
            Membrane entering the first step, of shape ``cur.shape[1:]``. The default is 0.
        steps : int, optional
            Number of steps with a current that is constant in time. ``cur`` then has no time axis,
            and its gradient is summed over time without any memory for single steps. The same
            holds for ``cur.expand(T, ...)``, whose gradient goes to ``cur`` directly. To get the
            gradient at the expanded tensor itself, call its ``retain_grad()`` before the run.

        Returns
        -------
        spk, mem : torch.Tensor
            Spikes (0 or 1) and membranes of all steps, ``(T, ...)``, in the dtype of ``cur``.
            ``mem[t]`` is the membrane after step ``t``, and ``run(more, mem[-1])`` continues: with
            the gradients of both parts, or without those of the first one after
            ``mem[-1].detach()`` (truncated backpropagation through time).

        Raises
        ------
        TypeError, ValueError, RuntimeError
            As :meth:`forward`.
        """
        parameters = self._tensors()
        cur, steps = timeless(cur, steps)
        cur, mem = checked(cur, mem, self._names, parameters, steps is None, True)
        spk, mem = ops.run(cur, mem, parameters, self._rule, *self._surrogate, steps, self.threads)
        return spk, mem

    def _spikes(self, cur: Tensor, mem: Tensor | None) -> Tensor:
        """Return the spikes of all steps."""
        if torch.is_grad_enabled() and needs_gradient(cur, mem, *self._tensors()):
            return self.run(cur, mem)[0]  # the membranes are saved for the gradient
        parameters = self._tensors()
        cur, steps = timeless(cur, None)
        cur, mem = checked(cur, mem, self._names, parameters, steps is None, True)
        return ops.spikes(cur, mem, parameters, self._rule, steps, self.threads)

    def reset_mem(self) -> Tensor:
        """Forget the membrane, and return an empty one, from which a step starts from 0."""
        mem: Tensor = self._buffers["mem"].new_zeros(0)
        self._buffers["mem"] = mem
        return mem

    def extra_repr(self) -> str:
        """Return the parameters for ``repr``."""
        shown = [
            f"{name}={_shown(value)}"
            for name, value in zip(self._names, self._tensors(), strict=True)
        ]
        shown.append(f"reset_mechanism={self.reset_mechanism!r}")
        shown += [f"{name}=True" for name in ("over_time", "output") if getattr(self, name)]
        return ", ".join(shown)

    def _tensors(self) -> list[Tensor]:
        """Return the parameters in the order of the operators."""
        buffers = self._buffers  # looked up directly: attributes of modules take much longer
        found = [buffers.get(name) for name in self._names]
        return [
            getattr(self, name) if value is None else value
            for name, value in zip(self._names, found, strict=True)
        ]

    def _hold(self, name: str, value: Any, learn: bool = False, **bounds: float) -> Tensor:
        """Store a parameter under snnTorch's name: as a buffer, or to be learned."""
        tensor = as_tensor(name, value)
        if tensor.is_cpu:
            ops.check_parameter(name, tensor, **bounds)
        if flag(f"learn_{name}", learn):
            self.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            self.register_buffer(name, tensor)
        return tensor

    # What only snnTorch stores: a layer's dictionary fits snnTorch's neuron, and vice versa.

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + _FACTOR] = torch.tensor(1.0)
        destination[prefix + _RESET] = torch.tensor(RESETS.index(self.reset_mechanism))

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
        missing_keys: Any, unexpected_keys: Any, error_msgs: list[str],
    ) -> None:  # fmt: skip
        factor = state_dict.pop(prefix + _FACTOR, None)
        if factor is not None and not bool((factor == 1).all()):
            error_msgs.append(f"{prefix}{_FACTOR} must be 1, got {_shown(factor)}")
        reset = state_dict.pop(prefix + _RESET, None)
        if reset is not None and RESETS[int(reset)] != self.reset_mechanism:
            error_msgs.append(
                f"{prefix}{_RESET} is that of {RESETS[int(reset)]!r}, but the layer was made with "
                f"reset_mechanism={self.reset_mechanism!r}"
            )
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


def as_tensor(name: str, value: Any) -> Tensor:
    """Return a parameter as a tensor, as snnTorch does: Python floats get the default dtype."""
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number or a tensor, got {described(value)}") from error


def check_spikes_of(spike_grad: Callable[[Tensor], Tensor]) -> None:
    """Raise if a surrogate's forward pass is not ``x > 0``, or if it cannot be used."""
    x = torch.tensor([-2.0, -0.5, -1e-6, 0.0, 1e-6, 0.5, 2.0])
    try:
        with torch.no_grad():
            spikes = spike_grad(x)
    except Exception as error:
        raise TypeError(f"spike_grad must be a function of a tensor, got {spike_grad!r}") from error
    if not isinstance(spikes, Tensor) or not torch.equal(spikes.float(), (x > 0).float()):
        raise ValueError(
            f"spike_grad must return 1 where its argument is positive and 0 elsewhere, and "
            f"{spike_grad!r} does not: a derivative belongs into the backward pass of a "
            "torch.autograd.Function, whose apply is then spike_grad"
        )
    try:
        weakref.ref(spike_grad)
    except TypeError:
        raise TypeError(
            f"spike_grad must be an object that can have weak references, got {spike_grad!r}"
        ) from None


_ADVICE = {
    "init_hidden": "pass the membrane, as in spk, mem = layer(cur, mem), or use over_time=True",
    "learn_beta": "in snnTorch, it does not change R and C",
}


def _refuse(name: str, value: Any) -> None:
    """Raise if an option of snnTorch is used that is not supported."""
    default = 1 if name == "graded_spikes_factor" else 0
    unused = bool((value == default).all()) if isinstance(value, Tensor) else value == default
    if not unused:
        shown = _shown(value) if isinstance(value, Tensor) else repr(value)
        advice = f"; {_ADVICE[name]}" if name in _ADVICE else ""
        raise ValueError(
            f"{name}={shown} is not supported: it must be {1 if default else False}{advice}"
        )


def _shown(value: Tensor) -> str:
    return f"{value.item():.6g}" if value.numel() == 1 and value.is_cpu else described(value)
