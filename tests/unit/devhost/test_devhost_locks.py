"""The lock of a timer: one holder, renewed while it lives, lost when its lease ends, and known to be lost."""

import asyncio
import uuid

import pytest

from devhost.locks import LockTimes, TimerLock, lock_times
from devhost.settings import Settings, SettingsError
from devhost.storage import StorageError


class Service:
    """One blob with a lease that ends, on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.exists = self.is_away = False
        self.lease, self.ends = "", 0.0
        self.renewed_at: list[float] = []
        self.asked = asyncio.Event()

    def monotonic(self) -> float:
        return self.now

    async def acquire_lease(self, _container: str, _name: str, seconds: int) -> str:
        self._answer()
        if not self.exists:
            raise StorageError("PUT", 404, "BlobNotFound")
        if self.lease and self.now < self.ends:
            raise StorageError("PUT", 409, "LeaseAlreadyPresent")
        self.lease, self.ends = str(uuid.uuid4()), self.now + seconds
        return self.lease

    async def renew_lease(self, _container: str, _name: str, lease: str) -> None:
        self._answer()
        if lease != self.lease:
            raise StorageError("PUT", 409, "LeaseIdMismatchWithLeaseOperation")
        self.ends = self.now + 15
        self.renewed_at.append(self.now)

    async def release_lease(self, _container: str, _name: str, lease: str) -> None:
        self._answer()
        if lease == self.lease:
            self.lease = ""

    async def write_blob(self, _container: str, _name: str, _content: bytes) -> None:
        self._answer()
        self.exists = True

    async def until_asked(self, times: int) -> None:
        """Return when somebody has asked that often from now."""
        for _ in range(times):
            self.asked.clear()
            await asyncio.wait_for(self.asked.wait(), 1)

    def _answer(self) -> None:
        self.asked.set()
        if self.is_away:
            raise StorageError("PUT", 0, "refused")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Its clock moves by itself with each pause of a renewal, which is then over at once."""
    service, slept = Service(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        service.now += seconds
        await slept(0)

    monkeypatch.setattr("devhost.locks.asyncio.sleep", sleep)
    return service


def lock(service: Service) -> TimerLock:
    return TimerLock(service, "host/f.Listener", 15, service.monotonic)  # type: ignore[arg-type]


async def test_one_of_two_has_it_and_the_other_gets_it_when_it_is_given_back(service: Service) -> None:
    """The blob is made by the first who asks."""
    first, second = lock(service), lock(service)
    assert (await first.take(), await second.take()) == (True, False)
    await first.give_back()
    assert not first.is_held
    assert await second.take()
    await second.give_back()


async def test_it_is_renewed_at_half_of_the_lease(service: Service) -> None:
    """So it is still held long after the first lease would have ended."""
    held = lock(service)
    assert await held.take()
    await service.until_asked(5)
    assert held.is_held
    assert service.renewed_at[:4] == [7.5, 15.0, 22.5, 30.0]
    await held.give_back()


async def test_a_killed_holder_has_it_until_the_lease_ends(service: Service) -> None:
    """Nobody renews it any more; then the next one who looks gets it."""
    killed, other = lock(service), lock(service)
    assert await killed.take()
    assert killed._renewal is not None
    killed._renewal.cancel()
    service.now = 14.9
    assert not await other.take()
    service.now = 15.0
    assert await other.take()
    await other.give_back()


async def test_a_holder_that_stood_still_knows_that_it_has_lost_it(service: Service) -> None:
    """Before it asks anybody, by its own clock; and when it asks, it is told, and says so to who waits."""
    stopped, other = lock(service), lock(service)
    assert await stopped.take()
    service.now = 16.0
    assert not stopped.is_held
    assert await other.take()
    await asyncio.wait_for(stopped.lost.wait(), 1)
    assert other.is_held
    await other.give_back()


async def test_storage_that_is_away_is_asked_until_the_lease_has_ended(service: Service) -> None:
    """An outage shorter than the lease is no loss; a longer one is."""
    held = lock(service)
    assert await held.take()
    service.is_away = True
    await service.until_asked(2)
    assert held.is_held
    await asyncio.wait_for(held.lost.wait(), 1)
    assert service.now >= 15
    assert not held.is_held


async def test_a_lock_that_cannot_be_asked_for_is_no_answer(service: Service) -> None:
    """The caller waits for storage; it does not take it for another host's."""
    service.is_away = True
    with pytest.raises(StorageError):
        await lock(service).take()


def test_times_are_the_hosts_own_unless_they_are_set() -> None:
    """A minute, looked at again every minute; a lease that the service would refuse is refused at the start."""
    assert lock_times(Settings({})) == LockTimes(lease=60, look=60.0)
    short = {"DEVHOST_TIMER_LEASE_SECONDS": "15", "DEVHOST_TIMER_LOOK_SECONDS": "1"}
    assert lock_times(Settings(short)) == LockTimes(lease=15, look=1.0)
    for name, text in (("LEASE", "14"), ("LEASE", "61"), ("LEASE", "x"), ("LOOK", "0"), ("LOOK", "61")):
        with pytest.raises(SettingsError, match=f"DEVHOST_TIMER_{name}_SECONDS"):
            lock_times(Settings({f"DEVHOST_TIMER_{name}_SECONDS": text}))
