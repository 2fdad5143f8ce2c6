"""Norse: LIFBoxCell, stepped through time."""

import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters
from workloads import DT

from contenders import Entry
from contenders.arrays import readers
from contenders.tensors import loop, tensor
from fastlif import presets

PACKAGE = "norse"


def entry(task):
    current = torch.from_numpy(np.ascontiguousarray(task.over_time))
    inverse = (1 / np.asarray(task.tau, np.float64)).astype(task.current.dtype)
    cell = norse.LIFBoxCell(
        LIFBoxParameters(
            tau_mem_inv=tensor(inverse, current.dtype),
            v_th=tensor(task.threshold, current.dtype),
        ),
        dt=DT,
    )
    own = presets.norse_lif_box(tau_mem_inv=inverse, v_th=task.threshold, dt=DT)

    def step(x, state):
        spk, state = cell(x, state)
        return spk, state, state.v

    record = task.workload.record
    rest = LIFBoxFeedForwardState(v=torch.zeros(current.shape[1]))
    return Entry(lambda: loop(step, current, rest, record), own, task.current, *readers(record))


CONTENDERS = {"Norse LIFBox": entry}
