"""Interfaces to other tools, one file per tool. Each imports its tool when it is first used."""
