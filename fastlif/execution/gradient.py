"""Gradients of a run: arguments are read and checked, then swept in reverse."""

from typing import Any

import numpy as np

from fastlif.checks import Numbers, common_shape, described, flag, numbers, whole
from fastlif.execution.forms import FLOAT32, FLOAT64
from fastlif.execution.memory import SURELY_THERE
from fastlif.execution.recycle import ensure_room
from fastlif.execution.results import Gradient, Run
from fastlif.execution.reverse import Reverse, gradients
from fastlif.execution.sources import Source
from fastlif.execution.state import State
from fastlif.kernels.adjoint import NoGradientError, check_differentiable, reads_drive, resets_later
from fastlif.model import Model


def detaches(model: Model, value: object, default: bool) -> bool:
    """Return whether resets count as constants; raise if that is not available."""
    detached = default if value is None else flag("detach_reset", value)
    if resets_later(model.rule):
        if value is not None and not detached:
            raise ValueError(
                "detach_reset must be True for a neuron that a spike resets in the next step, as "
                "in snnTorch, got False"
            )
        return True
    return detached


def gradient(
    model: Model,
    names: dict[str, tuple[int, ...]],
    surrogate: tuple[str, tuple[float, ...]],
    detached: bool,
    run: Any,
    current: Any,
    initial: Any,
    steps: int | None,
    spikes: Any,
    membrane: Any,
    parameters: bool,
    threads: int | None,
) -> Gradient:
    """Return gradients; ``Neuron.gradient`` documents the arguments.

    ``names`` holds the shapes of the parameters that have a gradient.
    """
    try:
        check_differentiable(model.rule)
    except NoGradientError as error:
        raise TypeError(f"the neuron has no gradient, because of {error}") from None
    if threads is not None:
        threads = whole("threads", threads, 1)
    membranes = _membranes(run)
    population, dtype = membranes.shape[1:], membranes.dtype
    _check_parameters(model, population)
    if spikes is None and membrane is None:
        raise ValueError(
            "spikes or membrane must be given: the gradients that arrive from the loss"
        )
    arriving = [
        None if value is None else _over_time(name, value, membranes.shape)
        for name, value in (("spikes", spikes), ("membrane", membrane))
    ]
    timeless = steps is not None
    if timeless and whole("steps", steps, 0) != len(membranes):
        raise ValueError(f"steps must be those of the run, {len(membranes)}, got {steps}")
    values, shape, aligned = _current(model, current, timeless, membranes.shape, detached)
    start, start_shape = _initial(model, initial, population)
    sweep = Reverse(*surrogate, detached, timeless, flag("parameters", parameters))
    needed = membranes.nbytes if not timeless else 0
    if needed > SURELY_THERE:
        ensure_room(needed, ("membrane",))
    at_current, at_initial, at_keep, at_threshold = gradients(
        model, sweep, population, membranes, start, values, arriving[0], arriving[1], threads
    )
    found = {"beta": at_keep, "threshold": at_threshold}
    of_parameters = {
        name: summed_to(array, names[name]).astype(dtype)
        for name, array in found.items()
        if array is not None and name in names
    }
    return Gradient(
        summed_to(at_current, aligned).reshape(shape),
        summed_to(at_initial, start_shape),
        **of_parameters,
    )


def _check_parameters(model: Model, population: tuple[int, ...]) -> None:
    """Raise if parameters that are arrays do not broadcast to the population of a run."""
    try:
        fits = common_shape([("run", population), *model.shapes]) == population
    except ValueError:
        fits = False
    if not fits:
        listed = ", ".join(f"{name} {shape}" for name, shape in model.shapes if shape)
        raise ValueError(
            "run must hold all neurons, and the shapes of the neuron's parameters must broadcast "
            f"to its population {population}, got {listed}"
        )


def summed_to(array: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Return the sums of ``array`` over the axes along which ``shape`` was broadcast."""
    if array.shape == shape:
        return array
    added = array.ndim - len(shape)
    axes = (*range(added), *(added + k for k, size in enumerate(shape) if size == 1))
    total = array.sum(axis=axes, dtype=np.float64)
    return np.asarray(total, array.dtype).reshape(shape)


def _membranes(run: Any) -> Numbers:
    """Return the membranes of a run."""
    array = run.membrane if isinstance(run, Run) else run
    if array is None:
        raise ValueError("run must have recorded the membrane: record=('spikes', 'membrane')")
    membranes = numbers("run", array)
    if membranes.dtype.newbyteorder("=") not in (FLOAT32, FLOAT64):
        raise TypeError(
            f"run must be a Run, or its membranes in float32 or float64, got {described(run)}"
        )
    if not membranes.ndim:
        raise ValueError(f"run must have time as its first axis, got {described(run)}")
    return (
        membranes
        if membranes.dtype.isnative
        else membranes.astype(membranes.dtype.newbyteorder("="))
    )


def _over_time(name: str, value: Any, shape: tuple[int, ...]) -> Numbers:
    """Return an array of a gradient that arrives, broadcast to time and population."""
    array = numbers(name, value)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} must broadcast to the shape of the membranes, {shape}, got {array.shape}; the "
            "run must have recorded all neurons and steps"
        ) from None


def _current(
    model: Model, current: Any, timeless: bool, shape: tuple[int, ...], detached: bool
) -> tuple[Numbers | None, tuple[int, ...], tuple[int, ...]]:
    """Return the current over time and neurons, its own shape, and that aligned with the run's.

    The aligned shape has the time as its first axis, if it has it, also if the population has more
    axes than the current: those follow the time, not precede it.
    """
    population = shape[1:]
    if isinstance(current, Source):
        if reads_drive(model.rule, detached):
            raise TypeError(
                "current must be an array, because this neuron's gradient reads it, got "
                f"{type(current).__name__}: pass source.sample(steps, shape, dtype)"
            )
        own = population if timeless else shape
        return None, own, own
    array = numbers("current", current)
    if not timeless and (not array.ndim or len(array) != shape[0]):
        raise ValueError(
            f"current must have the {shape[0]} steps of the run as its first axis, "
            f"got {described(array)}; the run must have recorded every step, and for a current "
            "that is constant in time, give steps="
        )
    aligned = (
        array if timeless else np.expand_dims(array, tuple(range(1, len(shape) - array.ndim + 1)))
    )
    try:
        np.broadcast_to(aligned, population if timeless else shape)
    except ValueError:
        constant = ", without a time axis because of steps=" if timeless else ""
        raise ValueError(
            f"current must broadcast to the run's population {population}{constant}, "
            f"got {described(array)}"
        ) from None
    return np.broadcast_to(aligned, shape), array.shape, aligned.shape


def _initial(
    model: Model, initial: Any, population: tuple[int, ...]
) -> tuple[Numbers, tuple[int, ...]]:
    """Return the membrane that enters the first step, and the shape of its gradient."""
    if initial is None:
        return np.asarray(model.resting), population
    if isinstance(initial, Run):
        raise TypeError("initial must be a State or an array, got a Run; pass its final state")
    array = numbers("initial", initial.mem if isinstance(initial, State) else initial)
    try:
        np.broadcast_to(array, population)
    except ValueError:
        raise ValueError(
            f"initial must broadcast to the run's population {population}, got {described(array)}"
        ) from None
    return array, array.shape
