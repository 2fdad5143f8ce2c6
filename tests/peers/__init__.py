"""The simulators' own code, called as their users call it."""
