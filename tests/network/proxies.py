"""Starts real HAProxy, nginx and squid on loopback, and a network namespace whose firewall forgets connections."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

Result = TypeVar("Result")
NEED_ALL = "TESTS_NEED_ALL"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
_UP_S = 15.0
_COUNT = itertools.count()
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


def program(name: str) -> str:
    """Return where a program is; a test that needs one that is missing is skipped, or fails where all must be there."""
    found = shutil.which(name, path=_PATH)
    return found if found is not None else missing(f"{name} is not installed: `make network` installs it")


def missing(why: str) -> str:
    """Skip the test; fail it where the environment says that every part must be there."""
    if os.environ.get(NEED_ALL):
        pytest.fail(why)
    pytest.skip(why)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Proxy:
    """A proxy as a process of its own, on a port of this machine; as text it is its address.

    Args:
        command: Starts it in the foreground.
        port: Where it listens.
        folder: Where it writes.
    """

    def __init__(self, command: Sequence[str | Path], *, port: int, folder: Path) -> None:
        self._command = command
        self.port = port
        self._output = folder / "output"
        self.start()

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, also again; returns when it accepts connections."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        _wait_for(self.port, self._process, self._output)

    def kill(self) -> None:
        """Kill it with all its connections."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it: connections are still accepted and bytes acknowledged, by the kernel."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End it."""
        self.wake()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


@contextlib.contextmanager
def running(command: Sequence[str | Path], *, port: int, folder: Path) -> Iterator[Proxy]:
    """Run a proxy until the block ends; begins when it accepts connections."""
    proxy = Proxy(command, port=port, folder=folder)
    try:
        yield proxy
    finally:
        proxy.end()


def _wait_for(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + _UP_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            pytest.fail(f"{process.args} ended: {output.read_text(errors='replace')}")
        if time.monotonic() > deadline:
            pytest.fail(f"{process.args} did not listen: {output.read_text(errors='replace')}")


@contextlib.contextmanager
def haproxy(
    folder: Path, upstream: int, *, limit_s: float, bind: str = "", more: str = "", server: str = ""
) -> Iterator[Proxy]:
    """HAProxy with `timeout server`; `bind`, `more` and `server` go to the lines of the front, the back, its server."""
    port = free_port()
    (folder / "haproxy.cfg").write_text(
        f"""
        defaults
            mode http
            timeout connect 5s
            timeout client 60s
            timeout server {limit_s:g}s
        frontend front
            bind 127.0.0.1:{port} {bind}
            default_backend back
        backend back
            {more}
            server one 127.0.0.1:{upstream} {server}
        """
        "\n"
    )
    with running([program("haproxy"), "-db", "-f", folder / "haproxy.cfg"], port=port, folder=folder) as proxy:
        yield proxy


@contextlib.contextmanager
def nginx(folder: Path, *upstreams: int, limit_s: float, more: str = "") -> Iterator[Proxy]:
    """Run nginx with `proxy_read_timeout`."""
    port = free_port()
    servers = "".join(f"server 127.0.0.1:{upstream} max_fails=0; " for upstream in upstreams)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"""
        {user} daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
        events {{ }}
        http {{
            access_log off; {temporary}
            upstream back {{ {servers} }}
            server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass http://back; proxy_read_timeout {limit_s:g}s; {more} }}
            }}
        }}
        """
    )
    command = [program("nginx"), "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    with running(command, port=port, folder=folder) as proxy:
        yield proxy


@contextlib.contextmanager
def squid(folder: Path, upstream: int | None, *, limit_s: float) -> Iterator[Proxy]:
    """Squid with `read_timeout`, in front of an upstream or, without one, as a forward proxy."""
    port = free_port()
    mode = ""
    peer = ""
    if upstream is not None:
        mode = f" accel defaultsite=127.0.0.1:{upstream}"
        peer = f"cache_peer 127.0.0.1 parent {upstream} 0 no-query no-digest originserver login=PASSTHRU"
    (folder / "squid.conf").write_text(
        f"""
http_port 127.0.0.1:{port}{mode}
{peer}
http_access allow all
read_timeout {limit_s:g} seconds
server_persistent_connections off
shutdown_lifetime 0 seconds
cache deny all
cache_mem 1 MB
access_log none
cache_log /dev/null
pid_filename none
pinger_enable off
netdb_filename none
"""
    )
    with running([program("squid"), "-N", "-f", folder / "squid.conf"], port=port, folder=folder) as proxy:
        yield proxy


@contextlib.contextmanager
def hold_server(*options: str, inside: Sequence[str] = ()) -> Iterator[str]:
    """`orchestrator probe serve` as a process, perhaps inside of a namespace; yields its URL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    command = [*inside, sys.executable, "-m", "orchestrator", "probe", "serve", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=kept) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first, "the hold server did not start"
            yield json.loads(first)["url"]
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def forgetful_firewall(*, limit_s: int, verdict: str = "drop") -> Iterator[tuple[list[str], str]]:
    """A network namespace behind a firewall that forgets a connection after some idle seconds, without a word.

    Args:
        limit_s: After how much silence.
        verdict: What nftables does with a packet of a forgotten connection that comes in.

    Yields:
        What a command that runs inside of it begins with, and its address.
    """
    ip, nft = program("ip"), program("nft")
    name = f"probe{os.getpid() % 100_000}x{next(_COUNT)}"
    net = f"10.213.{os.getpid() % 250}"
    inside = [ip, "netns", "exec", name]
    rules = f"""
        table inet forgetful {{
            chain in {{ type filter hook input priority 0; policy accept; ct state invalid {verdict}; }}
            chain out {{
                type filter hook output priority 0; policy accept;
                tcp flags & rst == 0 ct state invalid drop;
            }}
        }}
    """
    settings = [f"nf_conntrack_tcp_timeout_established={limit_s}", "nf_conntrack_tcp_loose=0"]
    with contextlib.ExitStack() as stack:
        _do(ip, "netns", "add", name)
        stack.callback(_do, ip, "netns", "del", name)
        _do(ip, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        _do(ip, "addr", "add", f"{net}.1/24", "dev", name)
        _do(ip, "link", "set", name, "up")
        stack.callback(_do, ip, "link", "del", name)  # the namespace itself outlives its last sockets
        _do(*inside, ip, "addr", "add", f"{net}.2/24", "dev", "eth0")
        _do(*inside, ip, "link", "set", "eth0", "up")
        _do(*inside, ip, "link", "set", "lo", "up")
        _do(*inside, nft, "-f", "-", text=rules)
        for setting in settings:
            word, _, value = setting.partition("=")
            _do(*inside, "tee", f"/proc/sys/net/netfilter/{word}", text=value)
        yield inside, f"{net}.2"


def inside_a_namespace(body: Callable[[], Result]) -> Result:
    """Return what `body` returns; it runs in a thread that is in a network namespace of its own, with all it starts.

    The namespace has a loopback device and nothing else; `firewall` rules it.
    """
    ip = program("ip")
    name = f"truth{os.getpid() % 100_000}x{next(_COUNT)}"

    def enter() -> Result:
        with Path(f"/run/netns/{name}").open() as file:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(file.fileno(), _NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        return body()

    _do(ip, "netns", "add", name)
    try:
        _do(ip, "netns", "exec", name, ip, "link", "set", "lo", "up")
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter).result()
    finally:
        _do(ip, "netns", "del", name)


def firewall(rules: str) -> None:
    """Replace the rules for what comes in, in the namespace of this thread."""
    hook = "type filter hook input priority 0; policy accept;"
    lines = ["table inet bad {}", "delete table inet bad", "table inet bad {", "chain in {", hook, rules, "}", "}"]
    _do(program("nft"), "-f", "-", text="\n".join(lines) + "\n")


def connections_to(port: int) -> set[int]:
    """Return the near ports of all established connections to a port, in the namespace of this thread."""
    lines = Path("/proc/thread-self/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    ends = [(near.rpartition(":")[2], far.rpartition(":")[2], state) for _, near, far, state, *_ in fields]
    return {int(near, 16) for near, far, state in ends if int(far, 16) == port and state == "01"}


def forget_after(seconds: int) -> None:
    """Let the connection tracking of this thread's namespace forget connections that are idle."""
    for word, value in (("timeout_established", seconds), ("loose", 0)):
        Path(f"/proc/sys/net/netfilter/nf_conntrack_tcp_{word}").write_text(str(value), encoding="ascii")


def namespaces_are_allowed() -> bool:
    """Return whether this user may make network namespaces and firewalls in them; True where it cannot be tried."""
    ip, nft = shutil.which("ip", path=_PATH), shutil.which("nft", path=_PATH)
    if ip is None or nft is None:
        return True  # the tests themselves say what is missing
    name = f"try{os.getpid()}"
    if subprocess.run([ip, "netns", "add", name], capture_output=True, check=False).returncode != 0:
        return False
    inside = [ip, "netns", "exec", name]
    steps = ([*inside, nft, "add table inet tried"], [*inside, ip, "link", "add", "tried", "type", "veth"])
    try:
        return all(subprocess.run(step, capture_output=True, check=False).returncode == 0 for step in steps)
    finally:
        _do(ip, "netns", "del", name)


def _do(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
