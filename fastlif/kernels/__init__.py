"""Everything that numba compiles: the rules of physics, and the loops that apply them."""
