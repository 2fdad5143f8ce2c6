"""``neuron.run`` for dask arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastlif.checks import described, whole
from fastlif.execution.records import record_of
from fastlif.execution.results import DEFAULT_RECORD, Run
from fastlif.execution.sources import Source
from fastlif.interop.dask.arguments import Arguments, chunks_of
from fastlif.interop.dask.graph import Graph
from fastlif.interop.dask.layout import are_adjacent, cells_of
from fastlif.interop.dask.outputs import outputs_of
from fastlif.neurons.base import Neuron


def run(
    neuron: Neuron,
    current: Any,
    initial: Any = None,
    *,
    steps: int | None = None,
    record: str | Iterable[str] = DEFAULT_RECORD,
    population: int | tuple[int, ...] | None = None,
    chunks: Any = None,
    out: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> Run:
    """Integrate an input current over many time steps, lazily.

    Chunks of the population are integrated in parallel; chunks of time follow one another, joined
    by their state. Arguments are those of ``neuron.run``, and so are the bits of the results, for
    any chunks.

    Parameters
    ----------
    neuron : fastlif neuron
        Its parameters are numbers, or NumPy arrays over the population, which are divided as the
        population is.
    current : dask.array.Array, array_like or fastlif.sources.Source
        Input current of shape ``(T, *population)``; without a time axis if ``steps`` is given.
        An array of Zarr, ``numpy.memmap`` or a dataset of h5py is read chunk by chunk (the latter
        two with the threaded scheduler). A source generates its numbers on the workers.
    initial : dask.array.Array, array_like or State, optional
        Membrane entering the first step, or ``final`` of an earlier run. Its arrays may be dask
        arrays.
    steps : int, optional
        Number of steps with a constant current or a source.
    record : str or iterable of str
        Records, as for ``neuron.run``.
    population : int or tuple of int, optional
        Shape of the population, if ``current``, ``initial`` and the neuron's parameters do not have
        it.
    chunks : optional
        Chunks of ``(T, *population)``, in any form that ``dask.array.rechunk`` accepts. The default
        are those of ``current`` or, along axes that it lacks, of ``initial``; otherwise, "auto" for
        time and the first axis of the population. For an array of Zarr or in a file, Dask chooses
        them, perhaps only one for the whole population: give ``chunks``.
    out : mapping of str to array, optional
        Arrays of Zarr for "membrane", "spikes" or "packed", with the shape and the dtype of the
        record. The tasks that integrate write into them, and keep nothing of the record: memory is
        bounded by one chunk for each thread, whatever the order in which Dask executes tasks.
        Nothing is written before a field of the result, such as ``final``, is computed. The record
        in the result reads what was written by the same call of ``compute``. With the threaded
        scheduler, ``numpy.ndarray``, ``numpy.memmap`` and datasets of h5py are accepted, too. A
        part of an array of Zarr is a copy: use one array for each run.
    threads : int
        Number of threads within one task. The tasks that run at a time, times this, should not be
        more than the processors.

    Returns
    -------
    Run
        Dask arrays in place of NumPy arrays. ``dask.compute(result)`` returns a tuple with a Run of
        NumPy arrays. The length of ``events`` is unknown before they are computed.

    Raises
    ------
    TypeError
        If an argument has a wrong type or dtype.
    ValueError
        If an argument has a wrong value or shape, or ``current`` or ``initial`` has chunks of
        unknown sizes. Sources and the record "packed" require that each chunk of the population
        consists of adjacent neurons of the flattened population: divide its first axis only.

    Notes
    -----
    Each call of ``compute`` integrates again: compute all fields that you need in one call, such as
    ``dask.compute(result)``, and read the arrays in ``out`` themselves afterwards.

    There is no ``neurons``, ``every`` or ``progress``: use ``dask.diagnostics.ProgressBar`` or the
    dashboard of the cluster, ``result.spikes[:, n]`` and ``result.membrane[::k]``,
    of which only the chunks that are needed are computed.

    Use at least as many chunks of the population as there are threads of workers. Within one chunk
    of the population, only one task at a time can run.

    Records that are not in ``out`` must fit in memory for each chunk of the population that is
    being integrated, even if each of their chunks is small or is stored at once
    (``result.packed.to_zarr``): Dask executes the tasks that follow one another, here all stretches
    of time, before others that wait for their results.

    A chunk of the current is computed by the task that integrates it, so that no other chunk is
    read ahead. If something else in the same call of ``compute`` uses the current, it is computed
    twice. What several chunks need is computed before, such as the chunks that ``rechunk`` divides;
    instead, read with the right chunks: ``dask.array.from_zarr(path, chunks=...)``, or give
    ``chunks`` and the array of Zarr itself. What a cluster already holds is not copied.

    The graph has one task for each chunk, and another one if it returns other records than counts,
    and one for each chunk of such a record. A neuron's parameters, an initial state and sources are
    in the graph once for each chunk of the population.

    Examples
    --------
    A source for a million neurons, without an array of all steps:

    >>> import dask, fastlif
    >>> from fastlif.interop.dask import run
    >>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
    >>> noise = fastlif.GaussianCurrent(0.2, 0.1, seed=1)
    >>> result = run(
    ...     neuron, noise, steps=200, record="counts", population=10**6, chunks=(-1, 25_000)
    ... )
    >>> result.counts.shape, result.counts.chunksize
    ((1000000,), (25000,))
    >>> one = neuron.run(noise, neuron.initial_state(10**6), steps=200, record="counts")
    >>> bool((result.counts.compute() == one.counts).all())
    True

    Packed spikes that the tasks write into an array, which threads can do if it is in memory:

    >>> import numpy as np
    >>> spikes = np.empty((200, 12_500), np.uint8)
    >>> result = run(
    ...     neuron, noise, steps=200, population=10**5, chunks=(50, 20_000), out={"packed": spikes}
    ... )
    >>> final = dask.compute(result.final)  # writes the spikes
    >>> one = neuron.run(noise, neuron.initial_state(10**5), steps=200, record="packed")
    >>> bool((spikes == one.packed).all())
    True
    """
    if not isinstance(neuron, Neuron):
        raise TypeError(f"neuron must be a neuron of fastlif, got {described(neuron)}")
    threads = whole("threads", threads, 1)
    record = record_of(record, out)
    arguments = Arguments(neuron._model, current, initial, steps, record, population)
    own = chunks_of(arguments, chunks)
    cells = cells_of(own[1:])
    if not are_adjacent(cells):
        for condition, name in (
            (isinstance(arguments.current, Source), "a source"),
            ("packed" in arguments.names, "record='packed'"),
        ):
            if condition:
                raise ValueError(
                    f"chunks must divide only the first axis of the population for {name}, which "
                    f"depends on the flattened population, got {own[1:]}"
                )
    outputs = outputs_of(out, arguments, own)
    return Graph(neuron, arguments, own, cells, outputs, threads).result()
