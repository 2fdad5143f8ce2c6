"""Bridges to other tools, a file a tool. Each imports its tool only when it is used."""
