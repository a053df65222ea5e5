"""The Transport port over requests: the only package of the product that imports requests or urllib3."""

from orchestrator.adapters.transport.credentials import Credentials
from orchestrator.adapters.transport.http import HttpTransport
from orchestrator.adapters.transport.route import Route
from orchestrator.adapters.transport.sockets import missing_socket_options

__all__ = ["Credentials", "HttpTransport", "Route", "missing_socket_options"]
