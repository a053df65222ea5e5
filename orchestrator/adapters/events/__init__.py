"""Receives the events of calls over HTTP (contract section 6). `orchestrator.receiver` puts its parts together.

What needs the extra `[serve]` is imported by the modules that need it, not here.
"""
