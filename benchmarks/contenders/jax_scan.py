"""JAX: lax.scan over time with jit."""

import jax
import jax.numpy as jnp
import numpy as np
from workloads import DT

from contenders import Entry
from contenders.own import neuron_of

PACKAGE = "jax"


def entry(task):
    record, steps = task.workload.record, task.steps
    rate = jnp.asarray(np.asarray(DT / task.tau, task.current.dtype))
    threshold = jnp.asarray(np.asarray(task.threshold, task.current.dtype))
    current = jax.device_put(task.current)

    def step(carry, x):
        u, counts = carry
        u = u + rate * (x - u)
        spk = u > threshold
        u = jnp.where(spk, 0, u)
        kept = {"membrane": u, "spikes": spk}
        counts = counts + spk if "counts" in record else counts
        return (u, counts), {name: kept[name] for name in record if name in kept}

    @jax.jit
    def scan(current):
        size = current.shape[-1]
        start = jnp.zeros(size, current.dtype), jnp.zeros(size, jnp.int32)
        if task.workload.constant:
            return jax.lax.scan(lambda c, _: step(c, current), start, None, length=steps)
        return jax.lax.scan(step, start, current)

    spikes = (lambda result: np.asarray(result[1]["spikes"])) if "spikes" in record else None
    counts = lambda result: spikes(result).sum(0) if spikes else np.asarray(result[0][1])  # noqa: E731
    run = lambda: jax.block_until_ready(scan(current))  # noqa: E731
    return Entry(run, neuron_of(task), task.current, counts, spikes)


CONTENDERS = {"JAX scan": entry}
