"""SpikingJelly: LIFNode in multi-step mode, all time steps in one call."""

import numpy as np
import torch
from spikingjelly.activation_based import functional, neuron
from workloads import DT

from contenders import Entry, Unsupported
from contenders.arrays import readers
from fastlif import presets

PACKAGE = "spikingjelly"


def entry(task):
    if task.workload.each:
        raise Unsupported("tau and threshold of LIFNode are single numbers")
    current = torch.from_numpy(np.ascontiguousarray(task.over_time))
    tau, record = task.tau / DT, task.workload.record
    node = neuron.LIFNode(tau=tau, step_mode="m", store_v_seq="membrane" in record)

    def run():
        functional.reset_net(node)
        with torch.inference_mode():
            spikes = node(current)
            return (
                spikes.bool() if "spikes" in record else None,
                node.v_seq if "membrane" in record else None,
                spikes.sum(0) if "counts" in record else None,
            )

    return Entry(run, presets.spikingjelly_lif(tau=tau), task.current, *readers(record))


CONTENDERS = {"SpikingJelly LIFNode": entry}
