"""Brian2's neuron groups, with fastlif's kernels for the integration and the test for spikes."""

from collections.abc import Callable
from typing import Any

import brian2
import numpy as np
from brian2.core.functions import timestep
from brian2.devices.device import RuntimeDevice, get_device
from brian2.groups.neurongroup import StateUpdater, Thresholder
from brian2.units.fundamentalunits import Quantity
from brian2.utils.stringtools import get_identifiers

from fastlif.checks import described
from fastlif.interop._brian2_equations import (
    Match,
    Scope,
    affine,
    matching,
    membrane_of,
    now,
    threshold_of,
)
from fastlif.kernels.hosted import charge_and_fire_kernel, charge_kernel, fire_kernel
from fastlif.kernels.rules import above, reached


class Acceleration:
    """What ``accelerate`` returns: a group whose steps fastlif computes, until ``remove()``."""

    def __init__(self, group: Any) -> None:
        self.group = group
        self._membrane, code = membrane_of(group)
        affine(self._membrane, code)
        self._threshold, inclusive = threshold_of(self._membrane, group.events["spike"])
        self._fires = reached if inclusive else above
        flags = group.user_equations[self._membrane].flags
        self._refracts = group._refractory is not False
        self._pauses = self._refracts and "unless refractory" in flags
        # Brian2 calls these before each run, and a code object's call in each step.
        for runner, code_of in (
            (group.state_updater, self._update),
            (group.thresholder["spike"], self._test),
        ):
            runner.create_code_objects = _creator(runner, code_of)

    def remove(self) -> None:
        """Let Brian2 compute the group's steps again, from the next run on."""
        for runner in (self.group.state_updater, self.group.thresholder["spike"]):
            vars(runner).pop("create_code_objects", None)

    def _array(self, name: str) -> Any:
        return self.group.variables[name].get_value()

    def _state(self) -> tuple[Any, Any]:
        """Return the arrays of what Brian2 knows of refractory periods."""
        if not self._refracts:
            return None, None
        return self._array("not_refractory"), self._array("lastspike")

    def _update(self, namespace: Any) -> "_Code":
        """Return what integrates one step."""
        dt = float(self.group.clock.dt_)
        match = matching(self.group, namespace, dt)
        mem, cur, time = self._array(self._membrane), match.cur, self._array("t")
        constants = _constants_of(self.group, match, dt)
        state = self._state()
        least = self._least_elapsed(namespace, dt) if self._refracts else 0.0
        self._fused = _adjacent(self.group)
        if self._fused:
            kernel = charge_and_fire_kernel(match.rule, self._pauses, self._fires)
            threshold, events = self._threshold_value(namespace), self._array("_spikespace")
            return _Code(
                lambda: kernel(
                    mem, now(cur), *constants(), *state, time[0], least, now(threshold), events
                )
            )
        charge = charge_kernel(match.rule, self._pauses)
        return _Code(lambda: charge(mem, now(cur), *constants(), *state, time[0], least))

    def _threshold_value(self, namespace: Any) -> Any:
        return Scope(self.group, get_identifiers(self._threshold), namespace).value(self._threshold)

    def _test(self, namespace: Any) -> "_Code":
        """Return what tests for spikes."""
        mem, events, time = map(self._array, (self._membrane, "_spikespace", "t"))
        threshold, fire, state = (
            self._threshold_value(namespace), fire_kernel(self._fires), self._state()
        )

        def test() -> None:
            if not self._fused:
                fire(mem, now(threshold), events, *state, time[0])

        def clear() -> None:
            events[-1] = 0

        return _Code(test, clear)

    def _least_elapsed(self, namespace: Any, dt: float) -> Any:
        """Return the shortest time since the last spike with which Brian2 ends the period."""
        period = self.group._refractory
        if isinstance(period, Quantity):
            return _least_elapsed(float(period), dt)
        scope = Scope(self.group, get_identifiers(period), namespace)
        for name in get_identifiers(period):
            if not getattr(scope.variables[name], "constant", True):
                raise ValueError(
                    f"refractory={period!r}: {name} must be a constant or be declared as "
                    f"'{name} : second (constant)'"
                )
        return _least_elapsed(scope.value(period), dt)


class _Code:
    """What Brian2 runs in each step, in the place of one of its code objects."""

    def __init__(self, step: Callable[[], None], after: Callable[[], None] = lambda: None) -> None:
        self._step = step
        self.after_run = after

    def __call__(self) -> None:
        self._step()

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
    if any(map(callable, match)):
        return lambda: match.constants(dt)
    return lambda: constants


def _least_elapsed(period: Any, dt: float) -> Any:
    """Return the least d with ``timestep(d, dt) >= timestep(period, dt)``, to the last bit."""
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


def _adjacent(group: Any) -> bool:
    """Tell whether nothing can act on the group between its integration and its test."""
    updater, test = group.state_updater, group.thresholder["spike"]
    networks = [net for ref in brian2.Network.__instances__() if (net := ref()) is not None]
    found = False
    for network in networks:
        objects = network.sorted_objects
        if updater not in objects:
            continue
        found = True
        between = objects[objects.index(updater) + 1 :]
        if test not in between:
            return False
        for item in between[: between.index(test)]:
            if not isinstance(item, (StateUpdater, Thresholder)) or item.group._linked_variables:
                return False
    return found


def _require_runtime() -> None:
    device = get_device()
    if type(device) is not RuntimeDevice:
        raise ValueError(
            f"fastlif requires Brian2's runtime mode, got the device {type(device).__name__}"
        )


def accelerate(group: Any) -> Acceleration:
    _require_runtime()
    if type(group) is not brian2.NeuronGroup:
        raise TypeError(f"group must be a NeuronGroup, got {described(group)}")
    return Acceleration(group)
