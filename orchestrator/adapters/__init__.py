"""Adapters: what implements the ports on real libraries and the real machine. Built by `compose` only."""
