"""The layers: modules that are called like snnTorch's neurons."""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from fastlif.checks import flag
from fastlif.interop.torch import ops
from fastlif.interop.torch.layer import Layer

Number: TypeAlias = float | Tensor


class Leaky(Layer):
    r"""The neuron ``snntorch.Leaky`` on CPUs, bit-for-bit identical.

    .. math:: b = \beta u + i, \qquad r = [u > \theta]

    The reset mechanisms and the spikes are those of :class:`fastlif.Leaky`: a step reports a spike
    if the membrane *leaving* it is above the threshold.

    Parameters
    ----------
    beta : float or torch.Tensor
        Decay rate per step: a number, or a tensor that matches the last axes of the input. Values
        outside [0, 1] are clipped.
    threshold : float or torch.Tensor
        Membrane potential above which the neuron fires.
    spike_grad : callable, optional
        Surrogate gradient: one of :mod:`fastlif.interop.torch.surrogate` or
        ``snntorch.surrogate``, or any function of the membrane minus the threshold that returns
        the spikes: see that module for one of your own. The default is ``atan()``, as in snnTorch.
    surrogate_disable : bool
        Whether spikes count as constants when gradients are computed.
    init_hidden, inhibition, state_quant : bool
        Not supported: must be False. Instead of ``init_hidden``, use ``over_time``.
    learn_beta, learn_threshold : bool
        Whether ``beta`` or ``threshold`` is a parameter of the module instead of a buffer.
    reset_mechanism : {"subtract", "zero", "none"}
        How a spike resets the membrane.
    output : bool
        Whether a layer with ``over_time`` returns membranes as well.
    graded_spikes_factor : float
        Not supported: must be 1.
    learn_graded_spikes_factor : bool
        Not supported: must be False.
    reset_delay : bool
        If False, a spike resets the membrane in the same step.
    over_time : bool
        Whether ``layer(cur)`` takes all time steps, ``(T, ...)``, and returns their spikes, for
        ``torch.nn.Sequential``.
    threads : int, optional
        Largest number of threads. The default is ``torch.get_num_threads()``.

    Raises
    ------
    TypeError
        If a parameter has a wrong type or dtype.
    ValueError
        If a parameter has a wrong value, or if an argument is not supported.

    See Also
    --------
    from_snntorch : Convert a module of snnTorch.

    Notes
    -----
    The parameters have snnTorch's names, so that ``load_state_dict`` takes what a module of
    snnTorch has saved. They may be changed at any time.

    Three cases differ from snnTorch 1.0.0. Spikes have the dtype of the membrane, but in snnTorch
    they are always float32. An infinite threshold is never reached, but makes snnTorch's membrane
    NaN. In float64, a threshold without axes is subtracted as it is, but snnTorch rounds it to
    float32.

    Examples
    --------
    >>> import torch
    >>> from fastlif.interop.torch import Leaky
    >>> layer = Leaky(beta=0.9)
    >>> mem = layer.reset_mem()
    >>> with torch.inference_mode():
    ...     for cur in torch.full((3, 2), 0.4):
    ...         spk, mem = layer(cur, mem)
    >>> spk, mem
    (tensor([1., 1.]), tensor([1.0840, 1.0840]))

    All time steps in one call, within a network:

    >>> network = torch.nn.Sequential(torch.nn.Linear(4, 3), Leaky(beta=0.9, over_time=True))
    >>> with torch.inference_mode():
    ...     network(torch.rand(100, 32, 4)).shape  # time, batch, features
    torch.Size([100, 32, 3])
    """

    _names = ops.LEAKY

    def __init__(
        self,
        beta: Number,
        threshold: Number = 1.0,
        spike_grad: Callable[[Tensor], Tensor] | None = None,
        surrogate_disable: bool = False,
        init_hidden: bool = False,
        inhibition: bool = False,
        learn_beta: bool = False,
        learn_threshold: bool = False,
        reset_mechanism: str = "subtract",
        state_quant: Any = False,
        output: bool = False,
        graded_spikes_factor: Number = 1.0,
        learn_graded_spikes_factor: bool = False,
        reset_delay: bool = True,
        *,
        over_time: bool = False,
        threads: int | None = None,
    ) -> None:
        unsupported = {
            "init_hidden": init_hidden,
            "inhibition": inhibition,
            "state_quant": state_quant,
            "graded_spikes_factor": graded_spikes_factor,
            "learn_graded_spikes_factor": learn_graded_spikes_factor,
        }
        super().__init__(
            reset_mechanism, spike_grad, surrogate_disable, output, over_time, threads, unsupported
        )
        self.reset_delay = flag("reset_delay", reset_delay)
        self._hold("threshold", threshold, learn_threshold)
        self._hold("beta", beta, learn_beta)

    @property
    def _rule(self) -> str:
        return f"leaky{'' if self.reset_delay else ' at once'}/{self._reset_mechanism}"

    def init_leaky(self) -> Tensor:
        """Return ``reset_mem()``, of which this is snnTorch's older name."""
        return self.reset_mem()


class Lapicque(Layer):
    r"""The neuron ``snntorch.Lapicque`` on CPUs, bit-for-bit identical.

    .. math::

        b = i R \frac{1}{RC} \Delta t + \left(1 - \frac{\Delta t}{RC}\right) u, \qquad
        r = [u > \theta]

    The reset mechanisms and the spikes are those of :class:`fastlif.Lapicque`: a step reports a
    spike if the membrane *leaving* it is above the threshold.

    Parameters
    ----------
    beta : float or torch.Tensor, optional
        Decay rate, between 0 and 1, from which the missing R or C is inferred once, with PyTorch's
        logarithm, as in snnTorch. The steps are still Euler steps: see :class:`fastlif.Lapicque`.
    R, C : float or torch.Tensor, optional
        Resistance and capacitance, positive: numbers, or tensors that match the last axes of the
        input. Give both, or ``beta`` and at most one. ``False`` counts as not given.
    time_step : float or torch.Tensor
        Time step, positive.
    threshold : float or torch.Tensor
        Membrane potential above which the neuron fires.
    spike_grad, surrogate_disable, init_hidden, inhibition, learn_threshold, reset_mechanism
        As in :class:`Leaky`.
    state_quant, output, over_time, threads
        As in :class:`Leaky`.
    learn_beta : bool
        Not supported: must be False. In snnTorch, it does not change ``R`` and ``C``.

    Raises
    ------
    TypeError
        If a parameter has a wrong type or dtype.
    ValueError
        If a parameter has a wrong value, if too many or too few of ``beta``, ``R`` and ``C`` are
        given, or if an argument is not supported.

    Notes
    -----
    As for :class:`Leaky`. ``R``, ``C``, ``time_step`` and ``threshold`` may be changed at any time;
    ``beta`` is used by the constructor only.

    Examples
    --------
    >>> import torch
    >>> from fastlif.interop.torch import Lapicque
    >>> layer = Lapicque(R=5, C=1e-3, time_step=1e-3)
    >>> with torch.inference_mode():
    ...     spk, mem = layer.run(torch.zeros(3, 1), torch.full((1,), 0.9))
    >>> mem[:, 0]
    tensor([0.7200, 0.5760, 0.4608])
    """

    _names = ops.LAPICQUE

    def __init__(
        self,
        beta: Number | None = False,
        R: Number | None = False,
        C: Number | None = False,
        time_step: Number = 1,
        threshold: Number = 1.0,
        spike_grad: Callable[[Tensor], Tensor] | None = None,
        surrogate_disable: bool = False,
        init_hidden: bool = False,
        inhibition: bool = False,
        learn_beta: bool = False,
        learn_threshold: bool = False,
        reset_mechanism: str = "subtract",
        state_quant: Any = False,
        output: bool = False,
        *,
        over_time: bool = False,
        threads: int | None = None,
    ) -> None:
        unsupported = {
            "init_hidden": init_hidden,
            "inhibition": inhibition,
            "learn_beta": learn_beta,
            "state_quant": state_quant,
        }
        super().__init__(
            reset_mechanism, spike_grad, surrogate_disable, output, over_time, threads, unsupported
        )
        self._hold("threshold", threshold, learn_threshold)
        step = self._hold("time_step", time_step)
        given = {"beta": beta, "R": R, "C": C}
        given = {k: v for k, v in given.items() if v is not None and v is not False}
        if [*given] not in (["R", "C"], ["beta"], ["beta", "R"], ["beta", "C"]):
            raise ValueError(
                "Lapicque requires R and C, or beta alone, or beta and one of R and C, "
                f"got {' and '.join(given) or 'none of them'}"
            )
        # snnTorch's expressions, with numbers as they were given: these decide on the last bits.
        if "beta" in given:
            self._hold("beta", beta, above=0, below=1)
            known = C if "C" in given else given.get("R", 1)
            inferred = step / (known * torch.log(1 / self.beta))
            R, C = (inferred, C) if "C" in given else (known, inferred)
        self._hold("R", R)
        self._hold("C", C)
        if "beta" not in given:
            self._hold("beta", torch.exp(torch.ones(1) * (-step / (R * C))))  # type: ignore[operator]

    @property
    def _rule(self) -> str:
        return f"lapicque/{self._reset_mechanism}"

    def init_lapicque(self) -> Tensor:
        """Return ``reset_mem()``, of which this is snnTorch's older name."""
        return self.reset_mem()
