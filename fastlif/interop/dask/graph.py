"""The graph of a run: its tasks, and the dask arrays of its records."""

from __future__ import annotations

import functools
import itertools
import math
import uuid
from operator import attrgetter
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from fastlif.execution.forms import FLOAT64
from fastlif.execution.integrator import Integrator
from fastlif.execution.records import ARRAYS
from fastlif.execution.results import INT64, Events, Run
from fastlif.execution.sources import Source
from fastlif.execution.state import VARIABLES, State
from fastlif.interop.dask import tasks
from fastlif.interop.dask.arguments import Arguments, Chunks, chunks_like, is_dask
from fastlif.interop.dask.layout import Cell, bytes_of
from fastlif.interop.dask.outputs import Output
from fastlif.interop.dask.reading import pieces_of
from fastlif.model import part_of
from fastlif.neurons.base import Neuron

_UNKNOWN = math.nan  # the length of a chunk of events


class Graph:
    """The tasks of a run, with one layer for the integration and one for each record."""

    def __init__(
        self,
        neuron: Neuron,
        arguments: Arguments,
        chunks: Chunks,
        cells: list[Cell],
        outputs: dict[str, Output],
        threads: int,
    ) -> None:
        self._arguments, self._cells, self._threads = arguments, cells, threads
        self._outputs = outputs
        self._model, self._plan = neuron._model, arguments.plan
        self._times, self._chunks = chunks[0], chunks[1:]
        bounds = itertools.pairwise(itertools.accumulate(self._times, initial=0))
        self._spans = [slice(begin, end) for begin, end in bounds]
        a = arguments
        self._token = tokenize(
            neuron, a.current, a.fields, a.noise, a.begun, sorted(a.names), chunks, threads,
            uuid.uuid4() if outputs else None,  # the same results may be stored twice
        )  # fmt: skip
        self._inputs: list[Any] = []
        self._last: list[Any] = []  # the keys of the last runs of the cells
        layer = self._integration()
        self._name = f"lif_run-{self._token}"
        self._graph = HighLevelGraph.from_collections(self._name, layer, self._inputs)

    def result(self) -> Run:
        """Return the records as dask arrays."""
        names, specs = self._arguments.names, {spec.name: spec for spec in self._plan.records.specs}
        arrays: list[Any] = [
            self._record(name, specs[name].dtype) if name in specs else None for name in ARRAYS
        ]
        events, offsets = self._events() if "events" in names else (None, None)
        return Run(*arrays, events, self._final(), offsets)  # type: ignore[call-arg]

    # --- integration ------------------------------------------------------------------------------

    def _integration(self) -> dict[Any, Any]:
        """Return the tasks that integrate the current, by key."""
        layer: dict[Any, Any] = {}
        current, own = self._current()
        start = self._start()
        returned = self._arguments.names - {"counts", *self._outputs}
        for part, cell in zip(self._parts(current), self._cells, strict=True):
            part_key = self._part_key(cell)
            layer[part_key] = part
            previous = None
            if start is not None:
                previous = (f"lif_start-{self._token}", *cell.place)
                keys = [None if a is None else _key_of(a, cell, lead) for a, lead in start]
                layer[previous] = (tasks.started, part_key, *keys)
            for number, span in enumerate(self._spans):
                key = self._key(number, cell)
                piece = None if current is None else _key_of(current, cell, self._lead(number))
                piece = own.get(piece, piece)
                layer[key] = (tasks.advance, part_key, piece, previous, span)
                previous = key
                if returned:
                    previous = (f"lif_state-{self._token}", number, *cell.place)
                    layer[previous] = (tasks.carried, key)
            self._last.append(previous)
        return layer

    def _part_key(self, cell: Cell) -> Any:
        return (f"lif_part-{self._token}", *cell.place)

    def _key(self, number: int, cell: Cell) -> Any:
        return (f"lif_run-{self._token}", number, *cell.place)

    def _lead(self, number: int) -> tuple[int, ...]:
        return (number,) if self._arguments.over_time else ()

    def _current(self) -> tuple[Any, dict[Any, Any]]:
        """Return the current as a dask array with the population's chunks, or None.

        And the tasks of those of its chunks that the tasks of the integration can contain.
        """
        own: dict[Any, Any] = {}
        if not is_dask(self._arguments.current):
            return None, own
        current = self._arguments.current_in((self._times, *self._chunks))
        if current.npartitions == len(self._times) * len(self._cells):  # each is used once
            own = pieces_of(current)
        self._inputs.append(current)
        return current, own

    def _start(self) -> Any:
        """Return the dask arrays of the initial state and the beginning of their keys, or None.

        In the order of the fields of a State, where None stands for what the parts have.
        """
        a = self._arguments
        given = {**dict(zip(self._model.rule.states, a.fields, strict=True)), "noise": a.noise}
        lazy = {name: array for name, array in given.items() if is_dask(array)}
        for name, array in lazy.items():
            leading = [(len(array),)] if name == "noise" else []
            lazy[name] = array.rechunk(chunks_like(array, self._chunks, leading))
        self._inputs += lazy.values()
        fields = [(lazy.get(name), (0,) * (name == "noise")) for name in (*VARIABLES, "noise")]
        return fields if lazy else None

    def _parts(self, current: Any) -> Any:
        """Iterate over what the tasks of each cell share."""
        a, plan = self._arguments, self._plan
        whole = Integrator(self._model.of_block((), plan.dtype)) if not self._model.shapes else None
        for cell in self._cells:
            model = whole or Integrator(self._model.of_block(cell.block, plan.dtype))
            own, form = a.current, None
            if current is not None:
                axes = current.shape[1 if a.over_time else 0 :]
                template = np.broadcast_to(np.empty((), np.bool_), axes)
                own, form = None, (current.dtype, part_of(template, cell.block).shape)
            elif isinstance(own, Source):
                own = own.of_block(cell.block, cell.first)
            else:
                own = part_of(own, cell.block)
            yield tasks.Part(
                model, own, form, a.over_time, self._initial(cell), tuple(sorted(a.names)),
                self._threads, cell, plan.population, self._outputs,
            )  # fmt: skip

    def _initial(self, cell: Cell) -> State:
        """Return the initial state of a cell, without what are dask arrays.

        Its arrays are as small as they were given: pickled, a broadcast array has its full size.
        """
        a, names = self._arguments, self._model.rule.states
        values: list[Any] = [
            None if field is None or is_dask(field) else part_of(field, cell.block)
            for field in a.fields
        ]
        if a.fields[0] is None:
            values[0] = np.asarray(part_of(self._model.resting, cell.block), self._plan.dtype)
        noise = None if is_dask(a.noise) else part_of(a.noise, cell.block, 1)
        return State(**dict(zip(names, values, strict=True)), noise=noise, steps=a.begun)

    # --- records ----------------------------------------------------------------------------------

    def _above(
        self, graph: HighLevelGraph, below: str, name: str, layer: dict[Any, Any]
    ) -> tuple[HighLevelGraph, str]:
        """Return a graph with another layer, given by what follows its name in the keys."""
        name = f"lif_{name}-{self._token}"
        named = {(name, *place): task for place, task in layer.items()}
        layers, dependencies = {**graph.layers, name: named}, {**graph.dependencies, name: {below}}
        return HighLevelGraph(layers, dependencies), name

    def _array(self, name: str, layer: dict[Any, Any], chunks: Any, dtype: np.dtype[Any]) -> Any:
        """Return the dask array with these tasks."""
        graph, name = self._above(self._graph, self._name, name, layer)
        return da.Array(graph, name, chunks, dtype=dtype)

    def _record(self, name: str, dtype: np.dtype[Any]) -> Any:
        if name in self._outputs:
            return self._written(name, dtype)
        return getattr(self, f"_{name}")(dtype)

    def _dense(self, name: str, dtype: np.dtype[Any]) -> Any:
        layer = {
            (number, *cell.place): (attrgetter(name), self._key(number, cell))
            for number in range(len(self._times))
            for cell in self._cells
        }
        return self._array(name, layer, (self._times, *self._chunks), dtype)

    def _membrane(self, dtype: np.dtype[Any]) -> Any:
        return self._dense("membrane", dtype)

    def _spikes(self, dtype: np.dtype[Any]) -> Any:
        return self._dense("spikes", dtype)

    def _packed(self, dtype: np.dtype[Any]) -> Any:
        parts = bytes_of(self._cells)
        layer = {}
        for number in range(len(self._times)):
            keys = [self._key(number, cell) for cell in self._cells]
            for place, part in enumerate(parts):
                task: tuple[Any, ...] = attrgetter("packed"), keys[place]
                if part.late or part.sharers:
                    others = [keys[sharer] for sharer in part.sharers]
                    task = tasks.joined_bytes, part.late, keys[place], *others
                layer[number, place] = task
        return self._array("packed", layer, (self._times, tuple(p.length for p in parts)), dtype)

    def _written(self, name: str, dtype: np.dtype[Any]) -> Any:
        """Return a record that is read from where it was written.

        Not before all steps of the neurons are written: what is stored as a whole may contain some
        of the next steps.
        """
        packed, layer = name == "packed", {}
        read = functools.partial(tasks.read_back, name)
        for place, (cell, last) in enumerate(zip(self._cells, self._last, strict=True)):
            for number, span in enumerate(self._spans):
                where = (number, place) if packed else (number, *cell.place)
                layer[where] = (read, self._part_key(cell), last, span)
        lengths = tuple(-(-cell.size // 8) for cell in self._cells)
        axes = (lengths,) if packed else self._chunks
        return self._array(name, layer, (self._times, *axes), dtype)

    def _counts(self, dtype: np.dtype[Any]) -> Any:
        return self._of_last("counts", dtype)

    def _of_last(self, name: str, dtype: np.dtype[Any], leading: int | None = None) -> Any:
        """Return an array of the last runs; ``leading`` is the length of an axis before others."""
        first = () if leading is None else (0,)
        layer = {
            (*first, *cell.place): (attrgetter(name), key)
            for cell, key in zip(self._cells, self._last, strict=True)
        }
        chunks = self._chunks if leading is None else ((leading,), *self._chunks)
        return self._array(name, layer, chunks, dtype)

    def _final(self) -> State:
        """Return the state after the last step."""
        a, dtype = self._arguments, self._plan.dtype
        arrays = {name: self._of_last(f"final.{name}", dtype) for name in self._model.rule.states}
        if isinstance(a.current, Source) and a.current.noises:
            arrays["noise"] = self._of_last("final.noise", dtype, a.current.noises)
        return State(**arrays, steps=a.begun + self._plan.steps)

    def _events(self) -> tuple[Events, Any]:
        """Return the events, merged in each chunk of time, and their offsets."""
        numbers = range(len(self._times))
        merged = {
            (number,): (tasks.merged_events, *(self._key(number, cell) for cell in self._cells))
            for number in numbers
        }
        below, source = self._above(self._graph, self._name, "merge", merged)

        def field(path: str, dtype: np.dtype[Any]) -> Any:
            layer = {(number,): (attrgetter(path), (source, number)) for number in numbers}
            graph, name = self._above(below, source, path, layer)
            return da.Array(graph, name, ((_UNKNOWN,) * len(numbers),), dtype=dtype)

        events = Events(field("events.step", INT64), field("events.neuron", INT64))
        return events, field("offsets", FLOAT64) if self._plan.records.timed else None


def _key_of(array: Any, cell: Cell, leading: tuple[int, ...]) -> Any:
    """Return the key of the chunk of an aligned array that belongs to a cell."""
    axes = array.numblocks[len(leading) :]
    own = cell.place[len(cell.place) - len(axes) :]
    index = [number if count > 1 else 0 for number, count in zip(own, axes, strict=True)]
    return (array.name, *leading, *index)
