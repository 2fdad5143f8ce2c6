"""Populations and recordings that are larger than memory or than one machine, with Dask.

:func:`run` is ``neuron.run`` for dask arrays: it is lazy, and its results are dask arrays with the
same bits for any chunks, scheduler and number of workers.

Examples
--------
>>> import dask.array as da, fastlif
>>> from fastlif.interop.dask import run
>>> current = da.random.default_rng(0).uniform(0, 0.6, (500, 1000), chunks=(100, 250))
>>> neuron = fastlif.LIF(R=5.1, C=5e-3, time_step=1e-3)
>>> result = run(neuron, current, record=("membrane", "counts"))
>>> result.membrane.chunksize, result.counts.chunksize
((100, 250), (250,))
>>> bool((result.counts.compute() == neuron.run(current.compute()).spikes.sum(axis=0)).all())
True
"""

from fastlif.interop.dask.lazy import run

__all__ = ["run"]
