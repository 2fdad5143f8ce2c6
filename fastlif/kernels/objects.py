"""One step of a row of neurons as object code, for programs without Python.

Numba lowers a rule once. LLVM then optimizes the result for each level of processors, so that a
library runs on all of them and uses the vectors of each.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core.codegen import AOTCodeLibrary, AOTCPUCodegen
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from fastlif.kernels.compose import Rule, advance, constants_class, constants_of, drive
from fastlif.kernels.jit import interrupts_deferred, require_jit
from fastlif.kernels.step import state_at


class Core(NamedTuple):
    """What one function of a library computes."""

    rule: Rule
    dtype: np.dtype[Any]
    spike_dtype: np.dtype[Any]
    each: bool  # whether every neuron has its own constants


class _Library(AOTCodeLibrary):  # type: ignore[misc]
    """Code as Numba lowers it, which is not optimized for any processor yet."""

    def _optimize_functions(self, module):
        pass

    def _optimize_final_module(self):
        pass


class _Codegen(AOTCPUCodegen):  # type: ignore[misc]
    _library_class = _Library


@functools.cache
def _context():
    return cpu_target.target_context.subtarget(_internal_codegen=_Codegen("fastlif"), aot_mode=True)


def object_code(cores: Mapping[str, Core], level: str) -> bytes:
    """Return an object file with the functions ``cores``, by name, for a level of processors.

    Each has the C prototype ``void name(const real *const *constants, const real *cur,
    real *const *states, spike *spk, ptrdiff_t n)`` and advances ``n`` neurons by one step, in
    place. ``constants`` points to those that the rule reads, in its order: one number of each or,
    if every neuron has its own, ``n`` numbers. No output may overlap another array. ``level`` is a
    processor as LLVM names it.
    """
    require_jit()
    with interrupts_deferred(), global_compiler_lock:
        library = AOTCPUCodegen("fastlif", level).create_library("fastlif")
        for name, core in cores.items():
            module = llvm.parse_bitcode(_lowered(core))
            for symbol in [*module.functions, *module.global_variables]:
                if not symbol.is_declaration:
                    symbol.linkage = "internal"
            function = module.get_function(_ENTRY)
            function.name, function.linkage, function.visibility = name, "external", "hidden"
            library.add_llvm_module(module)
        library.finalize()
        code: bytes = library.emit_native_object()
    return code


_ENTRY = "fastlif_core"


@functools.cache
def _lowered(core: Core) -> bytes:
    """Return LLVM's bitcode of one function, whose name is _ENTRY."""
    rule, read = core.rule, _reader(core)

    def step(constants, cur, states, spk, n):
        for k in range(n):
            j = np.uintp(k)
            c = read(constants, j)
            new, spk[j] = advance(rule, state_at(states, j), drive(rule, cur[j], c), c)
            for i in range(len(states)):
                states[i][j] = new[i]

    real = types.CPointer(from_dtype(core.dtype))
    # One byte per spike, as in a bool array.
    spike = types.uint8 if core.spike_dtype == np.bool_ else from_dtype(core.spike_dtype)
    constants = types.UniTuple(real, len(constants_of(rule)))
    states = types.UniTuple(real, len(rule.states))
    arguments = (constants, real, states, types.CPointer(spike), types.intp)
    flags = Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model, flags.noalias = "numpy", True
    context = _context()
    result = compile_extra(
        cpu_target.typing_context, context, step, arguments, types.void, flags, {}
    )
    library = context.codegen().create_library("fastlif")
    library.add_linking_library(result.library)
    library.add_ir_module(_entry(context, library, result, arguments))
    library.finalize()
    bitcode: bytes = library._final_module.as_bitcode()
    return bitcode


def _reader(core: Core) -> Any:
    """Return the function ``read(pointers, j)``: the constants of neuron ``j``."""
    names = constants_of(core.rule)
    result = types.NamedUniTuple(from_dtype(core.dtype), len(names), constants_class(names))

    @intrinsic
    def read(typing_context, pointers, j):
        def codegen(context, builder, signature, args):
            index = args[1] if core.each else args[1].type(0)
            pointers = [builder.extract_value(args[0], k) for k in range(len(names))]
            values = [builder.load(builder.gep(pointer, [index])) for pointer in pointers]
            return context.make_tuple(builder, result, values)

        return result(pointers, types.uintp), codegen

    return read


def _entry(context: Any, library: Any, result: Any, arguments: tuple[Any, ...]) -> ir.Module:
    """Return a module with the function that C calls, which calls the one that Numba compiled."""
    module = library.create_ir_module("entry")
    kinds = [
        context.get_value_type(kind.dtype).as_pointer() if isinstance(kind, types.UniTuple)
        else context.get_value_type(kind)
        for kind in arguments
    ]  # fmt: skip
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name=_ENTRY)
    builder = ir.IRBuilder(function.append_basic_block())
    values = []
    for kind, value in zip(arguments, function.args, strict=True):
        if isinstance(kind, types.UniTuple):
            places = [
                builder.gep(value, [ir.Constant(ir.IntType(64), k)]) for k in range(len(kind))
            ]
            value = context.make_tuple(builder, kind, [builder.load(place) for place in places])
        values.append(value)
    called = context.declare_function(module, result.fndesc)
    context.call_conv.call_function(builder, called, types.void, arguments, values)
    builder.ret_void()
    return module
