"""Every neuron, as a row of what its rule is put together from; rules.py has the equations.

The rows of a simulator's neuron give its own arithmetic, operation for operation.
"""

from fastlif.kernels import orders as o
from fastlif.kernels import rules as r
from fastlif.kernels.rules import Rule

# fastlif's own three -----------------------------------------------------------------------------

LAPICQUE = {
    "subtract": Rule(r.lapicque_drive, r.kept, r.above, r.by_threshold, o.delayed),
    "zero": Rule(r.lapicque_drive, r.kept, r.above, r.to_zero, o.delayed),
    "none": Rule(r.lapicque_drive, r.kept, r.above, r.not_reset, o.delayed),
}
LEAKY = {
    "subtract": Rule(r.raw, r.kept, r.above, r.by_threshold, o.delayed),
    "zero": Rule(r.raw, r.kept, r.above, r.emptied, o.delayed_before_charge),
    "none": Rule(r.raw, r.kept, r.above, r.not_reset, o.delayed),
}
LEAKY_AT_ONCE = {
    "subtract": Rule(r.raw, r.kept, r.above, r.by_threshold, o.snntorch_at_once),
    "zero": Rule(r.raw, r.kept, r.above, r.emptied, o.snntorch_to_zero_at_once),
    "none": LEAKY["none"],
}
LIF = {
    "subtract": Rule(r.times_gain, r.relaxed, r.above, r.by_threshold, o.entering),
    "zero": Rule(r.times_gain, r.relaxed, r.above, r.to_zero, o.entering),
    "none": Rule(r.times_gain, r.relaxed, r.above, r.not_reset, o.entering),
    "value": Rule(r.times_gain, r.relaxed, r.above, r.to_value, o.entering),
}

# other simulators' neurons -----------------------------------------------------------------------
# What the row reads: the input's part, the charge, the threshold's test, the reset, and when.

NORSE_LIF = Rule(
    r.raw, r.relaxed_to_rest, r.above, r.to_value, o.at_once, synapse=r.used_then_leaks
)
NORSE_LIF_BOX = {
    "reset_value": Rule(r.plus_rest, r.relaxed, r.above, r.to_value, o.at_once),
    "reset_subtract": Rule(r.plus_rest, r.relaxed, r.above, r.by_threshold, o.at_once),
}
SPIKINGJELLY_LIF = {  # (decay_input, soft reset)
    (True, False): Rule(r.raw, r.divided, r.reached, r.to_value, o.at_once),
    (True, True): Rule(r.raw, r.divided, r.reached, r.by_threshold, o.at_once),
    (False, False): Rule(r.raw, r.divided_and_jumped, r.reached, r.to_value, o.at_once),
    (False, True): Rule(r.raw, r.divided_and_jumped, r.reached, r.by_threshold, o.at_once),
}
SPIKINGJELLY_IF = {
    False: Rule(r.raw, r.kept, r.reached, r.to_value, o.at_once),
    True: Rule(r.raw, r.kept, r.reached, r.by_threshold, o.at_once),
}
BRIAN2_LIF = {  # (method, one tau, v_rest or R a neuron)
    ("euler", False): Rule(r.to_target, r.relaxed, r.above, r.to_value, o.at_once),
    ("euler", True): Rule(r.to_target, r.relaxed_by_division, r.above, r.to_value, o.at_once),
    ("exact", False): Rule(r.times_gain, r.brian2_exact, r.above, r.to_value, o.at_once),
    ("exact", True): Rule(r.times_gain, r.brian2_exact_each, r.above, r.to_value, o.at_once),
}
NEST_IAF_PSC_DELTA = {  # what the input is
    "current": Rule(
        r.with_rest_times_gain, r.kept, r.reached, r.to_value, o.at_once, r.floored_unless_reset
    ),
    "spikes": Rule(
        r.raw, r.kept_then_jumped, r.reached, r.to_value, o.at_once, r.floored_unless_reset
    ),
}
NENGO_LIF = Rule(
    r.raw, r.relaxed, r.above, r.to_value, o.within_step, r.floored, refractory=True
)  # charge: within_step's own
NENGO_SPIKING_RECTIFIED_LINEAR = Rule(
    r.rectified, r.kept, r.how_often, r.by_each_threshold, o.at_once
)
ROCKPOOL_LIF = Rule(
    r.raw, r.kept_with_rest, r.how_often, r.by_each_threshold, o.at_once, synapse=r.leaks_then_used
)
SINABS_LIF = {  # (spike_fn, reset_fn)
    ("MultiSpike", "MembraneSubtract"): Rule(
        r.times_gain, r.kept, r.how_often, r.by_each_threshold, o.at_once
    ),
    ("MultiSpike", "MembraneReset"): Rule(r.times_gain, r.kept, r.how_often, r.emptied, o.at_once),
    ("SingleSpike", "MembraneSubtract"): Rule(
        r.times_gain, r.kept, r.reached, r.by_threshold, o.at_once
    ),
    ("SingleSpike", "MembraneReset"): Rule(r.times_gain, r.kept, r.reached, r.emptied, o.at_once),
}
NIR_LIF = {  # whether there is a v_reset
    False: Rule(r.to_target, r.relaxed, r.above, r.by_threshold, o.at_once),
    True: Rule(r.to_target, r.relaxed, r.above, r.to_value, o.at_once),
}
NIR_IF = {
    False: Rule(r.times_gain, r.kept, r.above, r.by_threshold, o.at_once),
    True: Rule(r.times_gain, r.kept, r.above, r.to_value, o.at_once),
}
NIR_LI = Rule(r.to_target, r.relaxed, r.above, r.not_reset, o.at_once)
NIR_CUBA_LIF = {
    reset: rule._replace(drive=r.weighted, synapse=r.filtered) for reset, rule in NIR_LIF.items()
}


def refractory(rule: Rule) -> Rule:
    """Return the same neuron with a refractory period in steps, held meanwhile."""
    order = {
        o.entering: o.refractory_entering,
        o.at_once: o.refractory_at_once,
        o.delayed: o.refractory_delayed,
    }[rule.order]
    return rule._replace(order=order, refractory=True)
