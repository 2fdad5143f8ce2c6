"""The rules of all neurons: each is a row of parts from rules.py and an order from orders.py.

A row reads: the drive, the order, the charge, the threshold's test and the reset. The rows of other
simulators' neurons reproduce their arithmetic, operation by operation.
"""

from fastlif.kernels import orders as o
from fastlif.kernels import rules as r
from fastlif.kernels.compose import Rule

# fastlif's own neurons --------------------------------------------------------------------------

LAPICQUE = {
    "subtract": Rule(r.lapicque_drive, o.delayed, r.decayed, r.above, r.by_threshold),
    "zero": Rule(r.lapicque_drive, o.delayed, r.decayed, r.above, r.to_zero),
    "none": Rule(r.lapicque_drive, o.delayed, r.decayed, r.above, r.not_reset),
}
LEAKY = {
    "subtract": Rule(r.raw, o.delayed, r.decayed, r.above, r.by_threshold),
    "zero": Rule(r.raw, o.delayed_before_charge, r.decayed, r.above, r.emptied),
    "none": Rule(r.raw, o.delayed, r.decayed, r.above, r.not_reset),
}
LEAKY_AT_ONCE = {
    "subtract": LEAKY["subtract"]._replace(order=o.snntorch_at_once, again=r.by_threshold_again),
    "zero": LEAKY["zero"]._replace(order=o.snntorch_at_once_before_charge, again=r.to_zero_again),
    "none": LEAKY["none"],
}
# The notebook's functions, which are also LIF's defaults; neurons/lif.py composes all others.
NOTEBOOK = {
    "fire": Rule(r.times_gain, o.entering, r.relaxed, r.above, r.by_threshold),
    "passive": Rule(r.times_gain, o.entering, r.relaxed, r.above, r.not_reset),
}

# other simulators' neurons -----------------------------------------------------------------------

_SYNAPTIC = ("mem", "syn")

NORSE_LIF = Rule(
    r.raw,
    o.at_once,
    r.relaxed_to_rest,
    r.above,
    r.to_value,
    synapse=r.used_then_leaks,
    states=_SYNAPTIC,
)
NORSE_LIF_BOX = {
    "reset_value": Rule(r.plus_rest, o.at_once, r.relaxed, r.above, r.to_value),
    "reset_subtract": Rule(r.plus_rest, o.at_once, r.relaxed, r.above, r.by_threshold),
}
SPIKINGJELLY_LIF = {  # (decay_input, reset by subtraction)
    (True, False): Rule(r.raw, o.at_once, r.divided, r.reached, r.to_value),
    (True, True): Rule(r.raw, o.at_once, r.divided, r.reached, r.by_threshold),
    (False, False): Rule(r.raw, o.at_once, r.divided_and_jumped, r.reached, r.to_value),
    (False, True): Rule(r.raw, o.at_once, r.divided_and_jumped, r.reached, r.by_threshold),
}
SPIKINGJELLY_IF = {
    False: Rule(r.raw, o.at_once, r.decayed, r.reached, r.to_value),
    True: Rule(r.raw, o.at_once, r.decayed, r.reached, r.by_threshold),
}
BRIAN2_LIF = {  # (method, whether tau, v_rest or R is a parameter of each neuron)
    ("euler", False): Rule(r.to_target, o.at_once, r.relaxed, r.above, r.to_value),
    ("euler", True): Rule(r.to_target, o.at_once, r.relaxed_by_division, r.above, r.to_value),
    ("exact", False): Rule(r.times_gain, o.at_once, r.brian2_exact, r.above, r.to_value),
    ("exact", True): Rule(r.times_gain, o.at_once, r.brian2_exact_each, r.above, r.to_value),
}
# Exact, with a target that all neurons share and that is constant in time.
BRIAN2_LIF_TO_CONSTANT = Rule(r.part_of_target, o.at_once, r.decayed, r.above, r.to_value)
NEST_IAF_PSC_DELTA = {  # the kind of input
    "current": Rule(
        r.with_rest_times_gain,
        o.at_once,
        r.decayed,
        r.reached,
        r.to_value,
        limit=r.floored_unless_reset,
    ),
    "spikes": Rule(
        r.raw, o.at_once, r.decayed_then_jumped, r.reached, r.to_value, limit=r.floored_unless_reset
    ),
}
NENGO_LIF = Rule(
    r.raw, o.within_step, None, r.above, r.to_value, limit=r.floored, states=("mem", "refractory")
)
NENGO_SPIKING_RECTIFIED_LINEAR = Rule(
    r.rectified, o.at_once, r.decayed, r.how_often, r.by_each_threshold
)
ROCKPOOL_LIF = Rule(
    r.raw,
    o.at_once,
    r.decayed_with_rest,
    r.how_often,
    r.by_each_threshold,
    synapse=r.leaks_then_used,
    states=_SYNAPTIC,
)
SINABS_LIF = {  # (spike_fn, reset_fn)
    ("MultiSpike", "MembraneSubtract"): Rule(
        r.times_gain, o.at_once, r.decayed, r.how_often, r.by_each_threshold
    ),
    ("MultiSpike", "MembraneReset"): Rule(
        r.times_gain, o.at_once, r.decayed, r.how_often, r.emptied
    ),
    ("SingleSpike", "MembraneSubtract"): Rule(
        r.times_gain, o.at_once, r.decayed, r.reached, r.by_threshold
    ),
    ("SingleSpike", "MembraneReset"): Rule(
        r.times_gain, o.at_once, r.decayed, r.reached, r.emptied
    ),
}
NIR_LIF = {  # whether there is a v_reset
    False: Rule(r.to_target, o.at_once, r.relaxed, r.above, r.by_threshold),
    True: Rule(r.to_target, o.at_once, r.relaxed, r.above, r.to_value),
}
NIR_IF = {
    False: Rule(r.times_gain, o.at_once, r.decayed, r.above, r.by_threshold),
    True: Rule(r.times_gain, o.at_once, r.decayed, r.above, r.to_value),
}
NIR_LI = Rule(r.to_target, o.at_once, r.relaxed, r.above, r.not_reset)
NIR_CUBA_LIF = {
    reset: rule._replace(drive=r.weighted, synapse=r.filtered, states=_SYNAPTIC)
    for reset, rule in NIR_LIF.items()
}
