"""Nengo 4.1.0: the method `step` of its neuron types, called as Nengo's simulator calls it."""

import nengo
import numpy as np

PACKAGE = "nengo"


def nengo_lif(current, tau_rc=0.02, tau_ref=0.002, min_voltage=0.0, amplitude=1.0, dt=0.001):
    neuron = nengo.LIF(tau_rc=tau_rc, tau_ref=tau_ref, min_voltage=min_voltage, amplitude=amplitude)
    output, voltage = stepped(neuron, current, dt, "voltage", "refractory_time")
    return output > 0, voltage


def nengo_spiking_rectified_linear(current, amplitude=1.0, dt=0.001):
    neuron = nengo.SpikingRectifiedLinear(amplitude=amplitude)
    output, voltage = stepped(neuron, current, dt, "voltage")
    return np.round(output * dt / amplitude).astype(np.int32), voltage


def stepped(neuron, current, dt, *states):
    # Start at zero; by default, Nengo draws random initial voltages.
    state = {name: np.zeros_like(current[0]) for name in states}
    output, voltage = np.empty_like(current), np.empty_like(current)
    for t, J in enumerate(current):
        neuron.step(dt, J, output[t], **state)
        voltage[t] = state["voltage"]
    return output, voltage
