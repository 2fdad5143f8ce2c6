"""The reverse sweep: gradients of one tile of neurons over a stretch of time, backwards.

Arrays over time and neurons are given by the address of their first row and the distance between
rows in bytes, ``(address, stride)``. So one compiled kernel serves all layouts, and a stride of
zero stands for what is constant in time: also for a gradient that does not arrive, a row of -0.0,
which adds nothing. Rows are contiguous and have the dtype of ``work``. What is written overlaps
nothing that is read.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from fastlif.kernels.adjoint import adjoint_of
from fastlif.kernels.compose import Rule, drive
from fastlif.kernels.jit import compiled, wide_vectors
from fastlif.kernels.layout import (
    CARRIED,
    OF_CURRENT,
    OF_KEEP,
    OF_THRESHOLD,
    ROW,
    constants_at,
    shared_constants,
)
from fastlif.kernels.rules import DERIVATIVES, zero


@functools.cache
def reverse_kernel(
    rule: Rule, slope: Callable[..., Any], detached: bool, summed: bool, parameters: bool
) -> Any:
    """Return the compiled reverse sweep of a rule with a surrogate.

    ``summed`` means that the gradients at the current are also summed over time, ``parameters``
    that those at ``keep`` and at the threshold are.
    """
    back, arrive, reads_drive = adjoint_of(rule, slope, detached)
    d_drive = DERIVATIVES[rule.drive]

    def reverse(
        steps, size, constants, work, values, before, membrane, current, at_spikes, at_membrane,
        at_current,
    ):  # fmt: skip
        """Go back through ``steps`` steps of ``size`` neurons.

        Parameters
        ----------
        constants
            Those that all neurons share, or None if they stand in ``work``.
        work
            A tile's scratch. Its rows from CARRIED on hold the gradients that later steps pass
            on, and sums; both are updated.
        values
            The parameters of the surrogate: an array of two.
        before
            The address of the membrane that enters the first step.
        membrane, current, at_spikes, at_membrane
            Arrays that are read: membranes that leave the steps, the current, and the gradients
            that arrive.
        at_current
            The gradients at the current, which are written; None if only their sum is.
        """
        wide_vectors()
        shared, p = shared_constants(rule, constants, work), (values[0], values[1])
        carried, of_current = row_of_work(work, CARRIED), row_of_work(work, OF_CURRENT)
        of_keep, of_threshold = row_of_work(work, OF_KEEP), row_of_work(work, OF_THRESHOLD)
        for t in range(steps - 1, -1, -1):
            v_row = row_of(membrane, t)
            u_row = row_of(membrane, t - 1) if t > 0 else before
            i_row, to_row = row_of(current, t), row_of(at_current, t)
            s_row, m_row = row_of(at_spikes, t), row_of(at_membrane, t)
            for k in range(size):
                j = np.uintp(k)
                c = constants_at(rule, shared, work, j)
                u, v = item(u_row, j, p), item(v_row, j, p)
                x = drive(rule, item(i_row, j, p), c) if reads_drive else zero(u)
                g = arrive(item(m_row, j, p), own(carried, j, p), v, c)
                g_u, g_x, g_keep, g_threshold = back(u, v, x, g, item(s_row, j, p), c, p)
                put(carried, j, g_u)
                g_i = d_drive(g_x, c)
                put(to_row, j, g_i)
                if summed:
                    put(of_current, j, own(of_current, j, p) + g_i)
                if parameters:
                    put(of_keep, j, own(of_keep, j, p) + g_keep)
                    put(of_threshold, j, own(of_threshold, j, p) + g_threshold)

    return compiled(reverse)


@functools.cache
def initial_kernel(rule: Rule, slope: Callable[..., Any], detached: bool) -> Any:
    """Return the compiled function that finishes the gradients at the initial membrane."""
    arrive = adjoint_of(rule, slope, detached).arrive

    def finish(size, constants, work, initial):
        """Replace what the first step passes on, in ``work``, with the gradients at ``initial``."""
        shared = shared_constants(rule, constants, work)
        for k in range(size):
            j = np.uintp(k)
            c = constants_at(rule, shared, work, j)
            carried = work[j + np.uintp(CARRIED * ROW)]
            absent = -zero(carried)
            work[j + np.uintp(CARRIED * ROW)] = arrive(absent, carried, initial[j], c)

    return compiled(finish)


# --- rows by their addresses ----------------------------------------------------------------------


def row_of(array, t):
    """Return the address of row ``t``; None of an array that is absent."""


@overload(row_of)
def _overload_row_of(array, t):
    if isinstance(array, types.NoneType):
        return lambda array, t: None
    return lambda array, t: array[0] + t * array[1]


@intrinsic
def row_of_work(typing_context, work, row):
    """Return the address of a row of a tile's scratch."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        place = builder.gep(data, [builder.mul(args[1], ir.Constant(args[1].type, ROW))])
        return builder.ptrtoint(place, context.get_value_type(types.intp))

    return types.intp(work, types.intp), codegen


# LLVM vectorises a loop only if no store can change what a later load reads. It would have to test
# that for more pairs of rows than it is willing to, so loads and stores tell that they are apart.


def _mark(builder, instruction, kind):
    module = builder.module
    domain = module.add_metadata([ir.MetaDataString(module, "fastlif reverse")])
    scope = module.add_metadata([ir.MetaDataString(module, "written"), domain])
    instruction.set_metadata(kind, module.add_metadata([scope]))


def _loader(kind):
    @intrinsic
    def load(typing_context, row, j, p):
        def codegen(context, builder, signature, args):
            pointer = context.get_value_type(signature.return_type).as_pointer()
            loaded = builder.load(builder.gep(builder.inttoptr(args[0], pointer), [args[1]]))
            _mark(builder, loaded, kind)
            return loaded

        return p.dtype(types.intp, types.uintp, p), codegen

    return load


item = _loader("noalias")  # item ``j`` of a row that is only read
own = _loader("alias.scope")  # and of one that the sweep also writes


def put(row, j, value):
    """Store item ``j`` of a row, unless it is absent."""


@overload(put, inline="always")
def _overload_put(row, j, value):
    if isinstance(row, types.NoneType):
        return lambda row, j, value: None
    return lambda row, j, value: _store(row, j, value)


@intrinsic
def _store(typing_context, row, j, value):
    def codegen(context, builder, signature, args):
        pointer = args[2].type.as_pointer()
        place = builder.gep(builder.inttoptr(args[0], pointer), [args[1]])
        _mark(builder, builder.store(args[2], place), "alias.scope")
        return context.get_dummy_value()

    return types.void(types.intp, types.uintp, value), codegen
