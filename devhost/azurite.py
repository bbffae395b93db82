"""Starts and stops Azurite, Microsoft's local stand-in for Azure Storage, as installed by `npm ci`."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

ACCOUNT = "devstoreaccount1"
# Well known and the same everywhere; it opens nothing but a local Azurite.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
EXECUTABLE = Path(__file__).resolve().parent.parent / "node_modules" / ".bin" / "azurite"
START_SECONDS = 60
STOP_SECONDS = 10


class AzuriteError(RuntimeError):
    """Azurite is not installed, or did not come up; the text says what to do."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Azurite:
    """One Azurite process on 127.0.0.1. Usable as a context manager.

    Without a `location` it keeps everything in memory and forgets it when it stops; with one, data and log live in that
    folder and outlast it. `start` returns once all three services answer. Both `start` and `stop` may be called twice.
    """

    def __init__(
        self,
        blob_port: int = 10000,
        queue_port: int = 10001,
        table_port: int = 10002,
        *,
        location: Path | None = None,
        log_file: Path | None = None,
        executable: Path = EXECUTABLE,
    ) -> None:
        self.blob_port, self.queue_port, self.table_port = blob_port, queue_port, table_port
        self.location, self.executable = location, executable
        self.log_file = log_file or (location / "azurite.log" if location else None)
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def on_free_ports(cls, *, location: Path | None = None, log_file: Path | None = None) -> Self:
        """One that cannot be in the way of another; what tests want."""
        return cls(free_port(), free_port(), free_port(), location=location, log_file=log_file)

    @property
    def connection_string(self) -> str:
        """For `AzureWebJobsStorage` and every storage client; spelt out, as the ports may not be the usual ones."""
        services = {"Blob": self.blob_port, "Queue": self.queue_port, "Table": self.table_port}
        endpoints = "".join(f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT};" for name, port in services.items())
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"

    def start(self) -> Self:
        """Start it and wait until it answers. Raises AzuriteError when it is missing, a port is taken, or it dies."""
        if self.process and self.process.poll() is None:
            return self
        if not self.executable.exists():
            raise AzuriteError(f"Azurite is not installed ({self.executable} does not exist): run `npm ci`.")
        if shutil.which("node") is None:
            raise AzuriteError("Node.js was not found on the PATH, and Azurite needs it: install Node.js 20 or later.")
        for port in self._ports():
            if _accepts(port):
                raise AzuriteError(f"Port {port} on 127.0.0.1 is taken, perhaps by another Azurite: choose other ports.")
        with self._open_log() as log:
            self.process = subprocess.Popen(  # noqa: S603  # the project's own pinned program, arguments are ours
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self._wait_until_answering(self.process)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop it, by force if it has not gone within ten seconds."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ports(self) -> tuple[int, int, int]:
        return self.blob_port, self.queue_port, self.table_port

    def _command(self) -> list[str]:
        command = [str(self.executable), "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        for service, port in zip(("blob", "queue", "table"), self._ports(), strict=True):
            command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
        return [*command, "--location", str(self.location)] if self.location else [*command, "--inMemoryPersistence"]

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[int]:
        path = self.log_file or Path(os.devnull)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            yield log.fileno()

    def _wait_until_answering(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting_for = list(self._ports())
        while waiting_for:
            if process.poll() is not None:
                raise AzuriteError(f"Azurite ended with code {process.returncode} while starting; log: {self.log_file}")
            if time.monotonic() > deadline:
                raise AzuriteError(f"Azurite did not answer on port {waiting_for[0]} within {START_SECONDS} seconds.")
            if _answers(waiting_for[0]):
                waiting_for.pop(0)
            else:
                time.sleep(0.05)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(port: int) -> bool:
    """Any HTTP answer counts, a refusal as well: the service is up."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{ACCOUNT}", timeout=1):
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except OSError:
        return False
