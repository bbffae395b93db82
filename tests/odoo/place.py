"""Where a real Odoo for tests lives on this machine, and what its parts share: paths, progress lines, a lock, commands."""

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

REPOSITORY = Path(__file__).resolve().parents[2]
LOG_TAIL_LINES = 15


class Unobtainable(Exception):  # noqa: N818 - a state of the machine, not a fault of ours
    """This machine cannot have a real Odoo; the text says what is missing. All else that goes wrong is a `HarnessError`."""


class HarnessError(RuntimeError):
    """Odoo, or a step on the way to it, failed although all it needs is there; the text holds the end of the log."""


@dataclass(frozen=True)
class Place:
    """The folder of one Odoo and the paths in it. Two places are two independent servers.

    Ports of None mean: the one used last time if it is free, else any free one.
    """

    root: Path
    http_port: int | None = None
    pg_port: int | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The place named by PUENTE_ODOO_DIR (else `.local/odoo`), PUENTE_ODOO_PORT and PUENTE_ODOO_PG_PORT."""
        root = environ.get("PUENTE_ODOO_DIR") or REPOSITORY / ".local" / "odoo"
        return cls(Path(root).resolve(), _port(environ, "PUENTE_ODOO_PORT"), _port(environ, "PUENTE_ODOO_PG_PORT"))

    @property
    def source(self) -> Path:
        """Odoo's Python package and add-ons, unpacked."""
        return self.root / "src"

    @property
    def venv(self) -> Path:
        """The virtual environment Odoo runs in."""
        return self.root / "venv"

    @property
    def python(self) -> Path:
        """Odoo's Python."""
        return self.venv / "bin" / "python"

    @property
    def config(self) -> Path:
        """Odoo's configuration file, written at each start."""
        return self.root / "odoo.conf"

    @property
    def log(self) -> Path:
        """What Odoo prints."""
        return self.root / "odoo.log"

    @property
    def pid_file(self) -> Path:
        """The process id of the running Odoo."""
        return self.root / "odoo.pid"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this place for one change of state; a second process waits here. Ends with its holder, even a killed one."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another process is at work in {self.root}; waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _port(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise HarnessError(f"{name} must be a port number, not {text!r}")
    return int(text)


def free_port(wanted: int | None, *, required: bool = False) -> int:
    """`wanted` if nobody listens there, else any free port of 127.0.0.1; with `required`, `wanted` or a `HarnessError`."""
    for candidate in ([wanted] if wanted else []) + ([] if required else [0]):
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As servers do, so that connections that linger after a stop do not count as a listener.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            return int(probe.getsockname()[1])
    raise HarnessError(f"port {wanted} of 127.0.0.1 is in use by another program")


def say(text: str) -> None:
    """One progress line, on stderr because stdout carries the environment for the shell."""
    sys.stderr.write(f"odoo: {text}\n")


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step and, when it succeeds, say how long it took."""
    say(f"{text} ...")
    start = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - start:.1f} s")


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without what would lead PostgreSQL's or Odoo's programs astray, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON", "ODOO", "VIRTUAL_ENV"))}
    return kept | extra


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | str = "/") -> str:
    """Run a command to its end and give its stdout.

    Raises:
        HarnessError: with the command's last lines, when it fails or cannot be started.
    """
    try:
        done = subprocess.run(
            list(command), capture_output=True, text=True, check=False, env=dict(env or clean_environment()), cwd=cwd
        )
    except OSError as error:
        raise HarnessError(f"{command[0]} cannot be started: {error}") from error
    if done.returncode:
        raise HarnessError(f"{Path(command[0]).name} ended with {done.returncode}:\n{tail(done.stdout + done.stderr)}")
    return done.stdout


def tail(text: str) -> str:
    """The last lines of a log, which hold the reason."""
    return "\n".join(text.strip().splitlines()[-LOG_TAIL_LINES:])


def is_root() -> bool:
    """Whether this process may do everything; PostgreSQL then needs another user."""
    return os.geteuid() == 0
