"""The set-up that the README promises: what `make` does on machines that lack a part."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_the_proxies_and_without_a_way_to_install_them_the_rest_is_tested(tmp_path: Path) -> None:
    """On a laptop without apt-get, `make network` tells what is skipped and lets `make test` go on."""
    for name in ("make", "sh", "id"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    made = subprocess.run(
        [tmp_path / "make", "network", "PROXIES=no-such-proxy"],
        cwd=ROOT,
        env={**{name: word for name, word in os.environ.items() if not name.startswith("MAKE")}, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == "tests/network is skipped without no-such-proxy; as root on Debian or Ubuntu: make network\n"
