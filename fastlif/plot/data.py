"""Spikes and membranes as figures take them: one row per neuron, of the neurons that are drawn."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastlif.checks import Numbers, described, numbers, whole
from fastlif.execution.results import Events, Run
from fastlif.spikes import to_events
from fastlif.spikes.source import shape_of

_BINS = 100  # at most, by default


class Spikes(NamedTuple):
    """Spikes as a list, sorted by step, then by neuron.

    Attributes
    ----------
    step, neuron : numpy.ndarray
        The step and the neuron of each spike.
    steps, size : int or None
        The number of steps and of neurons; None if they are not known.
    """

    step: Numbers
    neuron: Numbers
    steps: int | None
    size: int | None

    def number_of_steps(self) -> int:
        """Return the number of steps, which statistics over time need."""
        if self.steps is None:
            raise ValueError("steps is required, because a list of spikes does not contain it")
        return self.steps

    def number_of_neurons(self) -> int:
        """Return the number of neurons, including silent ones."""
        if self.size is None:
            raise ValueError(
                "population (the number of neurons) is required, because a list of spikes does not "
                "contain it"
            )
        return self.size

    def drawn_neurons(self) -> int:
        """Return the number of neurons or, if it is not known, of those up to the last to fire."""
        return int(self.neuron.max(initial=-1)) + 1 if self.size is None else self.size

    @property
    def events(self) -> Events:
        """The list, as functions of fastlif.spikes take it."""
        return Events(self.step, self.neuron)


def spikes_of(
    value: Any, packed: bool = False, steps: int | None = None, population: Any = None
) -> Spikes:
    """Return spikes from a run, events, a dense array or packed bits.

    More is accepted than by fastlif.spikes: events in any order, floats, and unsigned integers,
    which are bits only if ``packed`` says so.
    """
    steps = None if steps is None else whole("steps", steps, 0)
    shape = shape_of(population)
    size = None if shape is None else math.prod(shape)
    if isinstance(value, Run):
        return _of_run(value, steps, size)
    if isinstance(value, Events):
        return _of_events(_in_order(*value), steps, size)
    if packed:
        return _of_packed(numbers("spikes", value), steps, size)
    array = columns_of("spikes", value)
    for name, given, found in (("steps", steps, len(array)), ("population", size, array.shape[1])):
        if given is not None and given != found:
            raise ValueError(f"{name} must be {found}, as the shape of spikes, got {given}")
    return Spikes(*to_events(_countable(array)), *array.shape)


def _of_run(run: Run, steps: int | None, size: int | None) -> Spikes:
    """Return the spikes of a run: those of all neurons, if it recorded them."""
    if steps is None:
        steps = next((len(rows) for rows in (run.spikes, run.packed) if rows is not None), None)
    everyone = run.final.mem.size if size is None else size
    if run.events is not None:
        return _of_events(run.events, steps, everyone)
    if run.packed is not None:
        return _of_packed(run.packed, steps, everyone)
    if run.spikes is not None:
        return spikes_of(run.spikes, False, steps, size)
    raise ValueError(
        "the run has no spikes to draw; run with record='spikes', 'packed' or 'events'"
    )


def _of_events(events: Events, steps: int | None, size: int | None) -> Spikes:
    return Spikes(*to_events(events, steps=steps, population=size), steps, size)


def _of_packed(array: Numbers, steps: int | None, size: int | None) -> Spikes:
    if array.dtype != np.uint8 or array.ndim != 2:
        raise TypeError(
            f"packed spikes must be a uint8 array of shape (T, ceil(N/8)), got {described(array)}"
        )
    size = array.shape[1] * 8 if size is None else size
    return Spikes(*to_events(array, steps=steps, population=size), len(array), size)


def _in_order(step: Any, neuron: Any) -> Events:
    """Return events sorted by step, then by neuron; whether they are events is not checked."""
    step, neuron = numbers("spikes.step", step), numbers("spikes.neuron", neuron)
    if step.ndim != 1 or step.shape != neuron.shape:
        return Events(step, neuron)
    order = np.lexsort((neuron, step))
    return Events(step[order], neuron[order])


def _countable(array: Numbers) -> Numbers:
    """Return numbers of spikes of any dtype as bools, if none is above 1, or as int64."""
    if array.dtype.kind == "b":
        return array
    if not (np.isfinite(array) & (array >= 0)).all() or (array != np.floor(array)).any():
        raise ValueError("spikes must hold whole numbers that are not negative")
    return array.astype(np.int64 if (array > 1).any() else np.bool_)


def chosen(neurons: Any, size: int) -> Numbers:
    """Return the indices that ``neurons`` (a slice, indices or a mask) selects."""
    everyone = np.arange(size)
    if neurons is None:
        return everyone
    if isinstance(neurons, slice):
        return np.asarray(everyone[neurons])
    index = np.atleast_1d(numbers("neurons", neurons))
    if index.size == 0:
        return np.asarray(everyone[:0])
    if index.dtype.kind not in "biu":
        raise TypeError(f"neurons must be a slice, indices or a mask, got {described(neurons)}")
    if index.dtype.kind == "b" and index.size != size:
        raise ValueError(f"neurons must be a mask of {size} bools, got {index.size}")
    if index.dtype.kind != "b" and (index.min() < -size or index.max() >= size):
        raise IndexError(
            f"neurons must be less than the number of neurons, {size}, got {index.min()} to "
            f"{index.max()}"
        )
    picked = np.asarray(everyone[index.ravel()])
    if len(np.unique(picked)) != len(picked):
        raise ValueError("neurons must not select a neuron twice")
    return picked


def select(spikes: Spikes, index: Numbers) -> Spikes:
    """Return the spikes of the neurons in ``index``, renumbered in this order."""
    size = spikes.number_of_neurons()
    place = np.full(size, -1)
    place[index] = np.arange(len(index))
    row = place[spikes.neuron]
    kept = row >= 0
    events = _in_order(spikes.step[kept], row[kept])
    return Spikes(*events, spikes.steps, len(index))


def columns_of(name: str, value: ArrayLike) -> Numbers:
    """Return an array over time as one column per neuron."""
    array = numbers(name, value)
    if array.ndim == 0:
        raise ValueError(f"{name} must have time as the first axis, got a single number")
    return array.reshape(len(array), math.prod(array.shape[1:]))


def bin_width_of(name: str, value: int | None, extent: int) -> int:
    """Return the width of a bin: that which is given, or one with which there are few bins."""
    return max(-(-extent // _BINS), 1) if value is None else whole(name, value, 1)
