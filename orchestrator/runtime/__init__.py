"""Drives the core through the ports. It names no adapter: `compose` builds those and passes them in."""
