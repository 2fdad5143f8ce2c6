"""Norse 1.1.0: `lif_feed_forward_step` and `lif_box_feed_forward_step`, in a loop."""

import torch
from norse.torch.functional import reset
from norse.torch.functional.lif import (
    LIFFeedForwardState,
    LIFParameters,
    lif_feed_forward_step,
)
from norse.torch.functional.lif_box import (
    LIFBoxFeedForwardState,
    LIFBoxParameters,
    lif_box_feed_forward_step,
)

PACKAGE = "norse"


def norse_lif(
    current,
    tau_syn_inv=200.0,
    tau_mem_inv=100.0,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    dt=0.001,
):
    current = torch.from_numpy(current)
    values = tensors(
        current,
        tau_syn_inv=tau_syn_inv,
        tau_mem_inv=tau_mem_inv,
        v_leak=v_leak,
        v_th=v_th,
        v_reset=v_reset,
    )
    state = LIFFeedForwardState(
        v=values["v_leak"].expand(current.shape[1]), i=torch.zeros_like(current[0])
    )
    return stepped(lif_feed_forward_step, current, state, LIFParameters(**values), dt)


def norse_lif_box(
    current,
    tau_mem_inv=100.0,
    v_leak=0.0,
    v_th=1.0,
    v_reset=0.0,
    reset_method="reset_value",
    dt=0.001,
):
    current = torch.from_numpy(current)
    values = tensors(current, tau_mem_inv=tau_mem_inv, v_leak=v_leak, v_th=v_th, v_reset=v_reset)
    p = LIFBoxParameters(**values, reset_method=getattr(reset, reset_method))
    state = LIFBoxFeedForwardState(v=p.v_leak.expand(current.shape[1]))
    return stepped(lif_box_feed_forward_step, current, state, p, dt)


def tensors(current, **values):
    """Convert all values to tensors, as Norse's defaults: numbers become tensors without axes."""
    return {name: torch.as_tensor(value, dtype=current.dtype) for name, value in values.items()}


def stepped(step, current, state, p, dt):
    spikes, membrane = [], []
    with torch.no_grad():
        for now in current:
            z, state = step(now, state, p, dt)
            spikes.append(z)
            membrane.append(state.v)
    return torch.stack(spikes).bool().numpy(), torch.stack(membrane).numpy()
