"""The sandbox for tests: `RunningSandbox` is a process, `InProcessSandbox` a thread, `SandboxClient` any that runs."""

import asyncio
import http.client
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from sandbox.app import SANDBOX, create_app
from sandbox.odoo.database import NAME
from sandbox.settings import app_settings
from sandbox.smtp import PASSWORD, USER

ROOT = Path(__file__).resolve().parent.parent
WAIT_SECONDS = 20.0
ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD, ODOO_KEY = NAME, "admin", "admin", "sandbox-odoo-key"


class SandboxError(RuntimeError):
    """The sandbox did not come up, or refused what it was asked; the text says why."""


class SandboxClient:
    """The controls of a sandbox that listens at `url`."""

    def __init__(self, url: str = "") -> None:
        self.url = url

    @property
    def odoo_url(self) -> str:
        """The base address of its Odoo."""
        return f"{self.url}/odoo"

    def settings(self) -> dict[str, str]:
        """The app's settings, by their names, with which it talks to this sandbox (Kommo, Notion, Discord, the calendars)."""
        return app_settings(self.url)

    def calls(self, vendor: str | None = None, *, since: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Calls received, oldest first."""
        query = {"vendor": vendor, "since": since, "limit": limit}
        return list(self._ask("GET", "/_sandbox/calls", query)["items"])

    def call_count(self, vendor: str | None = None) -> int:
        """How many calls there were since the last reset."""
        return int(self._ask("GET", "/_sandbox/calls", {"vendor": vendor, "limit": 0})["total"])

    def records(self, kind: str, *, vendor: str = "odoo", **filters: Any) -> list[dict[str, Any]]:
        """Records of one kind; `filters` are fields, and `limit`."""
        return list(self._ask("GET", f"/_sandbox/{vendor}/{kind}", filters)["items"])

    def leads(self, **filters: Any) -> list[dict[str, Any]]:
        """Odoo's leads, archived ones too."""
        return self.records("crm.lead", **filters)

    def fault(self, mode: str, *, vendor: str = "odoo", **more: Any) -> dict[str, Any]:
        """Set a fault; `more` are `rate`, `seconds`, `count`, `seed`, `status`, `only`."""
        return dict(self._ask("PUT", f"/_sandbox/faults/{vendor}", body={"mode": mode, **more}))

    def faults(self) -> dict[str, Any]:
        """The faults that are set."""
        return dict(self._ask("GET", "/_sandbox/faults"))

    def act(self, vendor: str, action: str, **given: Any) -> dict[str, Any]:
        """Have a vendor do something: its `result`, and the `webhooks` that it sent, each tried once."""
        return dict(self._ask("POST", f"/_sandbox/{vendor}/{action}", body=given))

    def webhooks(self, vendor: str | None = None, *, state: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Webhooks sent, oldest first; `state` is waiting, held, delivered or failed."""
        return list(self._ask("GET", "/_sandbox/webhooks", {"vendor": vendor, "state": state, "since": since})["items"])

    def send_again(self, webhook_id: int) -> dict[str, Any]:
        """Have a webhook sent once more, whatever became of it."""
        return dict(self._ask("POST", f"/_sandbox/webhooks/{webhook_id}/again"))

    def webhook_manner(self, **manner: Any) -> dict[str, Any]:
        """Say how webhooks go from now on: `delay_seconds`, `copies`, `order`, `hold`, `seed`; what is not said is as usual."""
        return dict(self._ask("PUT", "/_sandbox/webhooks", body=manner))

    def release_webhooks(self) -> list[dict[str, Any]]:
        """Let go the webhooks that are held, and wait until each was tried; in the order in which they went."""
        return list(self._ask("POST", "/_sandbox/webhooks/release")["items"])

    def configure(self, app_url: str, **secrets: str) -> None:
        """Say where the app listens, and by vendor what its webhooks are signed with."""
        self._ask("PUT", "/_sandbox/config", body={"app_url": app_url, "secrets": secrets})

    def reset(self, **options: Any) -> None:
        """Forget records, calls and faults; `custom_fields=False` and `stages=False` as in an Odoo not yet set up."""
        self._ask("DELETE", "/_sandbox", body=options)

    def _ask(self, method: str, path: str, query: dict[str, Any] | None = None, body: Any = None) -> Any:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        address = f"{self.url}{path}?{urllib.parse.urlencode(given)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data=data, method=method)  # noqa: S310  # our own server, http
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:  # noqa: S310  # as above
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise SandboxError(f"{method} {path}: {error.status} {error.read().decode()}") from error
        except (OSError, http.client.HTTPException) as error:
            raise SandboxError(f"{method} {path}: {error!r}") from error


class RunningSandbox(SandboxClient):
    """A sandbox process on a free port (or on `port`), ready when `start` returns. Usable as a context manager.

    After `stop` or `kill` it can be started again; it then listens on the same port, and with a `state` file has its records.
    """

    def __init__(self, *, port: int = 0, state: Path | None = None, latency_ms: float = 0, app_url: str | None = None) -> None:
        super().__init__()
        self.port, self.state, self.latency_ms, self.app_url = port, state, latency_ms, app_url
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it and wait until it answers. Raises SandboxError with what it said when it does not."""
        if self.process is not None:
            return self
        command = [sys.executable, "-m", "sandbox", "--port", str(self.port), "--latency-ms", str(self.latency_ms)]
        if self.state:
            command += ["--state", str(self.state)]
        if self.app_url:
            command += ["--app-url", self.app_url]
        self.process = subprocess.Popen(  # noqa: S603  # our own program
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        line = self.process.stdout.readline() if self.process.stdout else ""
        if "http://" not in line:
            said = line + (self.process.communicate(timeout=WAIT_SECONDS)[0] or "")
            self.process = None
            raise SandboxError(said.strip() or "the sandbox stopped without a word")
        self.url = line.split()[4].rstrip("/")
        self.port = int(self.url.rpartition(":")[2])
        return self

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and wait until it is gone. Harmless when it is not running."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        process.communicate(timeout=WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()


class InProcessSandbox(SandboxClient):
    """A sandbox in a thread of this process, on a free port; up in milliseconds. Usable as a context manager."""

    def __init__(self, *, latency_seconds: float = 0.0) -> None:
        super().__init__()
        self.smtp_url = ""
        self._latency_seconds = latency_seconds
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(WAIT_SECONDS):
            raise SandboxError("the sandbox did not come up")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it. Harmless when it is stopped already."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(WAIT_SECONDS)
            self._loop.close()

    async def _serve(self) -> None:
        app = create_app(latency_seconds=self._latency_seconds, smtp_port=0)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        app[SANDBOX].configure(replace(app[SANDBOX].config, own_url=self.url))
        self.smtp_url = f"smtp://{USER}:{PASSWORD}@127.0.0.1:{app[SANDBOX].smtp_port}"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()
