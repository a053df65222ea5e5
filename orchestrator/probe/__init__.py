"""Finds out what a network does to silent requests: the hold server, the client that measures, the look at the API.

What measurements mean is decided in `core.probing` and `core.limits`. The command line calls this package; nothing of
the driving of calls knows it.
"""
