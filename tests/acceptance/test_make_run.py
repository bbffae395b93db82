"""`make run` as a new user meets it: it comes up, shows the examples arriving, ends on Ctrl-C, goes on where it was left."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.console_walk import Walk

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ("HOST_PORT", "SANDBOX_PORT", "AZURITE_BLOB_PORT", "AZURITE_QUEUE_PORT", "AZURITE_TABLE_PORT", "SMTP_PORT")
NOT_OURS = (".git", ".venv", ".local", "node_modules", "tests", "local.settings.json", "__pycache__", ".*_cache", ".hypothesis")
STOP_SECONDS = 60


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Checkout:
    """A copy of the project with nothing in it of earlier runs, and ports of its own."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_OURS))
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        self.folder = folder
        self.ports = dict(zip(VARIABLES, free_ports(len(VARIABLES)), strict=True))
        plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.environment = plain | {name: str(port) for name, port in self.ports.items()} | {"HOST": "devhost"}

    @contextmanager
    def running(self) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """`make run`, up and ready; and what it has printed until then."""
        command = [sys.executable, "-m", "local.run"]
        process = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            yield process, self._until_ready(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=STOP_SECONDS)

    @staticmethod
    def _until_ready(process: subprocess.Popen[str]) -> str:
        printed = ""
        assert process.stdout is not None
        for line in process.stdout:
            printed += line
            if line.startswith("Ready."):
                return printed
        pytest.fail(f"it ended before it was ready:\n{printed}")

    def get(self, variable: str, path: str) -> tuple[int, Any]:
        """What an address of the running system answers, as JSON where it is JSON."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[variable]}{path}", headers={"X-API-KEY": self.key})
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # our own process on 127.0.0.1
            text = answer.read().decode()
            return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] else text

    @property
    def key(self) -> str:
        """The API key of this machine."""
        values = json.loads((self.folder / "local.settings.json").read_text())["Values"]
        return str(json.loads(values["API_KEYS"])[0]["key"])

    def listening(self) -> list[str]:
        """The ports of ours that somebody listens on."""
        found = []
        for name, port in self.ports.items():
            with closing(socket.socket()) as probe:
                found += [name] if probe.connect_ex(("127.0.0.1", port)) == 0 else []
        return found


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh copy."""
    return Checkout(tmp_path / "puente")


def test_make_run_shows_everything_and_stops_everything(checkout: Checkout) -> None:
    """Up, examples in Odoo, a second one refused, Ctrl-C, up again with the same data, and nothing left after `make clean`."""
    with checkout.running() as (process, printed):
        examples = len(list((checkout.folder / "local" / "examples").glob("[0-9]*-*.json")))
        assert examples >= 2, "there are no examples"
        assert printed.count("queued ") >= examples
        assert printed.count("synced ") >= examples
        assert [line for line in printed.splitlines() if "refused" in line or "did not " in line] == []
        assert "“Ana, recibimos tu solicitud”, delivered" in printed
        assert "the row in the Google Sheet is in step" in printed
        assert "“Hola Ana Demo, gracias por tu interés" in printed
        assert "is asked by WhatsApp, and answers A" in printed
        assert "onboarding completed" in printed
        assert "one event in google" in printed
        assert "its result is in the process's task" in printed
        inbox = checkout.get("SANDBOX_PORT", "/_sandbox/inbox")[1]
        kinds = {item["kind"] for person in inbox["people"] for item in person["items"]}
        assert kinds == {"mail", "call", "whatsapp", "chat"}, "the welcome, the call, the confirmation, the message of HubSpot"
        assert checkout.get("HOST_PORT", "/health")[0] == 200
        status, page = checkout.get("SANDBOX_PORT", "/")
        assert (status, "<html" in page) == (200, True)
        people = checkout.get("HOST_PORT", "/api/v1/contacts/")[1]
        assert people["total"] >= 1
        console = Walk(f"http://127.0.0.1:{checkout.ports['HOST_PORT']}", checkout.key)
        assert (console.without_rows(), console.empty_records()) == ([], []), "every page of the console opens with data"

        second = subprocess.run(
            [sys.executable, "-m", "local.run"], cwd=checkout.folder, env=checkout.environment,
            capture_output=True, text=True, check=False, timeout=STOP_SECONDS,
        )  # fmt: skip
        assert second.returncode == 1
        assert f"{checkout.ports['HOST_PORT']} (set HOST_PORT to another)" in second.stderr

        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=STOP_SECONDS)[0]
        assert process.returncode == 0
        assert "Everything is stopped" in rest
    assert checkout.listening() == []

    with checkout.running() as (_, printed):
        assert "did not arrive" not in printed
        again = checkout.get("HOST_PORT", "/api/v1/contacts/")[1]
        found = {row["id"]: row["created_at"] for row in again["items"]}
        assert found.items() >= {row["id"]: row["created_at"] for row in people["items"]}.items(), "beside those of this time"
    assert checkout.listening() == []

    subprocess.run(["make", "clean"], cwd=checkout.folder, env=checkout.environment, check=True, capture_output=True)
    assert [path.name for path in (checkout.folder / ".local").iterdir()] == []
