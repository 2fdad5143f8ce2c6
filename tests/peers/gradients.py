"""Gradients: random cases, and what snnTorch, Norse and SpikingJelly compute for them.

A loss is a weighted sum of all spikes, of all membranes, or of both.
"""

import itertools
from typing import NamedTuple

import numpy as np

STEPS, BATCH, NEURONS = 40, 3, 11
F4 = np.float32
EXACT = {  # surrogates whose gradients have the same bits
    "atan": [{}, {"alpha": 3.0}],
    "fast_sigmoid": [{}, {"slope": 10.0}],
    "straight_through_estimator": [{}],
    "triangular": [{}, {"threshold": 0.5}],
    "SFS": [{"B": -0.3}, {"slope": 5.0, "B": -0.1}],
    "heaviside": [{}],
}
CLOSE = {"sigmoid": [{"slope": 4.0}], "spike_rate_escape": [{}, {"beta": 2.0, "slope": 5.0}]}
ARRIVING = ("spikes", "membrane", "both")


class Case(NamedTuple):
    """A neuron by its class, parameters, surrogate, where gradients arrive, and a seed."""

    neuron: str
    parameters: dict
    surrogate: str
    options: dict
    arriving: str
    detach_reset: bool | None
    seed: int


class Data(NamedTuple):
    """What a case is run with."""

    current: np.ndarray
    initial: np.ndarray
    at_spikes: np.ndarray | None
    at_membrane: np.ndarray | None


def _cases():
    rng = np.random.default_rng(14)
    seeds = itertools.count()
    resets = ("subtract", "zero", "none")

    def case(neuron, parameters, surrogate, detach_reset=None):
        return Case(neuron, parameters, *surrogate, ARRIVING[rng.integers(3)], detach_reset,
                    next(seeds))  # fmt: skip

    def snntorch(surrogate, reset, delay, each):
        def drawn(low, high):
            values = rng.uniform(low, high, NEURONS).astype(F4)
            return values if each else round(float(values[0]), 2)

        yield case("Leaky", {"beta": drawn(0.4, 1), "threshold": drawn(0.6, 1),
                             "reset_delay": delay, "reset_mechanism": reset},
                   surrogate)  # fmt: skip
        yield case("Lapicque", {"R": 5.1, "C": 5e-3, "time_step": 1e-3,
                                "threshold": drawn(0.6, 1), "reset_mechanism": reset},
                   surrogate)  # fmt: skip

    # Every neuron with the first surrogate, and every surrogate with some of the neurons: each
    # combination is a kernel, which takes a second to compile.
    for reset, delay, each in itertools.product(resets, (True, False), (True, False)):
        for options in ({}, {"alpha": 3.0}):
            yield from snntorch(("atan", options), reset, delay, each)
    for k, (name, choices) in enumerate([*(EXACT | CLOSE).items()][1:]):
        for _, options in itertools.product(range(3), choices):
            yield from snntorch((name, options), resets[k % 3], k % 2 == 0, False)
    for reset in ("reset_value", "reset_subtract"):
        for values in ({}, {"v_leak": 0.1, "v_reset": -0.1, "tau_mem_inv": 200.0, "v_th": 0.8}):
            yield case("norse_lif_box", {"reset_method": reset} | values,
                       ("fast_sigmoid", {"slope": 1.0}))  # fmt: skip
    for decay, (reset, detach), surrogate in itertools.product(
        (True, False),
        ((0.0, True), (None, True), (-0.2, False), (None, False)),
        (("sigmoid", {"slope": 4.0}), ("atan", {"alpha": 2.0})),
    ):
        yield case("spikingjelly_lif", {"tau": 2.5, "decay_input": decay, "v_reset": reset,
                                        "v_threshold": 0.7}, surrogate, detach)  # fmt: skip


CASES = list(_cases())
SNNTORCH = [k for k, case in enumerate(CASES) if case.neuron in ("Leaky", "Lapicque")]


def data_of(case):
    """Return the current, the initial membrane and the gradients that arrive."""
    rng = np.random.default_rng(case.seed)
    shape = STEPS, BATCH, NEURONS
    strength = {"norse_lif_box": 4.0, "spikingjelly_lif": 2.5}.get(case.neuron, 0.6)
    current = (rng.random(shape, F4) * F4(strength)).astype(F4)
    initial = rng.random(shape[1:], F4)
    spikes, membrane = rng.standard_normal((2, *shape), F4)
    return Data(
        current,
        initial,
        None if case.arriving == "membrane" else spikes,
        None if case.arriving == "spikes" else membrane,
    )


# --- by the simulators ----------------------------------------------------------------------------


def by_peer(case):
    """Return the gradients at the current, the initial membrane, beta and the threshold.

    The last two are None where the simulator does not learn them.
    """
    import torch

    data = data_of(case)
    current = torch.from_numpy(data.current).requires_grad_()
    initial = torch.from_numpy(data.initial).requires_grad_()
    spikes, membranes, learned = globals()[f"_{case.neuron}"](torch, case, current, initial)
    loss = 0.0
    for values, weights in ((spikes, data.at_spikes), (membranes, data.at_membrane)):
        if weights is not None:
            loss = loss + (torch.stack(values) * torch.from_numpy(weights)).sum()
    loss.backward()
    found = [None if value is None else value.grad for value in learned]
    return [
        current.grad.numpy(),
        initial.grad.numpy(),
        *(g if g is None else g.numpy() for g in found),
    ]


def _tensors(torch, parameters):
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in parameters.items()
    }


def _Leaky(torch, case, current, initial):
    import snntorch

    module = snntorch.Leaky(
        **_tensors(torch, case.parameters), learn_beta=True, learn_threshold=True,
        spike_grad=_of_snntorch(case),
    )  # fmt: skip
    return *_stepped(module, current, initial), (module.beta, module.threshold)


def _Lapicque(torch, case, current, initial):
    import snntorch

    module = snntorch.Lapicque(
        **_tensors(torch, case.parameters), learn_threshold=True, spike_grad=_of_snntorch(case)
    )
    return *_stepped(module, current, initial), (None, module.threshold)


def _of_snntorch(case):
    from snntorch import surrogate

    return getattr(surrogate, case.surrogate)(**case.options)


def _stepped(module, current, mem):
    spikes, membranes = [], []
    for cur in current:
        spk, mem = module(cur, mem)
        spikes.append(spk)
        membranes.append(mem)
    return spikes, membranes


def _norse_lif_box(torch, case, current, initial):
    from norse.torch.functional import reset
    from norse.torch.functional.lif_box import (
        LIFBoxFeedForwardState,
        LIFBoxParameters,
        lif_box_feed_forward_step,
    )

    values = dict(case.parameters)
    method = getattr(reset, values.pop("reset_method"))
    values = {name: torch.as_tensor(value) for name, value in values.items()}
    p = LIFBoxParameters(**values, reset_method=method)  # its alpha has no effect in 1.1.0
    state, spikes, membranes = LIFBoxFeedForwardState(v=initial), [], []
    for cur in current:
        spk, state = lif_box_feed_forward_step(cur, state, p)
        spikes.append(spk)
        membranes.append(state.v)
    return spikes, membranes, (None, None)


def _spikingjelly_lif(torch, case, current, initial):
    from spikingjelly.activation_based import neuron, surrogate

    kind = {"sigmoid": surrogate.Sigmoid, "atan": surrogate.ATan}[case.surrogate]
    module = neuron.LIFNode(
        **case.parameters, surrogate_function=kind(*case.options.values()),
        detach_reset=case.detach_reset, step_mode="s",
    )  # fmt: skip
    module.v = initial
    spikes, membranes = [], []
    for cur in current:
        spikes.append(module(cur))
        membranes.append(module.v)
    return spikes, membranes, (None, None)
