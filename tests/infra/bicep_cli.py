"""`python -m tests.infra.bicep_cli`: what Microsoft's own compiler says of the template, where `bicep` is on the PATH.

It lints and builds, compares the format, and takes the snapshot (public and with the private network), whose resources must be
those of `resources-kept.yaml`. Where there is no `bicep`, one line says so; the tests work out the same from the files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.infra.conftest import INFRA, LEAST

KEPT = Path(__file__).with_name("resources-kept.yaml")
ENVIRONMENTS = {"public": LEAST, "private": LEAST | {"PUENTE_PRIVATE_NETWORK": "true", "PUENTE_DELETION_LOCK": "true"}}
ABSENT = "bicep: not on the PATH, so its lint, build, format and snapshot are left to CI\n"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def kept() -> dict[str, dict[str, int]]:
    """How many resources of each type the template deploys, in each of the environments."""
    listed: dict[str, dict[str, int]] = yaml.safe_load(KEPT.read_text("utf-8"))
    return listed


def counted(types: Iterable[str]) -> dict[str, int]:
    """How many there are of each type, in the order of the types."""
    return dict(sorted(Counter(types).items()))


class Cli:
    """The compiler at work on a copy of `infra/`, as a snapshot is written beside the parameters."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def run(self, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command; what it prints is kept."""
        whole = os.environ | (environment or LEAST)
        command = [self.program, *arguments]
        return subprocess.run(command, cwd=self.folder, env=whole, capture_output=True, text=True, check=False)

    def refusals(self) -> Iterator[str]:
        """Lint and build: no error, and no warning either."""
        for command in (
            ("lint", "main.bicep"),
            ("build", "main.bicep", "--stdout"),
            ("build-params", "main.bicepparam", "--stdout"),
        ):
            done = self.run(*command)
            if done.returncode or "Warning" in done.stderr:
                yield f"bicep {' '.join(command)}:\n{done.stderr.strip()}"

    def formats(self) -> Iterator[str]:
        """Files that the formatter would write otherwise."""
        for path in sorted(self.folder.rglob("*.bicep")):
            name = str(path.relative_to(self.folder))
            if self.run("format", name, "--stdout").stdout.strip() != path.read_text("utf-8").strip():
                yield f"infra/{name} is formatted otherwise: bicep format infra/{name}"

    def differences(self) -> Iterator[str]:
        """Where a snapshot has other resources than those kept, or diagnostics."""
        for name, environment in ENVIRONMENTS.items():
            arguments = ("--mode", "overwrite", "--subscription-id", SUBSCRIPTION, "--location", "westeurope")
            done = self.run("snapshot", "main.bicepparam", *arguments, environment=environment)
            if done.returncode:
                yield f"bicep snapshot ({name}):\n{done.stderr.strip()}"
                continue
            snapshot: dict[str, Any] = json.loads((self.folder / "main.snapshot.json").read_text("utf-8"))
            yield from (f"bicep snapshot ({name}): {one}" for one in snapshot.get("diagnostics", []))
            found = counted(resource["type"] for resource in snapshot["predictedResources"])
            if found != kept()[name]:
                yield f"bicep snapshot ({name}) has other resources than {KEPT.name}:\n{yaml.safe_dump(found)}"


def main(say: Callable[[str], Any] = sys.stdout.write) -> int:
    """Print what the compiler has against the template; 1 where that is anything."""
    program = shutil.which("bicep")
    if program is None:
        say(ABSENT)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(INFRA, Path(folder) / "infra")
        cli = Cli(program, copy)
        faults = [*cli.refusals(), *cli.formats(), *cli.differences()]
    say("".join(f"{fault}\n" for fault in faults) or "bicep: lint, build, format and snapshot are as they should be\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
