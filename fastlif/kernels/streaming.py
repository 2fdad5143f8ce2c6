"""Rows that are written past the caches.

An ordinary store reads a line of the cache from memory before it changes a part of it. A streaming
store of a whole line does not, which saves a third of the traffic where memory limits the speed.
Some processors are faster with it, others are slower.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastlif.kernels.jit import inlined

_LINE = 64  # bytes


@inlined
def stream_row(row, source, size):
    """Copy the first ``size`` items of ``source`` to ``row``, of which all are contiguous."""
    _stream_bytes(_address(row), _address(source), size * row.itemsize)


@inlined
def _stream_bytes(to, source, nbytes):
    """Copy whole, aligned lines by streaming stores, what is before and after by ordinary ones."""
    head = min(-to & (_LINE - 1), nbytes)
    lines = (nbytes - head) // _LINE * _LINE
    _copy(to, source, head)
    for k in range(head, head + lines, _LINE):
        _stream_line(to + k, source + k)
    _copy(to + head + lines, source + head + lines, nbytes - head - lines)


@intrinsic
def finish_streaming(typing_context):
    """Make what was streamed visible to other threads, in the order of the program."""

    def codegen(context, builder, signature, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def _address(typing_context, row):
    """Return the address of the first item."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.intp))

    return types.intp(row), codegen


@intrinsic
def _copy(typing_context, to, source, nbytes):
    """Copy a number of bytes by ordinary stores."""

    def codegen(context, builder, signature, args):
        to, source = (builder.inttoptr(address, cgutils.voidptr_t) for address in args[:2])
        cgutils.raw_memcpy(builder, to, source, args[2], 1)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


@intrinsic
def _stream_line(typing_context, to, source):
    """Copy a line to an aligned address by streaming stores."""

    def codegen(context, builder, signature, args):
        pointer = ir.VectorType(ir.IntType(8), _LINE).as_pointer()
        to, source = (builder.inttoptr(address, pointer) for address in args)
        store = builder.store(builder.load(source, align=1), to, align=_LINE)
        one = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        store.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), codegen
