"""The snapshot: what the vendors hold, in a JSON file, so that the next run continues with the same data."""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from sandbox.vendor import Vendor

QUIET_SECONDS = 1.0
SHARE_OF_TIME = 20
"""Writing takes at most about one part in so many of the time: a large state is written less often."""
FORMAT = 1


class SnapshotError(RuntimeError):
    """The file cannot be used; the text says why and what to do."""


@dataclass
class Snapshot:
    """Writes the state about a second after it changed, and when the server stops.

    The file is replaced in one step, so that a crash leaves the old one or the new one, never half of it.
    """

    path: Path
    _vendors: Mapping[str, Vendor] = field(default_factory=dict)
    _saved: dict[str, int] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _pause_seconds: float = QUIET_SECONDS

    def attach(self, app: web.Application, vendors: Mapping[str, Vendor]) -> None:
        """Restore the vendors from the file, if there is one, and keep it up to date while `app` runs."""
        self._vendors = vendors
        self.load()
        app.cleanup_ctx.append(self._while_running)

    def touch(self) -> None:
        """Say that something may have changed."""
        if self._revisions() != self._saved:
            self._changed.set()

    def load(self) -> None:
        """Restore the vendors from the file. Raises SnapshotError when it is there and cannot be understood."""
        if self.path.exists():
            try:
                saved = json.loads(self.path.read_text())
                if saved["format"] != FORMAT:
                    raise SnapshotError(f"{self.path} is of another version of the sandbox: delete it (`make clean`).")
                for name, state in saved["vendors"].items():
                    if name in self._vendors:
                        self._vendors[name].restore(state)
            except (ValueError, KeyError, TypeError) as error:
                raise SnapshotError(f"{self.path} is no snapshot of the sandbox ({error!r}): delete it.") from error
        self._saved = self._revisions()

    def save(self) -> None:
        """Write the file now, unless nothing has changed since it was written or read."""
        revisions = self._revisions()
        if revisions == self._saved and self.path.exists():
            return
        started = time.perf_counter()
        state = {"format": FORMAT, "vendors": {name: vendor.dump() for name, vendor in self._vendors.items()}}
        _replace(self.path, json.dumps(state, separators=(",", ":")))
        self._saved = revisions
        self._pause_seconds = max(QUIET_SECONDS, (time.perf_counter() - started) * SHARE_OF_TIME)

    def _revisions(self) -> dict[str, int]:
        return {name: vendor.revision for name, vendor in self._vendors.items()}

    async def _while_running(self, _app: web.Application) -> AsyncIterator[None]:
        writer = asyncio.create_task(self._write_after_changes())
        yield
        writer.cancel()
        with suppress(asyncio.CancelledError):
            await writer
        self.save()

    async def _write_after_changes(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(self._pause_seconds)
            self._changed.clear()
            self.save()


def _replace(path: Path, text: str) -> None:
    """Put `text` in the place of the file at `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
