"""Spikes in any of the three formats, as the functions of ``fastlif.spikes`` receive them."""

import math
from typing import Any, NamedTuple

import numpy as np

from fastlif.checks import Numbers, described, numbers, whole
from fastlif.execution.memory import ensure_readable
from fastlif.execution.results import BOOL, INT64, UINT8, Events, Run
from fastlif.kernels.spike_trains import kernel

_MOST = 2**63 - 1
_MOST_SPIKES = 2**31 - 1  # of a step, which int32 holds
_FORMATS = (
    "a Run, Events, dense spikes of shape (T, *population) (bool, or signed integers for several "
    "spikes per step) or packed spikes of shape (T, ceil(N/8)) (uint8)"
)

NO_STEPS = "steps must be given, because events and counts do not contain the number of steps"


class Source(NamedTuple):
    """Checked spikes.

    Attributes
    ----------
    kind : str
        ``"dense"``, ``"several"`` (dense, with numbers of spikes), ``"packed"`` or ``"events"``.
    array : numpy.ndarray or None
        Dense or packed spikes.
    events : Events or None
        Events.
    steps : int or None
        Number of steps.
    population : tuple of int or None
        Shape of the population.
    offsets : numpy.ndarray or None
        When within its step each spike occurs, in the order of the events.
    repeated : int
        The first event that repeats the one before; -1 if there is none, or if the spikes are not
        events.
    """

    kind: str
    array: Numbers | None
    events: Events | None
    steps: int | None
    population: tuple[int, ...] | None
    offsets: Numbers | None
    repeated: int

    @property
    def length(self) -> int:
        """The number of steps, which the caller needs."""
        if self.steps is None:
            raise ValueError(NO_STEPS)
        return self.steps

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the population, which the caller needs."""
        if self.population is None:
            raise ValueError(
                "population must be given, because "
                f"{'events' if self.kind == 'events' else 'packed spikes'} do not contain its shape"
            )
        return self.population

    @property
    def size(self) -> int:
        """The number of neurons."""
        return math.prod(self.shape)


def read(
    spikes: object,
    steps: int | None = None,
    population: object = None,
    offsets: object = None,
    name: str = "spikes",
) -> Source:
    """Check ``spikes`` and what is known about them."""
    steps = None if steps is None else whole("steps", steps, 0)
    shape = shape_of(population)
    if isinstance(spikes, Run):
        if offsets is None:
            offsets = spikes.offsets
        whole_population = spikes.events is not None or spikes.packed is not None
        steps, own = known_of(spikes, steps, shape if whole_population else None)
        spikes, shape = recorded(spikes, name), own if whole_population else shape
    if isinstance(spikes, tuple):
        return _events(spikes, steps, shape, offsets, name)
    ensure_readable(name, spikes)
    array = numbers(name, spikes)
    if array.dtype == UINT8:
        return _packed(array, steps, shape, offsets, name)
    return _dense(array, steps, shape, offsets, name)


def shape_of(population: object) -> tuple[int, ...] | None:
    """Return the shape of a population; a number of neurons is one axis."""
    if population is None:
        return None
    axes = population if isinstance(population, tuple) else (population,)
    return tuple(whole("population", axis, 0) for axis in axes)


def known_of(
    run: Run, steps: int | None, shape: tuple[int, ...] | None
) -> tuple[int | None, tuple[int, ...]]:
    """Return the number of steps of a run, if it recorded it, and the shape of its population."""
    own = run.final.mem.shape
    if shape is not None and math.prod(shape) != math.prod(own):
        raise ValueError(f"population must be {own}, the one of the run, got {shape}")
    rows = next((len(r) for r in (run.spikes, run.packed) if r is not None), None)
    if None not in (steps, rows) and steps != rows:
        raise ValueError(f"steps must be {rows}, the number of steps of the run, got {steps}")
    return rows if steps is None else steps, own if shape is None else shape


def recorded(run: Run, name: str) -> object:
    """Return what a run recorded: first what holds all neurons, whatever it selected."""
    for record in (run.events, run.packed, run.spikes):
        if record is not None:
            return record
    raise ValueError(
        f"{name} must be a Run with 'spikes', 'packed' or 'events', got one without: run with "
        "record='events', for example"
    )


def _dense(
    array: Numbers, steps: int | None, shape: tuple[int, ...] | None, offsets: object, name: str
) -> Source:
    if array.dtype.kind not in "bi":
        advice = "; convert 0.0 and 1.0 with .astype(bool)" if array.dtype.kind == "f" else ""
        raise TypeError(f"{name} must be {_FORMATS}, got {described(array)}{advice}")
    if not array.ndim:
        raise ValueError(f"{name} must be {_FORMATS}, got an array without a time axis")
    if steps not in (None, len(array)):
        raise ValueError(f"steps must be {len(array)}, the length of {name}, got {steps}")
    if shape not in (None, array.shape[1:]):
        raise ValueError(
            f"population must be {array.shape[1:]}, the one of {name} of shape {array.shape}, "
            f"got {shape}"
        )
    if array.dtype.kind == "i" and array.size:
        wrong = [int(end) for end in (array.min(), array.max()) if not 0 <= end <= _MOST_SPIKES]
        if wrong:
            raise ValueError(
                f"{name} must hold numbers of spikes from 0 to {_MOST_SPIKES}, got {wrong[0]}"
            )
    kind = "dense" if array.dtype == BOOL else "several"
    source = Source(kind, array, None, len(array), array.shape[1:], None, -1)
    return _with_offsets(source, offsets)


def _packed(
    array: Numbers, steps: int | None, shape: tuple[int, ...] | None, offsets: object, name: str
) -> Source:
    if array.ndim != 2:
        raise ValueError(
            f"{name} of dtype uint8 must be packed spikes of shape (T, ceil(N/8)), got shape "
            f"{array.shape}; for dense spikes, pass {name}.view(bool) or {name}.astype(bool)"
        )
    if steps not in (None, len(array)):
        raise ValueError(f"steps must be {len(array)}, the length of {name}, got {steps}")
    if shape is not None:
        size, width = math.prod(shape), array.shape[1]
        if width != -(-size // 8):
            raise ValueError(
                f"{name} must have {-(-size // 8)} bytes per step for a population of {size}, "
                f"got {width}; for dense spikes, pass {name}.view(bool) or {name}.astype(bool)"
            )
        if size % 8 and (array[:, -1] >> (size % 8)).any():
            raise ValueError(
                f"{name} has spikes of neurons beyond the population of {size}, or was not packed "
                "with bitorder='little'"
            )
    source = Source("packed", array, None, len(array), shape, None, -1)
    return _with_offsets(source, offsets)


def _events(
    pair: tuple[Any, ...],
    steps: int | None,
    shape: tuple[int, ...] | None,
    offsets: object,
    name: str,
) -> Source:
    if len(pair) != 2:
        raise TypeError(f"{name} must be {_FORMATS}, got a tuple of {len(pair)}")
    step, neuron = (_indices(f"{name}.{f}", a) for f, a in zip(Events._fields, pair, strict=True))
    if len(step) != len(neuron):
        raise ValueError(
            f"{name}.step and {name}.neuron must have the same length, got {len(step)} and "
            f"{len(neuron)}"
        )
    source = Source("events", None, Events(step, neuron), steps, shape, None, -1)
    source = _with_offsets(source, offsets)
    within = np.empty(0) if source.offsets is None else source.offsets
    most = (
        _MOST if steps is None else steps,
        _MOST if shape is None else math.prod(shape),
    )
    wrong, repeated = kernel("check")(read_only(step), read_only(neuron), read_only(within), *most)
    if wrong >= 0:
        _raise_for_event(name, int(step[wrong]), int(neuron[wrong]), wrong, most)
    return source._replace(repeated=repeated)


def _raise_for_event(name: str, step: int, neuron: int, at: int, most: tuple[int, int]) -> None:
    for field, value, end in (("step", step, most[0]), ("neuron", neuron, most[1])):
        if not 0 <= value < end:
            limit = "not be negative" if end == _MOST else f"be from 0 to {end - 1}"
            raise ValueError(f"{name}.{field} must {limit}, got {value} at {at}")
    raise ValueError(
        f"{name} must be sorted by step, then neuron (then offset), got step {step} and neuron "
        f"{neuron} at {at} after a later one; sort with np.lexsort((neuron, step))"
    )


def _indices(name: str, value: object) -> Numbers:
    array = numbers(name, value)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise TypeError(f"{name} must be a vector of integers, got {described(array)}")
    if array.dtype == np.uint64 and array.size and array.max() > _MOST:
        raise ValueError(f"{name} must fit into int64, got {array.max()}")
    return np.ascontiguousarray(array, INT64)


def _with_offsets(source: Source, offsets: object) -> Source:
    """Add offsets; their number is compared with that of the events by ``positions``."""
    if offsets is None:
        return source
    array = numbers("offsets", offsets)
    if array.ndim != 1 or array.dtype.kind != "f":
        raise TypeError(f"offsets must be a vector of floats, got {described(array)}")
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"offsets must be from 0 to 1, fractions of a step, got {array[at]} at {at}"
        )
    if source.events is not None and len(source.events.step) != len(array):
        raise ValueError(
            f"offsets must have one value per spike, {len(source.events.step)}, got {len(array)}"
        )
    return source._replace(offsets=np.ascontiguousarray(array, np.float64))


def read_only(array: Numbers) -> Numbers:
    """Return a read-only view: Numba would compile another variant for writeable arrays."""
    view = array.view()
    view.flags.writeable = False
    return view
