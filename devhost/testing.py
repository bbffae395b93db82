"""For tests: run a Function App under `python -m devhost` in a process of its own, and stop or kill it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from devhost.azurite import free_port

__all__ = ["HostError", "RunningHost", "free_port", "wait_until"]

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 45


class HostError(RuntimeError):
    """The host ended, or did not get to Running; the text ends with the last lines of its log."""


class RunningHost:
    """The host in a process of its own, for one app folder. Usable as a context manager; can be started again after it ended.

    `environment` is added to the caller's. Everything the host prints goes to `log_file` (a temporary file if not given).
    """

    def __init__(
        self,
        app_dir: Path,
        environment: Mapping[str, str] | None = None,
        *,
        port: int | None = None,
        log_file: Path | None = None,
        arguments: Sequence[str] = ("--no-reload",),
    ) -> None:
        self.app_dir, self.environment, self.arguments = app_dir, dict(environment or {}), list(arguments)
        self.port = port or free_port()
        self.log_file = log_file or _temporary_file()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """The root, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything that was printed so far, over all starts."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def start(self, *, wait: bool = True) -> Self:
        """Start the process and wait until every listener runs. Raises HostError when that does not happen."""
        command = [sys.executable, "-m", "devhost", "--app-dir", str(self.app_dir), "--port", str(self.port)]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  # ourselves, with the caller's arguments
                [*command, *self.arguments],
                cwd=PROJECT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            self.wait_until_running()
        return self

    def wait_until_running(self, seconds: float = START_SECONDS) -> None:
        """Wait for the state Running. Raises HostError, having killed the process, when it does not come."""
        try:
            wait_until(lambda: self._has_ended() or self.state() == "Running", seconds)
        except TimeoutError:
            self.kill()
            raise HostError(f"The host did not get to Running in {seconds} s.{self._last_lines()}") from None
        if self._has_ended():
            raise HostError(f"The host ended with code {self._started().returncode}.{self._last_lines()}")

    def state(self) -> str | None:
        """The state that the host reports, or None while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/admin/host/status", timeout=2) as answer:  # noqa: S310  # our own host
                document: dict[str, Any] = json.load(answer)
        except (urllib.error.URLError, OSError, ValueError):
            return None
        return str(document.get("state"))

    def wait_for_end(self, seconds: float = STOP_SECONDS) -> int:
        """Wait until the process ends by itself; its exit code."""
        return self._started().wait(seconds)

    def stop(self) -> int:
        """Ask it to stop (SIGTERM) and wait; its exit code."""
        if not self._has_ended():
            self._started().send_signal(signal.SIGTERM)
        return self.wait_for_end()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL): nothing is finished, nothing is given back."""
        if not self._has_ended():
            self._started().kill()
        self._started().wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is None:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise HostError("The host was not started.")
        return self.process

    def _has_ended(self) -> bool:
        return self._started().poll() is not None

    def _last_lines(self) -> str:
        return "\n" + "\n".join(self.log.splitlines()[-40:])


def _temporary_file() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="devhost-", suffix=".log")
    os.close(descriptor)
    return Path(name)


def wait_until(condition: Callable[[], object], seconds: float = 20, *, pause: float = 0.05) -> None:
    """Return as soon as `condition()` is true. Raises TimeoutError when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing happened within {seconds} s.")
        time.sleep(pause)
