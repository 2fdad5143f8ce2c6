"""The peers' own code, run as their users run it."""
