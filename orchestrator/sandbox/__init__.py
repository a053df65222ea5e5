"""A stand-in for the call API, for tests, rehearsals and the README's demonstration.

It is written from the contract alone and shares no code with the product, so that a misread field cannot be wrong on
both sides at once. `python -m orchestrator.sandbox` starts it as a process; `model.CallServer` is the same API
without HTTP, for tests in virtual time.
"""
