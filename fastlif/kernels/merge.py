"""The merger of events: from sorted runs, one per tile, to one sorted list."""

import functools

import numpy as np

from fastlif.kernels.events import PLACE_BITS
from fastlif.kernels.jit import compiled


@functools.cache
def merge_kernel():
    """Return the compiled merger. It is made at its first use, because Numba is slow to set up."""

    def merge_events(events, bounds, starts, step_out, neuron_out, offsets, offset_out):
        """Merge runs of events, each of one tile and sorted by step, into one sorted run.

        ``bounds`` holds where each run begins in ``events``, and where the last one ends;
        ``starts``, in ascending order, the first neuron of each run's tile. ``offsets`` belong to
        the events, or are None.
        """
        at = bounds[:-1].copy()
        done = 0
        while done < len(events):
            step = np.iinfo(np.int64).max  # the earliest one that any run still has
            for k in range(len(at)):
                if at[k] < bounds[k + 1]:
                    step = min(step, events[at[k]] >> PLACE_BITS)
            for k in range(len(at)):
                while at[k] < bounds[k + 1] and events[at[k]] >> PLACE_BITS == step:
                    step_out[done] = step
                    neuron_out[done] = starts[k] + (events[at[k]] & ((1 << PLACE_BITS) - 1))
                    if offsets is not None:
                        offset_out[done] = offsets[at[k]]
                    at[k] += 1
                    done += 1

    return compiled(merge_events)
