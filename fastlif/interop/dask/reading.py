"""Reading within the tasks that integrate, instead of ahead of them.

Schedulers run what is ready. Chunks of the current are ready from the start, and the integration of
one waits for the state before it: threads would read a whole chunk of the population ahead, which
fills the memory, instead of integrating another one.
"""

from typing import Any

import dask
from dask.core import flatten, get_dependencies, istask, reverse_dict


def with_own_tasks(array: Any) -> tuple[Any, dict[Any, Any]]:
    """Return an equal dask array, and the tasks of its chunks that can be a part of another task.

    These use data only, no result of another task, and no other chunk uses them.
    """
    (array,) = dask.optimize(array)  # joins tasks that follow one another
    graph = dict(array.dask)
    dependencies = {key: get_dependencies(graph, key) for key in graph}
    dependents = reverse_dict(dependencies)
    own = {}
    for key in flatten(array.__dask_keys__()):
        name, users = key, 0
        while len(dependents[name]) == users and _is_alias(graph[name], dependencies[name]):
            (name,), users = dependencies[name], 1
        alone = len(dependents[name]) == users
        if alone and istask(graph[name]) and not any(istask(graph[k]) for k in dependencies[name]):
            own[key] = graph[name]
    return array, own


def _is_alias(task: Any, dependencies: set[Any]) -> bool:
    """Tell whether a task of Dask is only another name of its dependency."""
    return len(dependencies) == 1 and getattr(task, "target", task) in dependencies
