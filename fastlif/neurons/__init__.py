"""The neurons: their parameters, checked once and never changed."""
