"""fastlif itself: one call."""

from workloads import DT

import fastlif
from contenders import Entry

PACKAGE = "fastlif"


def neuron_of(task):
    """Return the neuron of the NumPy, PyTorch and JAX contenders: Euler, immediate reset to 0."""
    return fastlif.LIF(
        R=1.0, C=task.tau, time_step=DT, threshold=task.threshold,
        order="at_once", reset_mechanism="value", reset_to=0.0,
    )  # fmt: skip


def entry(task):
    neuron, record = neuron_of(task), task.workload.record
    steps = task.steps if task.workload.constant else None
    run = lambda: neuron.run(task.current, steps=steps, record=record)  # noqa: E731
    spikes = (lambda result: result.spikes) if "spikes" in record else None
    counts = lambda result: result.spikes.sum(0) if spikes else result.counts  # noqa: E731
    return Entry(run, neuron, task.current, counts, spikes)


CONTENDERS = {"fastlif": entry}
