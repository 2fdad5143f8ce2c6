"""One step at a time, in microseconds: the plan and the execution of ``neuron(cur, mem)``."""

import operator
from typing import Any

import numpy as np

from fastlif.checks import Numbers, described, numbers, output, overlap
from fastlif.execution.forms import state_dtype
from fastlif.execution.plan import ConstantRows, population_of
from fastlif.execution.recycle import allocator
from fastlif.execution.results import stored_spike_dtype
from fastlif.execution.state import VARIABLES, State, counted, label_of, state_of
from fastlif.kernels.jit import variant_of
from fastlif.kernels.layout import MEMBRANE, ROW, WIDTH
from fastlif.kernels.step import step_kernel
from fastlif.model import Model

ndarray = np.ndarray


class StepPlan:
    """How steps with arguments of certain forms are executed.

    Raises if the arguments do not fit together; nothing has been written then.
    """

    def __init__(
        self,
        model: Model,
        current: tuple[Numbers, bool],
        fields: list[tuple[Numbers, bool] | None],
        out: tuple[Any, tuple[Any, ...]] | None,
    ) -> None:
        self._names = model.rule.states
        self._labels = [label_of("mem", name) for name in self._names]
        self._resting = model.resting
        numbers("cur", current[0])
        for label, field in zip(self._labels, fields, strict=True):
            if field is not None:
                numbers(label, field[0])
        self.dtype = state_dtype([current, *(field for field in fields if field is not None)])
        self.spike_dtype = stored_spike_dtype(model, self.dtype)
        self.population = population_of(model, [("cur", current[0].shape)], self._labels, fields)
        constants = ConstantRows(model.constants(self.dtype), self.population)
        self._constants, self._size = constants, int(np.prod(self.population, dtype=np.int64))
        self._allocate = allocator(self._size * self.dtype.itemsize)
        self._table: Numbers | None = None
        if constants.shared is None and self._size <= WIDTH:
            self._table = self._filled(0, self._size)
        if out is not None:
            spk, states = out
            output("out[0] (spk)", spk, self.population, self.spike_dtype)
            for name, state in zip(self._names, states, strict=True):
                output(f"out[1] ({name})", state, self.population, self.dtype)
        # The step from one set of arrays to another, and the one in place.
        self._kernels = [step_kernel(model.rule, False), step_kernel(model.rule, True)]
        self._general = self._kernels[0]
        self._shared, self._single = constants.shared, len(self._names) == 1
        self._flat = len(self.population) == 1
        self._tabulated = constants.shared is not None or self._table is not None
        self._fields = operator.attrgetter(*self._names)
        self._absent = [k for k, name in enumerate(VARIABLES) if name not in self._names]

    def _filled(self, start: int, stop: int) -> Numbers:
        rows = np.empty((MEMBRANE, ROW), self.dtype)
        self._constants.fill(rows, start, stop)
        return rows.reshape(-1)

    def again(self, cur: Any, mem: Any, out: Any) -> Any:
        """Step arrays of which nothing has to be copied; return None, with nothing written, if not.

        This makes the same tests on arrays as a new plan would, in a fraction of the time.
        """
        if not self._single:
            return self._states_again(cur, mem, out)
        dtype, shape = self.dtype, self.population
        if out is None:
            spk, new = self._allocate(shape, self.spike_dtype), self._allocate(shape, dtype)
        elif type(out) is tuple and len(out) == 2:
            spk, new = out
            if not (
                type(new) is type(spk) is ndarray
                and new.dtype is dtype
                and spk.dtype is self.spike_dtype
                and new.shape == shape == spk.shape
                and new.flags.carray
                and spk.flags.carray
            ):
                return None
        else:
            return None
        if not (
            type(cur) is type(mem) is ndarray
            and cur.dtype is dtype is mem.dtype
            and cur.shape == shape == mem.shape
            and cur.flags.carray
        ):
            return None
        if not self._flat:
            done = mem.flags.carray and self._call(cur, (mem,), spk, (new,))
        elif new is mem:
            done = self._kernels[1](self._shared, self._table, cur, spk, mem)
        else:
            done = mem.flags.carray and self._kernels[0](
                self._shared, self._table, cur, spk, mem, new
            )
        return (spk, new) if done else None

    def _states_again(self, cur: Any, state: Any, out: Any) -> Any:
        """Do the same for neurons with more state variables than the membrane."""
        if type(state) is not State or any(state[k] is not None for k in self._absent):
            return None
        if out is None:
            spk, news = self.outputs()
            new = state_of(self._names, news, state.steps + 1)
        elif type(out) is tuple and len(out) == 2 and type(out[1]) is State:
            spk, into = out
            if any(into[k] is not None for k in self._absent):
                return None
            new = counted(into, state.steps + 1)
        else:
            return None
        olds, news = self._fields(state), self._fields(new)
        arrays = (cur, *olds) if out is None else (cur, *olds, *news)
        if self.takes(arrays, spk) and self._call(cur, olds, spk, news):
            return spk, new
        return None

    def takes(self, arrays: tuple[Any, ...], spk: Any) -> bool:
        """Tell whether the kernel can take a current, states and ``spk`` as they are.

        ``carray``: contiguous, aligned and writeable. (Numba would compile another variant for a
        read-only array, which takes longer than to copy it.)
        """
        dtype, shape = self.dtype, self.population
        for array in arrays:
            if not (
                type(array) is ndarray
                and array.dtype is dtype
                and array.shape == shape
                and array.flags.carray
            ):
                return False
        return (
            type(spk) is ndarray
            and spk.dtype is self.spike_dtype
            and spk.shape == shape
            and spk.flags.carray
        )

    def outputs(self) -> tuple[Numbers, tuple[Numbers, ...]]:
        """Return new arrays for the results."""
        news = tuple([self._allocate(self.population, self.dtype) for _ in self._names])
        return self._allocate(self.population, self.spike_dtype), news

    def execute(
        self,
        cur: Numbers,
        olds: tuple[Numbers | None, ...],
        spk: Numbers,
        news: tuple[Numbers, ...],
    ) -> bool:
        """Write one step from ``olds`` into ``spk`` and ``news``.

        Returns whether the kernel could take the arrays as they are. Raises before anything is
        written if outputs overlap other arrays.
        """
        plain = self._tabulated and self.takes((cur, *olds, *news), spk)
        if not (plain and self._call(cur, olds, spk, news)):
            self._execute_any(cur, olds, spk, news)
        return plain

    def _call(self, cur: Numbers, olds: Any, spk: Numbers, news: Any) -> bool:
        """Call the kernel; return False, with nothing written, if outputs overlap other arrays."""
        in_place = all(map(operator.is_, olds, news))
        if not self._flat:
            cur, spk = cur.reshape(-1), spk.reshape(-1)
            olds, news = ([a.reshape(-1) for a in arrays] for arrays in (olds, news))
        states = olds if in_place else (*olds, *news)
        arguments = (self._shared, self._table, cur, spk, *states)
        kernel = self._kernels[in_place]
        done: bool = kernel(*arguments)
        self._kernels[in_place] = variant_of(kernel, arguments)
        return done

    def _execute_any(self, cur: Numbers, olds: Any, spk: Numbers, news: Any) -> None:
        """Do the same for arrays of any layout: with copies, where the kernel needs them."""
        resting = [self._resting, *[0] * (len(self._names) - 1)]
        olds = [np.asarray(r) if o is None else o for o, r in zip(olds, resting, strict=True)]
        self._refuse_overlap(cur, olds, spk, news)
        cur, *olds = (self._flattened(a, self.dtype) for a in (cur, *olds))
        flat_spk = self._flattened(spk, self.spike_dtype)
        flats = [self._flattened(new, self.dtype) for new in news]
        width = WIDTH if self._constants.shared is None else max(self._size, 1)
        for start in range(0, self._size, width):
            tile = slice(start, min(start + width, self._size))
            table = None
            if self._constants.shared is None:
                table = self._filled(tile.start, tile.stop)
            # Copies of the old states, for some may be the new ones too.
            states = (old[tile].copy() for old in olds)
            into = (flat[tile] for flat in flats)
            done = self._general(self._shared, table, cur[tile], flat_spk[tile], *states, *into)
            assert done
        for array, flat in zip([spk, *news], [flat_spk, *flats], strict=True):
            if not np.may_share_memory(array, flat):
                array[...] = flat.reshape(self.population)

    def _flattened(self, array: Numbers, dtype: np.dtype[Any]) -> Numbers:
        """Return ``array`` over the population: flat, contiguous, native and writeable."""
        whole = np.broadcast_to(array, self.population) if array.shape != self.population else array
        return np.require(whole, dtype, ["C", "A", "W"]).reshape(-1)

    def _refuse_overlap(self, cur: Numbers, olds: Any, spk: Numbers, news: Any) -> None:
        """Raise if an output shares memory with another array; a step may be in place."""
        outputs = {"out[0] (spk)": spk}
        outputs |= {f"out[1] ({n})": a for n, a in zip(self._names, news, strict=True)}
        others = {"cur": cur, **dict(zip(self._labels, olds, strict=True)), **outputs}
        for name, array in outputs.items():
            for other_name, other in others.items():
                own = other_name == label_of("mem", name.removeprefix("out[1] (").rstrip(")"))
                if name == other_name or (own and array is other):
                    continue
                if overlap(array, other):
                    same = " (to step in place, give the very same array)" if own else ""
                    raise ValueError(f"{name} must not overlap {other_name} in memory{same}")


def pair(out: Any, names: tuple[str, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Return the arrays to fill: of the spikes, and of each state variable."""
    kind = "(spk, mem)" if len(names) == 1 else f"(spk, State({', '.join(names)}))"
    if not isinstance(out, (tuple, list)) or isinstance(out, State) or len(out) != 2:
        raise TypeError(f"out must be a pair of arrays {kind}, got {described(out)}")
    spk, new = out
    if isinstance(new, State):
        held = tuple(name for name in VARIABLES if getattr(new, name) is not None)
        if held != names:
            raise ValueError(f"out must be {kind}, got a State with {' and '.join(held)}")
        return spk, tuple(getattr(new, name) for name in names)
    if len(names) > 1:
        raise TypeError(f"out must be {kind}, got {described(new)} instead of the State")
    return spk, (new,)
