"""CPU seconds it takes to start: importing the library, and the command line's help, against an empty Python.

Run it with `python benchmarks/startup.py`. Every process is started afresh; variants take turns. The goal for importing
the package and for `--help` is less than 0.3 s.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys

from measuring import table

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import orchestrator'": ["-c", "import orchestrator"],
    "python -c 'import orchestrator.compose'": ["-c", "import orchestrator.compose"],
    "orchestrator --help": ["-m", "orchestrator", "--help"],
    "orchestrator run --help": ["-m", "orchestrator", "run", "--help"],
}


def cpu_s(arguments: list[str]) -> float:
    """Run Python once and return its user and system time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="how often each is started")
    parser.add_argument("--quick", action="store_true", help="only see that it works: no figures to quote")
    options = parser.parse_args()
    times: dict[str, list[float]] = {label: [] for label in COMMANDS}
    for arguments in COMMANDS.values():
        cpu_s(arguments)  # so that everything is compiled and in the page cache
    for _ in range(1 if options.quick else options.rounds):
        for label, arguments in COMMANDS.items():
            times[label].append(cpu_s(arguments))
    empty_s = statistics.median(times["python -c pass"])
    rows = []
    for label, each in times.items():
        median_s = statistics.median(each)
        rows.append(
            [f"`{label}`", f"{median_s:.3f}", f"{median_s - empty_s:+.3f}", f"{min(each):.3f}", f"{max(each):.3f}"]
        )
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f})\n")
    print(table(["started", "CPU s, median", "more than empty", "least", "most"], rows))


if __name__ == "__main__":
    main()
