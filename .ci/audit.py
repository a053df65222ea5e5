"""Runs pip-audit over lock files: a known vulnerability fails, a service that does not answer is only told.

A machine that reaches a package registry need not reach a service that knows of vulnerabilities. There nothing can be
audited, and a build that failed for it would say nothing about what is built. So: exit 1 for a vulnerability, 0
otherwise, and the last line says how much was looked at. A lock file that cannot be read, or lacks a hash, fails too.
`make audit` calls it with the Python that has pip-audit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

SERVICES = ("pypi", "osv")
"""Asked in this order; the second one only where the first knows nothing at all."""


def main(locks: Sequence[str]) -> int:
    """Audit each lock file; return the exit code."""
    for lock in locks:
        checked = _pip_audit(lock, "--dry-run")
        if checked.returncode != 0:
            print(f"{lock}: {checked.stderr.strip()}", file=sys.stderr)
            return 1
    found = [_audit(lock) for lock in locks]
    if any(vulnerable for vulnerable, _ in found):
        return 1
    looked_at = sum(count for _, count in found)
    print(f"audit: {looked_at} packages have no known vulnerability" if looked_at else "audit: nothing was audited")
    return 0


def _audit(lock: str) -> tuple[int, int]:
    """Return how many packages of a lock file are vulnerable, and how many were looked at."""
    for service in SERVICES:
        packages = _ask(lock, service)
        known = [package for package in packages if "vulns" in package]
        if not known:
            print(f"{lock}: the service `{service}` cannot be reached, or knows none of the packages", file=sys.stderr)
            continue
        for package in packages:
            if "vulns" not in package:
                print(f"{lock}: {package['name']} was not audited: {package['skip_reason']}", file=sys.stderr)
        vulnerable = [package for package in known if package["vulns"]]
        for package in vulnerable:
            print("\n".join(_told(lock, package)), file=sys.stderr)
        return len(vulnerable), len(known)
    return 0, 0


def _told(lock: str, package: Mapping[str, Any]) -> list[str]:
    return [
        f"{lock}: {package['name']} {package['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no release yet'}"
        for vulnerability in package["vulns"]
    ]


def _ask(lock: str, service: str) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; nothing where it got no answer."""
    done = _pip_audit(lock, "--format", "json", "--timeout", "10", "--vulnerability-service", service)
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []


def _pip_audit(lock: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    return subprocess.run([*command, *options, "--requirement", lock], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
