"""Interfaces to other tools, one module per tool, which must be installed.

===========  ======================================================================================
module       contents
===========  ======================================================================================
``torch``    `Lapicque`, `Leaky`: PyTorch modules; `convert`, `from_snntorch`: networks of snnTorch
``nengo``    `NeuronType`: neurons inside Nengo
``brian2``   `accelerate`: groups of neurons inside Brian2
``dask``     `run`: populations that are larger than memory, or than one machine
``xarray``   `run`: arrays with labelled dimensions
``nir``      `from_nir`, `to_nir`: files of the Neuromorphic Intermediate Representation
===========  ======================================================================================
"""
