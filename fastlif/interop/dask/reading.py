"""Reading within the tasks that integrate, instead of ahead of them.

Schedulers run what is ready. Chunks of the current are ready from the start, and the integration of
one waits for the state before it: threads would read a whole chunk of the population ahead, which
fills the memory, instead of integrating another one.
"""

import functools
import sys
from typing import Any

import dask
from dask.core import flatten, get_dependencies, istask, reverse_dict


class Piece:
    """A part of a graph, which computes one chunk. It is called with what the part depends on."""

    def __init__(self, graph: dict[Any, Any], key: Any, inputs: tuple[Any, ...]) -> None:
        self._graph, self._key, self._inputs = graph, key, inputs

    def __call__(self, *values: Any) -> Any:
        """Return the chunk."""
        # As tasks, because Dask would look for keys and tasks in the values.
        given = {
            key: (functools.partial(_identity, value),)
            for key, value in zip(self._inputs, values, strict=True)
        }
        # Callbacks, such as a progress bar, count the tasks of the whole graph.
        return dask.get({**self._graph, **given}, self._key, callbacks=())


def pieces_of(array: Any) -> dict[Any, Any]:
    """Return the tasks that compute the chunks of a dask array, by key; not of those in memory.

    They contain all other tasks that only one chunk needs, and depend on what several need, and on
    other chunks.
    """
    distributed = sys.modules.get("distributed")
    if distributed is not None and distributed.futures_of(array):
        return {}  # a Future is only found among the tasks of a graph
    graph = dict(dask.optimize(array)[0].dask)  # joins tasks that follow one another
    dependencies = {key: get_dependencies(graph, key) for key in graph}
    dependents = reverse_dict(dependencies)
    known = functools.cache(array.dask.__contains__)
    pieces = {}
    chunks = set(flatten(array.__dask_keys__()))
    for key in chunks:
        if key not in graph or not istask(graph[key]) or dependents[key]:
            continue
        own, inputs = {key}, set()
        remaining = list(dependencies[key])
        while remaining:
            other = remaining.pop()
            if other in graph and other not in chunks and dependents[other] <= own:
                own.add(other)
                inputs.discard(other)
                remaining += dependencies[other]
            elif other not in own:
                inputs.add(other)
        if all(map(known, inputs)):
            piece = Piece({name: graph[name] for name in own}, key, tuple(inputs))
            pieces[key] = (piece, *inputs)
    return pieces


def _identity(value: Any) -> Any:
    return value
