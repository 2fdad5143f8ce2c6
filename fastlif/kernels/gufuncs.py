"""Neurons as generalized ufuncs, for callers who leave the loops to NumPy.

The operands are ``cur``, the states and, if neurons do not share them, the constants; the results
are the spikes and the states. The cores of one step are single neurons. Those of a run have the
dimensions (t, n). NumPy loops over the axes before them.
"""

from typing import Any

import numpy as np
from numba import boolean, from_dtype, guvectorize
from numba.extending import overload

from fastlif.kernels.compose import Rule, advance, constants_class, constants_of, drive
from fastlif.kernels.embedded import reader, side_by_side
from fastlif.kernels.jit import contiguous, inlined, interrupts_deferred, require_jit
from fastlif.kernels.step import state_at

# Numba needs a written list of arguments, both for gufuncs and for named tuples.
_GUFUNC = """
def {name}(cur, {states}, {constants}spk, {news}):
    core(cur, ({states},), ({constants}), spk, ({news},))
"""
_CONSTANTS = """
def constants_at(operands, j):
    return Constants({items})
"""


def step_gufunc(
    rule: Rule, values: Any, dtype: np.dtype[Any], spike_dtype: np.dtype[Any], name: str
) -> Any:
    """Return the ufunc of one step. ``values`` are the constants, or None if they are operands."""
    constants_at = _constants_at(rule, values, "operands[{}]")

    @inlined
    def core(cur, states, constants, spk, news):
        c = constants_at(constants, np.uintp(0))
        state, spk[0] = advance(rule, states, drive(rule, cur, c), c)
        for i in range(len(news)):
            news[i][0] = state[i]

    real = from_dtype(dtype)
    count, operands = _counts(rule, values)
    layout = f"{_listed('()', 1 + count + operands)}->{_listed('()', 1 + count)}"
    types = [*[real] * (1 + count + operands), _spikes(spike_dtype)[:], *[real[:]] * count]
    return _made(core, rule, operands, name, types, layout)


def run_gufunc(
    rule: Rule, values: Any, dtype: np.dtype[Any], spike_dtype: np.dtype[Any], name: str
) -> Any:
    """Return the ufunc of a run: the membranes over time, and the other states after it."""
    constants_at = _constants_at(rule, values, "operands[{}][j]")

    @inlined
    def advance_row(cur, mem, others, constants, spk, new):
        for k in range(cur.size):
            j = np.uintp(k)
            c = constants_at(constants, j)
            old = (mem[j],) + _others_at(others, j)  # noqa: RUF005 - Numba cannot unpack it
            state, spk[j] = advance(rule, old, drive(rule, cur[j], c), c)
            new[j] = state[0]
            _save_others(others, j, state)

    @inlined
    def core(cur, states, constants, spk, news):
        mem, new, others = states[0], news[0], news[1:]
        _copy_others(others, states)
        plain = side_by_side(cur[0]) and side_by_side(mem) and side_by_side(spk[0])
        plain = plain and side_by_side(new[0])
        for t in range(cur.shape[0]):
            if plain:
                # Rows of C order, over which the loop is vectorized.
                before = contiguous(mem) if t == 0 else contiguous(new[t - 1])
                row, spikes, after = contiguous(cur[t]), contiguous(spk[t]), contiguous(new[t])
                advance_row(row, before, others, constants, spikes, after)
            elif t == 0:
                advance_row(cur[t], mem, others, constants, spk[t], new[t])
            else:
                advance_row(cur[t], new[t - 1], others, constants, spk[t], new[t])

    real, spikes = from_dtype(dtype), _spikes(spike_dtype)
    count, operands = _counts(rule, values)
    inputs = ",".join(["(t,n)", *["(n)"] * (count + operands)])
    layout = f"{inputs}->(t,n),{','.join(['(t,n)', *['(n)'] * (count - 1)])}"
    types = [real[:, :], *[real[:]] * (count + operands), spikes[:, :], real[:, :]]
    types += [real[:]] * (count - 1)
    return _made(core, rule, operands, name, types, layout)


# Of the state variables after the membrane. Numba has no loop over an empty tuple.


def _others_at(arrays, j):
    """Return those of neuron ``j``, a tuple."""


@overload(_others_at)
def _overload_others_at(arrays, j):
    return (lambda arrays, j: state_at(arrays, j)) if len(arrays) else lambda arrays, j: ()


def _save_others(arrays, j, state):
    """Store those of neuron ``j``."""


@overload(_save_others)
def _overload_save_others(arrays, j, state):
    def save(arrays, j, state):
        for i in range(len(arrays)):
            arrays[i][j] = state[i + 1]

    return save if len(arrays) else lambda arrays, j, state: None


def _copy_others(arrays, states):
    """Copy those of all neurons."""


@overload(_copy_others)
def _overload_copy_others(arrays, states):
    def copy(arrays, states):
        for i in range(len(arrays)):
            arrays[i][:] = states[i + 1]

    return copy if len(arrays) else lambda arrays, states: None


def _constants_at(rule, values, item):
    """Return a function ``constants_at(operands, j)``; ``item`` is how it reads an operand."""
    if values is not None:
        read = reader(rule, values)
        return inlined(lambda operands, j: read(j))
    names = constants_of(rule)
    space = {"Constants": constants_class(names)}
    exec(_CONSTANTS.format(items=", ".join(item.format(k) for k in range(len(names)))), space)
    return inlined(space["constants_at"])


def _counts(rule, values):
    """Return the numbers of states and of constants that are operands."""
    return len(rule.states), 0 if values is not None else len(constants_of(rule))


def _listed(core, count):
    return ",".join([core] * count)


def _spikes(dtype):
    return boolean if dtype == np.bool_ else from_dtype(dtype)


def _made(core, rule, operands, name, types, layout):
    require_jit()
    states = ", ".join(rule.states)
    constants = "".join(f"{constant}, " for constant in constants_of(rule)[:operands])
    news = ", ".join(f"new_{state}" for state in rule.states)
    space = {"core": core}
    exec(_GUFUNC.format(name=name, states=states, constants=constants, news=news), space)
    with interrupts_deferred():
        return guvectorize([tuple(types)], layout, nopython=True)(space[name]).ufunc
