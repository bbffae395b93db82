"""What `make` does before anything is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout in which nothing is installed yet."""
    for name in ("Makefile", "requirements-run.txt", "requirements-dev.txt", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def dry(folder: Path, target: str, path: str) -> str:
    """The commands of a target, not carried out; Python is looked for in `path` first."""
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(
        ["make", "-n", target], cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_shim_that_does_not_run_is_passed_over(fresh: Path) -> None:
    """Pyenv leaves a `python3.13` that only says that no such version is chosen; the next one that runs is taken."""
    (fresh / "shims").mkdir()
    shim = fresh / "shims" / "python3.13"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    (found,) = {line.split('"')[1] for line in dry(fresh, "run", str(shim.parent)).splitlines() if "python=" in line}
    assert found not in ("", "python3.13")


def test_run_installs_no_tools_and_tests_do(fresh: Path) -> None:
    """Each its own list, side by side with Azurite."""
    run, setup = dry(fresh, "run", "/bin"), dry(fresh, "setup", "/bin")
    assert "requirements-run.txt" in run
    assert "requirements-dev.txt" not in run
    assert "requirements-dev.txt" in setup
