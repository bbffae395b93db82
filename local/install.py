"""`make run` and `make setup`: install what is missing, Python packages and Azurite side by side, and show how far it is.

    python3.13 -m local.install requirements-run.txt

It needs Python alone, since nothing else may be there yet. What is installed already, in the pinned versions, is left as it is;
so a second run, or one after an interruption, does only what is left.
"""

import argparse
import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV, NODE_MODULES = Path(".venv"), Path("node_modules")
TERMINAL_SECONDS, LOG_SECONDS = 0.5, 5.0
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_INFO = re.compile(r"(.+)-(.+)\.dist-info")


class InstallError(RuntimeError):
    """Something could not be installed; the text says what, and what the installing program printed."""


@dataclass
class Task:
    """A program that installs something, and how far it is. `progress` is asked with the lines it has printed."""

    what: str
    command: list[str]
    progress: Callable[[Sequence[str]], str]
    lines: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start the program; what it prints is gathered in `lines`."""
        self.process = subprocess.Popen(  # noqa: S603  # our own commands
            self.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ended(self) -> bool:
        """Whether the program has ended.

        Raises:
            InstallError: it has failed; the last lines that it printed are told.
        """
        code = self.process.poll()
        if code:
            self._reader.join()
            raise InstallError(f"{self.what}: {' '.join(self.command)} failed:\n" + "\n".join(self.lines[-15:]))
        return code == 0

    def wait(self, seconds: float) -> None:
        """Return when the program has ended, or after `seconds`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def stop(self) -> None:
        """End the program where it has not ended."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        if (output := self.process.stdout) is not None:
            with output:
                for line in output:
                    self.lines.append(line.rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Install what is missing; 1 with the reason where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m local.install", description="Install what is missing.")
    parser.add_argument("requirements", type=Path, help="the file of pinned Python packages")
    requirements = ROOT / parser.parse_args(arguments).requirements
    try:
        tasks = [*python_packages(requirements), *azurite()]
        if tasks:
            watch(tasks)
    except (InstallError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def python_packages(requirements: Path) -> list[Task]:
    """The installation of the packages that are not there in their pinned versions; none where all are.

    Makes the virtual environment where there is none. Bytecode is left to the first import: most of it is never needed.
    """
    wanted = pins(requirements.read_text(encoding="utf-8"))
    if wanted <= installed():
        return []
    python = ROOT / VENV / "bin" / "python"
    if not list((ROOT / VENV).glob("lib/python3*/site-packages/pip")):
        print("Making a virtual environment in .venv ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ROOT / VENV)], check=True)  # noqa: S603  # our own command
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "--progress-bar", "off"]
    return [Task("Python packages", [*pip, "-r", str(requirements)], lambda lines: _packages(lines, wanted))]


def azurite() -> list[Task]:
    """The installation of Azurite, where it is not there as `package-lock.json` wants it.

    Raises:
        InstallError: npm is not installed.
    """
    wanted = _npm_versions(ROOT / "package-lock.json")
    if wanted == _npm_versions(ROOT / NODE_MODULES / ".package-lock.json"):
        return []
    if shutil.which("npm") is None:
        raise InstallError("Node.js 20 or later (with npm) is needed for Azurite and was not found.")
    return [Task("Azurite", ["npm", "ci", "--no-audit", "--no-fund"], lambda _lines: f"{len(wanted)} npm packages")]


def watch(tasks: Sequence[Task]) -> None:
    """Start all and return once all have ended, with a line of progress every few seconds.

    Raises:
        InstallError: one has failed; the others are ended.
    """
    started = time.monotonic()
    on_terminal = sys.stdout.isatty()
    shown = 0.0
    with contextlib.ExitStack() as at_the_end:
        for task in tasks:
            task.start()
            at_the_end.callback(task.stop)
        while left := [task for task in tasks if not task.ended()]:
            if time.monotonic() - shown >= (TERMINAL_SECONDS if on_terminal else LOG_SECONDS):
                shown = time.monotonic()
                _show(tasks, shown - started, "\r" if on_terminal else "\n")
            left[0].wait(0.1)
        _show(tasks, time.monotonic() - started, "\n")


def pins(text: str) -> set[tuple[str, str]]:
    """Name and version of each pinned package of a requirements file."""
    return {(_plain(name), version) for name, version in _PIN.findall(text)}


def installed() -> set[tuple[str, str]]:
    """Name and version of each package in the virtual environment."""
    names = (path.name for path in (ROOT / VENV).glob("lib/python3*/site-packages/*.dist-info"))
    return {(_plain(found[1]), found[2]) for name in names if (found := _INFO.fullmatch(name))}


def _packages(lines: Sequence[str], wanted: set[tuple[str, str]]) -> str:
    if any(line.startswith("Installing collected") for line in lines):
        return f"{len(wanted & installed())} of {len(wanted)} installed"
    fetched = sum(line.startswith(("Collecting ", "Requirement already satisfied")) for line in lines)
    return f"{min(fetched, len(wanted))} of {len(wanted)} fetched"


def _npm_versions(lock: Path) -> dict[str, str]:
    """The version of each package of an npm lock file; none where there is no such file."""
    if not lock.exists():
        return {}
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {name: package["version"] for name, package in packages.items() if name and not package.get("optional")}


def _show(tasks: Sequence[Task], seconds: float, end: str) -> None:
    parts = (f"{task.what}: {'ready' if task.process.poll() == 0 else task.progress(task.lines)}" for task in tasks)
    print(f"  {seconds:4.0f} s  {'; '.join(parts)}".ljust(100 if end == "\r" else 0), end=end, flush=True)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
