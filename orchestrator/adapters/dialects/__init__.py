"""Dialects: how requests and replies of one kind of server are written. Pure; used by the transport only."""
