"""The lock of a timer, as the host takes it: a blob with a lease, so that of several hosts of one app one runs the timer.

A host that is killed leaves its lease behind; it ends by itself, and the others look again from time to time.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from devhost.settings import Settings, SettingsError
from devhost.storage import Storage, StorageError

logger = logging.getLogger("devhost")

CONTAINER = "azure-webjobs-hosts"
SHORTEST_LEASE, LONGEST_LEASE = 15, 60  # what the service takes
RETRY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class LockTimes:
    """For how long a lock is leased, and how often a host that does not have it looks again; in seconds."""

    lease: int = LONGEST_LEASE
    look: float = 60.0


def lock_times(settings: Settings) -> LockTimes:
    """The host's own times, or DEVHOST_TIMER_LEASE_SECONDS and DEVHOST_TIMER_LOOK_SECONDS. Raises SettingsError."""
    lease = settings.get("DEVHOST_TIMER_LEASE_SECONDS") or str(LockTimes.lease)
    if not lease.isdecimal() or not SHORTEST_LEASE <= int(lease) <= LONGEST_LEASE:
        raise SettingsError(f"DEVHOST_TIMER_LEASE_SECONDS must be {SHORTEST_LEASE} to {LONGEST_LEASE}, not '{lease}'.")
    look = settings.get("DEVHOST_TIMER_LOOK_SECONDS") or f"{LockTimes.look:g}"
    if not look.isdecimal() or not 1 <= int(look) <= LockTimes.look:
        raise SettingsError(f"DEVHOST_TIMER_LOOK_SECONDS must be 1 to {LockTimes.look:g}, not '{look}'.")
    return LockTimes(lease=int(lease), look=float(look))


class TimerLock:
    """One timer's lock. `take` it, and while it `is_held` this host may begin runs; a task renews it at half of the lease."""

    def __init__(
        self, storage: Storage, name: str, lease_seconds: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.storage, self.blob, self.lease_seconds, self._monotonic = storage, f"locks/{name}", lease_seconds, monotonic
        self.lost = asyncio.Event()
        self._lease: str | None = None
        self._ends = 0.0
        self._renewal: asyncio.Task[None] | None = None

    @property
    def is_held(self) -> bool:
        """Whether it is ours now. A host that stood still for longer than the lease knows by its clock that it is not."""
        return self._lease is not None and self._monotonic() < self._ends

    async def take(self) -> bool:
        """Take it; False where another host has it. Raises StorageError when it cannot be asked for."""
        asked = self._monotonic()
        try:
            lease = await self._lease_blob()
        except StorageError as error:
            if error.code == "LeaseAlreadyPresent":
                return False
            raise
        self._lease, self._ends = lease, asked + self.lease_seconds
        self.lost.clear()
        self._renewal = asyncio.create_task(self._keep(lease))
        return True

    async def give_back(self) -> None:
        """Let another host have it at once. Harmless where it is not held; where storage is away, its lease ends by itself."""
        lease, self._lease = self._lease, None
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        if lease is not None:
            with contextlib.suppress(StorageError):
                await self.storage.release_lease(CONTAINER, self.blob, lease)

    async def _lease_blob(self) -> str:
        try:
            return await self.storage.acquire_lease(CONTAINER, self.blob, self.lease_seconds)
        except StorageError as error:
            if error.status != 404:  # noqa: PLR2004  # HTTP
                raise
        with contextlib.suppress(StorageError):  # another host makes it too, and may hold its lease already
            await self.storage.write_blob(CONTAINER, self.blob, b"")
        return await self.storage.acquire_lease(CONTAINER, self.blob, self.lease_seconds)

    async def _keep(self, lease: str) -> None:
        """Renew at half of the lease, more often while storage is away; `lost` when it has ended or is another's."""
        pause = self.lease_seconds / 2
        while True:
            await asyncio.sleep(pause)
            asked = self._monotonic()
            try:
                await self.storage.renew_lease(CONTAINER, self.blob, lease)
            except StorageError as error:
                if 0 < error.status < 500 or not self.is_held:  # noqa: PLR2004  # HTTP
                    logger.warning("The lock %s is lost: %s", self.blob, error)
                    self._lease = None
                    self.lost.set()
                    return
                pause = RETRY_SECONDS
            else:
                self._ends, pause = asked + self.lease_seconds, self.lease_seconds / 2
