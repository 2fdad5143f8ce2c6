"""Sources: C functions that each fill one row of input.

A sweep calls a source through its address, so that a sweep is compiled once for all sources, and a
source once for all sweeps. The arguments of a source are

==========  =======================================================================================
argument    the address of its parameters: numbers of 64 bits, most of them addresses of arrays
step        the absolute step
row         the number of the row, counted from the beginning of the run
first       the index of the first neuron
size        the number of neurons
out         the row: ``size`` numbers of the state's dtype
scratch     ``scratch_items(size)`` numbers of 64 bits that the source may overwrite
==========  =======================================================================================

The first parameters of random sources are the key, and the origin: which neuron of the whole
population neuron 0 is. That is not 0 for a part of a population, whose other parameters are arrays
of that part.
"""
