"""Brian2's neuron groups, with fastlif's kernels for the integration and the test for spikes."""

from collections.abc import Callable
from typing import Any

import brian2
import numpy as np
from brian2.codegen.codeobject import check_units_statements
from brian2.core.functions import timestep
from brian2.core.preferences import prefs
from brian2.devices.device import RuntimeDevice, get_device
from brian2.groups.group import get_local_namespace
from brian2.groups.neurongroup import StateUpdater, Thresholder
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units.fundamentalunits import Quantity
from brian2.utils.stringtools import get_identifiers

from fastlif.checks import described
from fastlif.interop.brian2_equations import (
    Match,
    Scope,
    affine,
    changes,
    matching,
    membrane_of,
    now,
    threshold_of,
)
from fastlif.kernels.hosted import charge_and_fire_kernel, charge_kernel, fire_kernel
from fastlif.kernels.jit import variant_of
from fastlif.kernels.rules import above, reached

__all__ = ["Acceleration", "accelerate"]


def accelerate(group: Any, *, strict: bool = True) -> "Acceleration":
    r"""Let fastlif compute the integration and the test for spikes of a NeuronGroup.

    .. math:: \frac{dv}{dt} = \frac{v_{rest} - v + R I}{\tau}

    Everything else remains Brian2's: the reset, synapses, monitors, scheduling, and the variables
    ``lastspike`` and ``not_refractory``, which Brian2's code and monitors can read as before.

    Parameters
    ----------
    group : brian2.NeuronGroup
        A group with this equation, whatever the names and the order of its terms; some of them may
        be absent. ``v_rest``, ``R``, ``I`` and ``tau`` are constants or parameters of the group,
        with or without units, with one value for all neurons or one per neuron. ``I`` and the
        other parameters may change during a run. The threshold is ``v > value`` or ``v >= value``,
        the method is exact or Euler, and the refractory period is a time, with or without
        ``(unless refractory)``. The group may have more parameters.
    strict : bool
        If True, only equations are accepted of which fastlif computes every bit as Brian2's NumPy
        target does. If False, also those that Brian2 computes in an order of operations that
        fastlif does not have, such as ``(v_rest - v)/tau + I/C``: membranes then agree up to
        rounding errors.

    Returns
    -------
    Acceleration
        Its ``remove()`` returns the group to Brian2.

    Raises
    ------
    TypeError
        If ``group`` is not a NeuronGroup.
    ValueError
        If fastlif cannot compute the group; the message gives the reason. Constants that are not
        defined yet are checked when a run begins.

    Notes
    -----
    Spikes, and with ``strict=True`` membranes, are identical to those of Brian2's NumPy target. The
    Cython target lets the compiler reorder operations, which changes the last bits. Both targets
    can be used for the rest of the network; C++ standalone mode cannot.

    A parameter that is declared ``(constant)`` is not expected to change during a run.

    References
    ----------
    Brian2 2.9.0.

    Examples
    --------
    >>> import brian2 as b2
    >>> from fastlif.interop.brian2 import accelerate
    >>> b2.prefs.codegen.target = "numpy"
    >>> group = b2.NeuronGroup(
    ...     3, '''dv/dt = (v_rest - v + R*I)/tau : volt (unless refractory)
    ...     I : amp''', threshold="v > -50*mV", reset="v = v_rest", refractory=2*b2.ms,
    ...     method="exact",
    ...     namespace={"v_rest": -70*b2.mV, "R": 100*b2.Mohm, "tau": 10*b2.ms},
    ... )
    >>> group.v, group.I = -70*b2.mV, [0.1, 0.3, 0.6]*b2.nA
    >>> spikes = b2.SpikeMonitor(group)
    >>> acceleration = accelerate(group)
    >>> b2.Network(group, spikes).run(100*b2.ms)
    >>> spikes.count[:]
    array([ 0,  7, 16], dtype=int32)
    >>> acceleration.remove()
    """
    _require_runtime()
    if type(group) is not brian2.NeuronGroup:
        raise TypeError(f"group must be a brian2.NeuronGroup, got {described(group)}")
    return Acceleration(group, strict, get_local_namespace(level=1))


class Acceleration:
    """A NeuronGroup of which fastlif computes steps; ``accelerate`` returns it."""

    def __init__(self, group: Any, strict: bool, namespace: Any) -> None:
        self.group, self._strict = group, strict
        if set(group.events) != {"spike"}:
            found = ", ".join(map(repr, group.events)) or "none"
            raise ValueError(f"the group must have a threshold and no other events, got {found}")
        self._updater, self._tester = group.state_updater, group.thresholder["spike"]
        if "create_code_objects" in vars(self._updater):
            raise ValueError("the group is accelerated already")
        self._membrane, code = membrane_of(group)
        affine(self._membrane, code)
        dtype = group.variables[self._membrane].dtype
        if dtype != np.float64:
            raise ValueError(f"{self._membrane} must have dtype float64, got {np.dtype(dtype)}")
        self._threshold, inclusive = threshold_of(self._membrane, group.events["spike"])
        self._fires = reached if inclusive else above
        self._refracts = group._refractory is not False
        flags = group.user_equations[self._membrane].flags
        self._pauses = self._refracts and "unless refractory" in flags
        period = group._refractory if isinstance(group._refractory, str) else ""
        names = set().union(*map(get_identifiers, (code, self._threshold, period)))
        try:
            group.resolve_all(names, namespace, user_identifiers=set())
        except KeyError:
            pass  # a constant that is not defined yet: everything is checked when a run begins
        else:
            self._update(namespace)
            self._test(namespace)
        # Brian2 calls these before each run.
        self._updater.create_code_objects = _creator(self._updater, self._update)
        self._tester.create_code_objects = _creator(self._tester, self._test)

    def remove(self) -> None:
        """Let Brian2 compute the group's steps again, from the next run on."""
        for runner in (self._updater, self._tester):
            vars(runner).pop("create_code_objects", None)

    def _array(self, name: str) -> Any:
        return self.group.variables[name].get_value()

    def _refractoriness(self) -> tuple[Any, Any]:
        """Return the arrays in which Brian2 stores which neurons are refractory."""
        if not self._refracts:
            return None, None
        return self._array("not_refractory"), self._array("lastspike")

    def _update(self, namespace: Any) -> "_Code":
        """Return what integrates one step, and tests for spikes if nothing can act in between."""
        dt = float(self.group.clock.dt_)
        least = self._least_elapsed(namespace, dt) if self._refracts else 0.0
        match = matching(self.group, namespace, dt, self._strict)
        constants = _constants_of(self.group, match, dt)
        mem, cur, time = self._array(self._membrane), match.cur, self._array("t")
        state = self._refractoriness()
        self._one_pass = self._in_one_pass()
        if not self._one_pass:
            return _Code(
                charge_kernel(match.rule, self._pauses),
                lambda: (mem, now(cur), *constants(), *state, time[0], least),
            )
        threshold, events = self._threshold_value(namespace), self._array("_spikespace")
        return _Code(
            charge_and_fire_kernel(match.rule, self._pauses, self._fires),
            lambda: (
                mem, now(cur), *constants(), *state, time[0], least, now(threshold), events
            ),
        )  # fmt: skip

    def _test(self, namespace: Any) -> "_Code":
        """Return what tests for spikes, if the integration does not."""
        mem, events, time = map(self._array, (self._membrane, "_spikespace", "t"))
        threshold, state = self._threshold_value(namespace), self._refractoriness()

        def clear() -> None:  # as Brian2 does after a run
            events[-1] = 0

        if self._in_one_pass():
            return _Code(lambda: None, tuple, clear)
        return _Code(
            fire_kernel(self._fires),
            lambda: (mem, now(threshold), events, *state, time[0]),
            clear,
        )

    def _in_one_pass(self) -> bool:
        """Tell whether nothing acts on the group between its integration and its test."""
        if not (self._updater.active and self._tester.active):
            return False
        networks = [ref() for ref in brian2.Network.__instances__()]
        sequences = [net.sorted_objects for net in networks if net is not None]
        sequences = [objects for objects in sequences if self._updater in objects]
        return bool(sequences) and all(map(self._adjacent, sequences))

    def _adjacent(self, objects: list[Any]) -> bool:
        later = objects[objects.index(self._updater) + 1 :]
        if self._tester not in later:
            return False
        # Other groups change their own variables, and see those of this group only by links.
        return all(
            type(item) in (StateUpdater, Thresholder)
            and not getattr(item.group, "_linked_variables", ())
            for item in later[: later.index(self._tester)]
        )

    def _threshold_value(self, namespace: Any) -> Any:
        names = get_identifiers(self._threshold)
        scope = Scope(self.group, names, namespace)
        mem = {self._membrane: self.group.variables[self._membrane]}
        condition = f"_cond = {self._membrane} > {self._threshold}"
        check_units_statements(condition, scope.variables | mem)
        return scope.value(self._threshold)

    def _least_elapsed(self, namespace: Any, dt: float) -> Any:
        """Return the shortest time since the last spike at which Brian2 ends the period."""
        if prefs.legacy.refractory_timing:
            raise ValueError("fastlif does not support the preference legacy.refractory_timing")
        period = self.group._refractory
        if isinstance(period, Quantity):
            return _least_elapsed(float(period), dt)
        if self._membrane not in get_identifiers(period):
            scope = Scope(self.group, get_identifiers(period), namespace)
            variables = scope.variables
            if parse_expression_dimensions(period, variables) is brian2.second.dim and not any(
                name in scope.live or not getattr(variable, "constant", True)
                for name, variable in variables.items()
            ):
                return _least_elapsed(scope.value(period), dt)
        raise ValueError(
            "refractory must be a time, or the name of a constant or of a parameter that is "
            f"declared as 'name : second (constant)', got {period!r}"
        )


class _Code:
    """What Brian2 runs in each step in the place of one of its code objects."""

    def __init__(
        self,
        kernel: Callable[..., None],
        arguments: Callable[[], tuple[Any, ...]],
        after_run: Callable[[], None] = lambda: None,
    ) -> None:
        self._kernel, self._arguments, self.after_run = kernel, arguments, after_run
        self._compiled = False

    def __call__(self) -> None:
        arguments = self._arguments()
        self._kernel(*arguments)
        if not self._compiled:
            self._compiled = True
            if arguments:
                self._kernel = variant_of(self._kernel, arguments)

    def before_run(self) -> None:
        """Do nothing."""


def _creator(runner: Any, code_of: Callable[[Any], _Code]) -> Callable[[Any], None]:
    def create_code_objects(run_namespace: Any) -> None:
        _require_runtime()
        runner.code_objects[:] = [code_of(run_namespace)]

    return create_code_objects


def _constants_of(group: Any, match: Match, dt: float) -> Callable[[], tuple[Any, ...]]:
    """Return a function that returns the constants of a step."""
    constants = match.constants(dt)
    if not changes(group, match):
        return lambda: constants
    if any(map(callable, match)):
        return lambda: match.constants(dt)
    tau = match.tau.copy()

    def constants_now() -> tuple[Any, ...]:
        nonlocal constants
        if not np.array_equal(tau, match.tau):
            tau[:] = match.tau
            constants = match.constants(dt)
        return constants

    return constants_now


def _least_elapsed(period: Any, dt: float) -> Any:
    """Return the least d with ``timestep(d, dt) >= timestep(period, dt)``, to the last bit.

    A comparison in each step then replaces Brian2's division, which grows with d.
    """
    steps = np.asarray(timestep(period, dt), np.float64)
    low, high = (steps - 2) * dt, (steps + 1) * dt
    while True:
        middle = low + (high - low) / 2
        inside = (low < middle) & (middle < high)
        if not np.any(inside):
            return high if high.ndim else float(high)
        enough = np.trunc((middle + 1e-3 * dt) / dt) >= steps
        high = np.where(inside & enough, middle, high)
        low = np.where(inside & ~enough, middle, low)


def _require_runtime() -> None:
    device = get_device()
    if type(device) is not RuntimeDevice:
        raise ValueError(
            f"fastlif requires Brian2's runtime mode, got the device {type(device).__name__}"
        )
