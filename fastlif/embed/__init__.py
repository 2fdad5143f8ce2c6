"""A neuron as a function for other programs: for Numba, NumPy's ufuncs and C.

==========  =====================================================================================
function    for
==========  =====================================================================================
`scalar`    loops over neurons that you compile with Numba, with your synapses in between
`row`       the same, where a whole population advances at once
`source`    the input of `row` from a source of `fastlif.sources`
`gufunc`    NumPy, Dask and xarray: one step or a whole run that broadcasts over further axes
`cfunc`     C code, and libraries that call C functions (`scipy.LowLevelCallable`)
`build`     C and C++ programs that run without Python: a shared library and its header
==========  =====================================================================================

All of them compute the same bits as the neuron itself. The first four are compiled when they are
first used, for one neuron: they contain its parameters. In a shared library, the constants of the
neuron's equation are arguments; ``python -m fastlif.embed --output DIR`` builds one, too.
"""

from fastlif.embed.functions import CFunction, cfunc, constants, gufunc, row, scalar, source
from fastlif.embed.library import build

__all__ = ["CFunction", "build", "cfunc", "constants", "gufunc", "row", "scalar", "source"]
