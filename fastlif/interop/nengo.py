"""The neurons of fastlif as a neuron type of Nengo's reference simulator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import nengo
import numpy as np
from nengo.builder import Builder, Model, Signal
from nengo.builder.neurons import SimNeurons
from nengo.builder.optimizer import OpMerger, SimNeuronsMerger
from nengo.dists import Choice, Distribution
from nengo.exceptions import ValidationError
from nengo.params import NumberParam, Parameter

from fastlif.checks import Numbers, common_shape, described
from fastlif.execution.state import State, state_of
from fastlif.interop.rates import Curve
from fastlif.neurons.base import Neuron
from fastlif.presets.nengo import nengo_lif, nengo_spiking_rectified_linear
from fastlif.presets.nest import nest_iaf_psc_delta

__all__ = ["NeuronType"]

_DEFAULT_DT = 0.001  # of nengo.Simulator


class NeuronType(nengo.neurons.NeuronType):  # type: ignore[misc]
    r"""A neuron type of Nengo that consists of neurons of fastlif.

    A step computes :math:`\text{output} = s\,a/\Delta t` with the spikes s that the neuron reports
    and the amplitude a, as Nengo's own spiking neurons do.

    Parameters
    ----------
    neuron : Neuron
        Any neuron or preset that can fire. Its time step must be that of the simulator, in seconds
        (``time_step=0.001``; NEST's is in ms). If its parameters are arrays, they have the shape
        ``(n_neurons,)``.
    amplitude : float
        Factor of the output, positive.
    initial_state : dict of str to Distribution or array_like, optional
        Initial values of state variables, instead of the default: ``"voltage"``, the membrane;
        for neurons with a refractory period, ``"refractory_steps"`` or, if spikes have times within
        a step, ``"refractory_time"``; for neurons with a synaptic current,
        ``"synaptic_current"``. By default, membranes are distributed uniformly between the resting
        potential and the threshold, and the others are 0. These names can be probed.
    dt : float, optional
        Duration of a step (second) of a neuron that has no time step, such as
        :class:`~fastlif.Leaky`. The default is that of Nengo, 0.001.

    Raises
    ------
    nengo.exceptions.ValidationError
        If an argument is wrong, if the neuron can never fire, and, when the simulator is built, if
        time steps or shapes differ.

    Notes
    -----
    Tuning curves, and therefore decoders, are those of ``nengo.LIF`` and
    ``nengo.SpikingRectifiedLinear`` for the presets of these neurons. For all others they are
    measured with the neuron itself over one second, as multiples of 1 Hz; they must not fall with
    the current. The input of a neuron is the current after gain and bias.

    With :class:`~fastlif.presets.nengo_lif` and ``nengo_spiking_rectified_linear``, a network with
    the same seed has the same initial voltages, decoders and spikes as with Nengo's own neurons, in
    float64. Neurons of one object are simulated together, as Nengo's are, if their parameters are
    numbers.

    References
    ----------
    Nengo 4.1.0.

    Examples
    --------
    >>> import nengo, numpy as np
    >>> from fastlif import presets
    >>> from fastlif.interop.nengo import NeuronType
    >>> def spikes(neuron_type):
    ...     with nengo.Network(seed=0) as network:
    ...         stimulus = nengo.Node(lambda t: np.sin(8 * t))
    ...         ensemble = nengo.Ensemble(100, 1, neuron_type=neuron_type)
    ...         nengo.Connection(stimulus, ensemble)
    ...         probe = nengo.Probe(ensemble.neurons)
    ...     with nengo.Simulator(network, progress_bar=False) as simulator:
    ...         simulator.run(0.5)
    ...     return simulator.data[probe]
    >>> own, theirs = spikes(NeuronType(presets.nengo_lif())), spikes(nengo.LIF())
    >>> np.array_equal(own, theirs), (own > 0).sum() > 5000
    (True, np.True_)
    """

    negative = False
    spiking = True

    neuron = Parameter("neuron")
    amplitude = NumberParam("amplitude", low=0, low_open=True)
    dt = NumberParam("dt", low=0, low_open=True)

    def __init__(
        self,
        neuron: Neuron,
        amplitude: float = 1,
        initial_state: dict[str, Any] | None = None,
        dt: float | None = None,
    ) -> None:
        if not isinstance(neuron, Neuron):
            raise ValidationError(
                f"must be a neuron of fastlif, got {described(neuron)}", attr="neuron", obj=self
            )
        states, kind = neuron.rule.states, np.dtype(np.float64)
        threshold = neuron.constants(kind)["threshold"]
        if not np.isfinite(threshold).any():
            raise ValidationError(
                f"must be able to fire, got an infinite threshold: {neuron!r}", attr="neuron",
                obj=self,
            )  # fmt: skip
        names = {
            "mem": "voltage",
            "refractory": "refractory_time" if neuron.rule.timed else "refractory_steps",
            "syn": "synaptic_current",
        }
        self._names = {names[name]: name for name in states}
        self.state = dict.fromkeys(self._names, Choice([0])) | {
            "voltage": _Between(np.asarray(neuron.resting, kind), threshold)
        }
        super().__init__(initial_state)
        self.neuron, self.amplitude = neuron, amplitude
        self.dt = self._duration_of_a_step(dt)

    def _duration_of_a_step(self, dt: float | None) -> float:
        own = getattr(self.neuron, "time_step", getattr(self.neuron, "dt", None))
        if own is None:
            return _DEFAULT_DT if dt is None else dt
        if dt is not None:
            raise ValidationError(
                f"must not be given for a neuron that has a time step ({own!s}), got {dt!r}",
                attr="dt", obj=self,
            )  # fmt: skip
        steps = np.unique(np.asarray(own, np.float64))
        if steps.size != 1:
            raise ValidationError(
                "must have one time step for all neurons, "
                f"got values from {steps.min()} to {steps.max()}",
                attr="neuron", obj=self,
            )  # fmt: skip
        return float(steps[0]) * (1e-3 if isinstance(self.neuron, nest_iaf_psc_delta) else 1)

    @property
    def _shape(self) -> tuple[int, ...]:
        """The shape of the neuron's parameters."""
        return common_shape(self.neuron._model.shapes)

    @functools.cached_property
    def _own(self) -> Any:
        """Nengo's own type if it is the same neuron, or None."""
        if self._shape:
            return None
        if isinstance(self.neuron, nengo_lif):
            times = float(self.neuron.tau_rc), float(self.neuron.tau_ref)
            return nengo.LIF(*times, amplitude=self.amplitude)
        if isinstance(self.neuron, nengo_spiking_rectified_linear):
            return nengo.SpikingRectifiedLinear(amplitude=self.amplitude)
        return None

    @functools.cached_property
    def _curve(self) -> Curve:
        return Curve(self.neuron, self.dt, self._shape[0] if self._shape else None)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_own", "_curve")}

    def gain_bias(self, max_rates: Any, intercepts: Any) -> tuple[Numbers, Numbers]:
        """Return gains and biases for maximum rates (in Hz, for x = 1) and intercepts.

        Raises
        ------
        nengo.exceptions.ValidationError
            If a neuron cannot fire as often, or fires at any current.
        """
        if self._own is not None:
            gain, bias = self._own.gain_bias(max_rates, intercepts)
            return gain, bias
        intercepts = np.asarray(np.atleast_1d(intercepts), np.float64)
        max_rates = np.asarray(np.atleast_1d(max_rates), np.float64)
        self._check_size(max_rates.size)
        top = self._curve.current_for(max_rates)
        if not np.isfinite(top).all():
            raise ValidationError(
                f"must be rates that the neuron can have, got up to {max_rates.max():g} Hz for "
                f"{self.neuron!r}; if its spikes are on the time grid, it fires at most once in "
                "refractory + 1 steps",
                attr="max_rates", obj=self,
            )  # fmt: skip
        gain = (top - self._onset()) / (1 - intercepts)
        return gain, top - gain

    def max_rates_intercepts(self, gain: Any, bias: Any) -> tuple[Numbers, Numbers]:
        """Return maximum rates and intercepts, the inverse of ``gain_bias``."""
        if self._own is not None:
            max_rates, intercepts = self._own.max_rates_intercepts(gain, bias)
            return max_rates, intercepts
        max_rates = self.rates(1, gain, bias)[0] / self.amplitude
        return max_rates, (self._onset() - bias) / gain

    def _onset(self) -> Numbers:
        onset = self._curve.onset()
        if not np.isfinite(onset).all():
            raise ValidationError(
                f"must fire at some currents only, for intercepts, got {self.neuron!r}",
                attr="neuron", obj=self,
            )  # fmt: skip
        return onset

    def rates(self, x: Any, gain: Any, bias: Any) -> Numbers:
        """Return the firing rates, times the amplitude, at the inputs ``x``."""
        if self._own is not None:
            rates: Numbers = self._own.rates(x, gain, bias)
            return rates
        current: Numbers = self.current(x, gain, bias)
        self._check_size(current.shape[1])
        scaled: Numbers = self._curve.rates(current) * self.amplitude
        return scaled

    def step(self, dt: float, J: Any, output: Numbers, **state: Numbers) -> None:
        """Advance the states by one step, in place, and set the output."""
        self._check_dt(dt)
        self._stepper(J, output, state)()

    def _stepper(
        self, J: Numbers, output: Numbers, state: dict[str, Numbers]
    ) -> Callable[[], None]:
        """Return the function that computes steps with these arrays."""
        neuron, scale = self.neuron, self.amplitude / self.dt
        states = state_of(neuron.rule.states, [state[name] for name in self._names], 0)
        old: Numbers | State = states.mem if len(self._names) == 1 else states
        spk = np.empty(output.shape, neuron.spike_dtype)
        out = spk, old

        def step() -> None:
            neuron(J, old, out=out)
            np.multiply(spk, scale, out=output)

        return step

    def _check_size(self, size: int) -> None:
        if self._shape not in ((), (1,), (size,)):
            raise ValidationError(
                f"must have parameters of the shape ({size},), one value per neuron, or numbers, "
                f"got {self._shape}",
                attr="neuron", obj=self,
            )  # fmt: skip

    def _check_dt(self, dt: float) -> None:
        if not np.isclose(self.dt, dt, rtol=1e-6, atol=0):
            raise ValidationError(
                f"must be the time step of the simulator, {dt:g} s, got {self.dt:g} s "
                f"for {self.neuron!r}",
                attr="dt", obj=self,
            )  # fmt: skip


class _Between(Distribution):  # type: ignore[misc]
    """Values between two bounds, which may be numbers or arrays."""

    low, high = Parameter("low"), Parameter("high")

    def __init__(self, low: Numbers, high: Numbers) -> None:
        super().__init__()
        self.low, self.high = low, np.where(np.isfinite(high), high, low)

    def sample(self, n: int, d: int | None = None, rng: Any = np.random) -> Numbers:
        shape = self._sample_shape(n, d)
        values: Numbers = self.low + (self.high - self.low) * rng.uniform(size=shape)
        return values


class _Step(SimNeurons):  # type: ignore[misc]
    """A step of neurons, with an array for their spikes."""

    def make_step(self, signals: Any, dt: float, rng: Any) -> Callable[[], None]:
        state = {name: signals[signal] for name, signal in self.state.items()}
        step: Callable[[], None] = self.neurons._stepper(
            signals[self.J], signals[self.output], state
        )
        return step


@OpMerger.register(_Step)
class _StepMerger(SimNeuronsMerger):  # type: ignore[misc]
    """Let Nengo's optimizer join the steps of several ensembles."""

    @staticmethod
    def is_mergeable(op1: Any, op2: Any) -> bool:
        return not op1.neurons._shape and bool(SimNeuronsMerger.is_mergeable(op1, op2))

    @staticmethod
    def merge(ops: Any) -> tuple[Any, Any]:
        merged, signals = SimNeuronsMerger.merge(ops)
        return _Step(merged.neurons, merged.J, merged.output, merged.state), signals


def _build(model: Model, neuron_type: NeuronType, neurons: Any) -> None:
    """Add the neurons of an ensemble to a model."""
    neuron_type._check_dt(model.dt)
    neuron_type._check_size(neurons.size_in)
    signals = model.sig[neurons]
    rng = np.random.RandomState(model.seeds[neurons.ensemble] + 1)  # as for Nengo's own types
    initial = neuron_type.make_state(neurons.size_in, rng=rng, dtype=signals["in"].dtype)
    state = {
        name: Signal(initial_value=values, name=f"{neurons}.{name}")
        for name, values in initial.items()
    }
    signals.update(state)
    model.add_op(_Step(neuron_type, signals["in"], signals["out"], state))


Builder.register(NeuronType)(_build)
