"""`.ci/run` calls each part of the tests once, and fails where something it needs is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import ROOT

TOOLS = ("bash", "dirname", "rm")
NEEDED = ("npm", "git", "chromium", "apt-get")


class Machine:
    """A copy of the script beside a few programs that only note how they were called."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.calls, self.script = folder / "bin", folder / "calls", folder / ".ci/run"
        self.programs.mkdir()
        self.calls.touch()
        self.script.parent.mkdir()
        shutil.copy(ROOT / ".ci/run", self.script)
        for name in TOOLS:
            (self.programs / name).symlink_to(str(shutil.which(name)))
        for name in (*NEEDED, "make"):
            self.install(name)

    def install(self, name: str, then: str = "") -> None:
        """A program of that name, which ends with `then`."""
        path = self.programs / name
        path.write_text(f'#!{shutil.which("bash")}\necho "{name} $*" >>"{self.calls}"\n{then}\n')
        path.chmod(0o755)

    def run(self, *, user: int = 0) -> subprocess.CompletedProcess[str]:
        """The script, by root or by somebody else."""
        self.install("id", f"echo {user}")
        shell = [str(self.programs / "bash"), str(self.script)]
        return subprocess.run(shell, env={"PATH": str(self.programs)}, capture_output=True, text=True, check=False)

    def called(self, name: str) -> list[str]:
        """How a program was called, in order."""
        lines = self.calls.read_text().splitlines()
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One that has everything."""
    return Machine(tmp_path)


def test_each_part_runs_once(machine: Machine) -> None:
    """What `make test-all` runs, the checks before it and the real Odoo after it."""
    parts = re.search(r"^test-all: ([^#]*)##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert parts is not None
    assert machine.run().returncode == 0
    called = machine.called("make")
    assert sorted(called) == sorted(["setup", "check", *parts[1].split(), "test-odoo"])
    assert (called[:2], called[-1]) == (["setup", "check"], "test-odoo")


@pytest.mark.parametrize("part", ["check", "test", "test-rest", "test-lab", "test-browser", "oracles", "test-odoo"])
def test_part_that_fails_fails_the_run(machine: Machine, part: str) -> None:
    """So does one that lacks its server: without PostgreSQL or Chromium nothing is proven."""
    machine.install("make", f'[ "$1" != {part} ]')
    assert machine.run().returncode != 0
    assert machine.called("make")[-1] == part


def test_who_is_not_root_reads_what_is_missing(machine: Machine) -> None:
    """In one line, before anything runs; PostgreSQL is not among it, for the tests fetch it without root."""
    for name in ("chromium", "npm"):
        (machine.programs / name).unlink()
    done = machine.run(user=1000)
    assert (done.returncode, machine.called("make"), machine.called("apt-get")) == (1, [], [])
    assert done.stderr.splitlines() == ["MISSING: nodejs npm chromium. Install them, or run this as root."]


def test_root_installs_what_is_missing(machine: Machine) -> None:
    """And goes on."""
    (machine.programs / "chromium").unlink()
    assert machine.run().returncode == 0
    assert "chromium" in machine.called("apt-get")[-1]
