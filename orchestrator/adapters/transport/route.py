"""The way to the API: its base URL, the proxy and the certificate authorities, resolved once (rules, section 4.3).

The environment is read here and nowhere else: HTTPS_PROXY, ALL_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
SSL_CERT_FILE, SSL_CERT_DIR. `doctor` shows the result.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import getproxies

from requests.exceptions import RequestException
from requests.models import PreparedRequest
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy, should_bypass_proxies
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url
from urllib3.util.ssl_ import create_urllib3_context

from orchestrator.adapters.transport.credentials import MASK
from orchestrator.errors import ConfigurationError

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How the API is reached.

    Attributes:
        base_url: Without a slash at its end.
        scheme: `https`, or `http` to this machine only.
        host: Without brackets, in its ASCII form.
        port: None means the scheme's own.
        path: The base URL's path, without a slash at its end; often empty.
        proxy: The proxy's URL with its credentials masked; None: the connection is direct.
        proxy_reason: Where the proxy comes from, or why there is none.
        ca: The file or folder of certificate authorities; None for `http`.
        ca_reason: Where that comes from.
        proxy_url: The proxy's URL with its credentials: never printed.
    """

    base_url: str
    scheme: str
    host: str
    port: int | None
    path: str
    proxy: str | None
    proxy_reason: str
    ca: str | None
    ca_reason: str
    proxy_url: str | None = field(default=None, repr=False)


def resolve_route(base_url: str, *, ca_file: str | None = None, carries_secrets: bool = True) -> Route:
    """Return the route to `base_url` by the settings of the environment.

    Args:
        base_url: The API's address, for instance `https://v1.api.phone.com`.
        ca_file: A file or folder of certificate authorities that overrides the environment's.
        carries_secrets: What goes there must not be read on the way, as always with the API; else http is allowed.

    Raises:
        ConfigurationError: The URL, the proxy or the CA file cannot be used.
    """
    url = parse_base(base_url)
    host = (url.host or "").strip("[]")
    is_loopback = _is_loopback(host)
    if carries_secrets and url.scheme == "http" and not is_loopback:
        raise ConfigurationError(
            "The API URL must begin with https:// : the credentials and the digits pressed would travel in clear text. "
            "http:// is allowed to this machine only (127.0.0.1, ::1, localhost)."
        )
    path = (url.path or "").rstrip("/")
    shown = f"{url.scheme}://{url.netloc}{path}"
    proxy_url, proxy_reason = (None, "this machine is reached directly") if is_loopback else _proxy_for(shown)
    ca, ca_reason = (None, "no TLS") if url.scheme == "http" else _authorities(ca_file, os.environ)
    return Route(
        base_url=shown,
        scheme=url.scheme or "",
        host=host,
        port=url.port,
        path=path,
        proxy=None if proxy_url is None else _masked(parse_url(proxy_url)),
        proxy_reason=proxy_reason,
        ca=ca,
        ca_reason=ca_reason,
        proxy_url=proxy_url,
    )


def parse_base(base_url: str) -> Url:
    """Return the parts of a base URL.

    Raises:
        ConfigurationError: It is none. What is wrong with it is said without repeating it: it may hold a password.
    """
    prepared = PreparedRequest()
    try:
        prepared.prepare_url(base_url.strip(), None)
        url = parse_url(prepared.url or "")
    except (RequestException, LocationParseError, UnicodeError):
        raise ConfigurationError("The API URL is malformed; it should look like https://v1.api.phone.com .") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigurationError("The API URL must begin with https:// and name a host.")
    if url.auth is not None:
        raise ConfigurationError("The API URL must not contain a user name or password; give the API key separately.")
    if url.query is not None or url.fragment is not None:
        raise ConfigurationError("The API URL must not contain a query or a fragment ('?' or '#').")
    return url


def tls_context(route: Route) -> ssl.SSLContext | None:
    """Return the TLS settings of a route, its authorities loaded; None for `http`.

    Raises:
        ConfigurationError: The file of authorities cannot be read.
    """
    if route.ca is None:
        return None
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.check_hostname = True
    try:
        if Path(route.ca).is_dir():
            context.load_verify_locations(capath=route.ca)
        else:
            context.load_verify_locations(cafile=route.ca)
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or "not a file of certificates"
        raise ConfigurationError(
            f"The certificate authorities in {route.ca} ({route.ca_reason}) cannot be loaded: {why}."
        ) from None
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy_for(base_url: str) -> tuple[str | None, str]:
    """Return the proxy of the environment for a URL that is not this machine's, and why it is that one."""
    proxies = getproxies()
    chosen = select_proxy(base_url, proxies)
    if not chosen:
        return None, "the environment names no proxy"
    if should_bypass_proxies(base_url, no_proxy=None):
        return None, "excepted by NO_PROXY"
    try:
        proxy = parse_url(chosen if "://" in chosen else f"http://{chosen}")
    except (LocationParseError, ValueError):
        proxy = Url()
    if not proxy.host:
        raise ConfigurationError("The proxy URL of the environment (HTTPS_PROXY or ALL_PROXY) is malformed.")
    if proxy.scheme not in {"http", "https"}:
        raise ConfigurationError(
            f"The proxy of the environment is of kind {proxy.scheme!r}; only http and https proxies can be used."
        )
    scheme = base_url.partition(":")[0]
    return proxy.url, f"{scheme.upper()}_PROXY" if chosen == proxies.get(scheme) else "ALL_PROXY"


def _masked(proxy: Url) -> str:
    return (proxy if proxy.auth is None else proxy._replace(auth=MASK)).url


def _authorities(ca_file: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    found = (ca_file, "setting") if ca_file else None
    if found is None:
        found = next(((environ[name], name) for name in _CA_VARIABLES if environ.get(name)), None)
    ca, reason = found or (DEFAULT_CA_BUNDLE_PATH, "bundled with the program")
    if not Path(ca).exists():
        raise ConfigurationError(f"The certificate authorities in {ca} ({reason}) do not exist.")
    return ca, reason
