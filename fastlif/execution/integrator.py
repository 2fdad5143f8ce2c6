"""Runs and steps of one model: arguments are read, a plan is found or made, then executed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from fastlif.checks import described, is_plain, whole
from fastlif.execution.currents import currents_of
from fastlif.execution.forms import form_of, read
from fastlif.execution.generated import Start
from fastlif.execution.inputs import source_of
from fastlif.execution.memory import ensure_readable
from fastlif.execution.plan import RunPlan
from fastlif.execution.progress import Report, progress_of
from fastlif.execution.records import names_of, record_of
from fastlif.execution.results import Run
from fastlif.execution.run import execute
from fastlif.execution.sources import Source, steps_of
from fastlif.execution.state import State, counted, fields_of, label_of, state_of, steps_after
from fastlif.execution.step import StepPlan, pair
from fastlif.execution.stored import is_outside
from fastlif.execution.stream import whole_run
from fastlif.model import Model

_MOST_PLANS = 32
_MOST_STEPS = 2**62
_UNUSUAL = object()
_LARGE = 2**26  # bytes: smaller currents that are stored are read at once


class Integrator:
    """Integrates one model; plans are stored by the forms of the arguments.

    A plan that was made for other arguments of the same forms is all that a call may reuse, so a
    call never depends on earlier ones.

    Attributes
    ----------
    model : Model
        What is integrated.
    again : callable
        ``step`` for arguments like those of the last step, in less time; None for others.
    """

    def __init__(self, model: Model) -> None:
        self.model, self._states = model, model.rule.states
        self.again: Callable[[Any, Any, Any], Any] = _never
        self._nothing: list[Any] = [None] * len(self._states)
        self._plans: dict[Any, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Integrator, (self.model,)

    def run(
        self,
        current: Any,
        initial: Any,
        steps: int | None,
        record: Any,
        neurons: object,
        every: int,
        out: Any,
        threads: int | None,
        progress: bool | Report,
        skip: int = 0,
    ) -> Run:
        """Integrate a current over time; ``Neuron.run`` documents the arguments.

        Rows of membranes begin at the step ``skip``, which is less than ``every``.
        """
        plain = type(current) is np.ndarray
        large = not plain and is_outside(current) and getattr(current, "nbytes", 0) >= _LARGE
        if large or _any_outside(out):
            currents = currents_of(current, steps)
            return whole_run(
                self, currents, initial, record=record, neurons=neurons, every=every, out=out,
                threads=threads, progress=progress,
            )  # fmt: skip
        source = not plain and isinstance(current, Source)  # takes longer, for an abstract class
        if plain or source:
            values, weak = current, False
        else:
            ensure_readable("current", current, in_parts=True)
            values, weak = read("current", current)
        if out is not None:
            record = record_of(record, out)
        if source:
            values = current = current._settled(steps is not None)
            steps = steps_of(current, steps)
        if steps is None:
            if not values.shape:
                raise ValueError(
                    f"current must have time as its first axis, got {described(current)}; "
                    "for a current that is constant in time, give steps="
                )
        elif type(steps) is not int or not 0 <= steps <= _MOST_STEPS:
            steps = whole("steps", steps, 0, _MOST_STEPS)
        if type(every) is not int or not 1 <= every <= _MOST_STEPS:
            every = whole("every", every, 1, _MOST_STEPS)
        if threads is not None and type(threads) is not int:
            threads = whole("threads", threads, 1)
        if type(record) is not tuple and type(record) is not str:
            record = tuple(names_of(record))
        fields = self._nothing if initial is None else self._read_state("initial", initial)
        forms = None if out is None else _forms_of_mapping(out)
        states = None if initial is None else tuple(map(_form_of_field, fields))
        begun = initial.steps if type(initial) is State else 0
        if type(begun) is not int or not 0 <= begun <= _MOST_STEPS:
            begun = whole("initial.steps", begun, 0, _MOST_STEPS)
        # Not the source itself: a plan would keep it, and its arrays, in memory.
        form = (current.shapes, current.dtype) if source else form_of(values)
        key = form, weak, steps, record, every, skip, threads, forms, states
        try:
            plan = self._plans.get(key) if neurons is None and forms is not _UNUSUAL else None
        except TypeError:  # an item of ``record`` is not hashable: names_of raises below
            plan = None
        if plan is None:
            plan = RunPlan(
                self.model, (values, weak), steps, fields, names_of(record), neurons, every, out,
                threads, skip,
            )  # fmt: skip
            if neurons is None and forms is not _UNUSUAL:
                self._store(key, plan)
        done = None if progress is False else progress_of(progress, plan.work)
        sources = plan.resting
        if initial is not None:
            sources = [
                rest if field is None else source_of(field[0], plan.population)
                for field, rest in zip(fields, plan.resting, strict=True)
            ]
        if source:
            noise = initial.noise if type(initial) is State else None
            values = Start(current, begun, noise)
            values.check(plan.steps, plan.population)
        return execute(plan, values, sources, out, done, begun)

    def step(self, cur: Any, mem: Any, out: Any) -> tuple[Any, Any]:
        """Advance by one step; ``Neuron.__call__`` documents the arguments."""
        values, weak = read("cur", cur)
        fields = self._read_state("mem", mem)
        given = None if out is None else pair(out, self._states)
        forms = None if given is None else _forms_of([given[0], *given[1]])
        key = (form_of(values), weak, forms, *map(_form_of_field, fields))
        plan = self._plans.get(key) if forms is not _UNUSUAL else None
        if plan is None:
            plan = StepPlan(self.model, (values, weak), fields, given)
            if forms is not _UNUSUAL:
                self._store(key, plan)
        spk, news = plan.outputs() if given is None else given
        olds = tuple(None if field is None else field[0] for field in fields)
        if plan.execute(values, olds, spk, news):
            self.again = plan.again
        if out is not None:
            new = out[1]
            return spk, counted(new, steps_after(mem)) if isinstance(new, State) else new
        if len(news) == 1:
            return spk, news[0]
        return spk, state_of(self._states, news, steps_after(mem))

    def _read_state(self, argument: str, value: Any) -> list[Any]:
        """Return the state's variables as arrays, each with whether it was a Python number."""
        return [
            None if field is None else read(label_of(argument, name), field)
            for name, field in zip(
                self._states, fields_of(argument, value, self._states), strict=True
            )
        ]

    def _store(self, key: Any, plan: Any) -> None:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        self._plans[key] = plan


def _any_outside(out: Any) -> bool:
    """Tell whether one of the arrays of ``out`` may be stored outside memory."""
    if not isinstance(out, Mapping):
        return False
    return any(type(array) is not np.ndarray and is_outside(array) for array in out.values())


def _never(cur: Any, mem: Any, out: Any) -> None:
    """Stand in for ``again`` before the first step."""


def _form_of_field(field: Any) -> Any:
    return None if field is None else (form_of(field[0]), field[1])


def _forms_of(arrays: Iterable[Any]) -> Any:
    """Return the forms of the user's arrays; _UNUSUAL if a new plan has to check what they are."""
    arrays = tuple(arrays)
    return tuple(map(form_of, arrays)) if all(map(is_plain, arrays)) else _UNUSUAL


def _forms_of_mapping(out: Any) -> Any:
    """Return the same for arrays by record name."""
    if not isinstance(out, Mapping):
        return _UNUSUAL
    forms = _forms_of(out.values())
    return forms if forms is _UNUSUAL else (tuple(out), forms)
