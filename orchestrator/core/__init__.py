"""The pure heart: scripts, plans, records, and the two functions that drive everything, `evolve` and `decide`.

Standard-library types only; no I/O, clock, threads or randomness. What it needs of them comes in as arguments.
"""
