"""The whole of Puente on one machine, with a host that is killed: real Azurite, SQLite, the sandbox's Odoo, real processes."""

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from devhost.testing import PROJECT, RunningHost, wait_until
from sandbox.testing import ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD, RunningSandbox
from shared import queues
from shared.store import session as store
from shared.store.migrate import upgrade
from shared.store.models import DeadLetter, Delivery, InboxEvent
from tests.conftest import ENVIRONMENT
from tests.crash.load import Post
from tests.support.world import LOCAL_KEY

SENDERS = 4
QUIET_SECONDS = 90
OPEN = ("pending", "sending")
LATER = timedelta(hours=2)  # what is planned for another day waits for it; what failed is tried again sooner


class Rig:
    """One Puente. `environment` is what every start of the host gets; faults are added for each start.

    The database is a SQLite file of its own, unless there is a `url`.
    """

    def __init__(self, place: Path, storage: str, sandbox: RunningSandbox, *, url: str = "") -> None:
        self.sandbox = sandbox
        url = url or f"sqlite:///{place / 'puente.db'}"
        self.engine: Engine = store.make_engine(url)
        upgrade(self.engine)
        self.environment = ENVIRONMENT | {
            "AzureWebJobsStorage": storage,
            "DATABASE_URL": url,
            "ODOO_URL": sandbox.odoo_url,
            "ODOO_DB": ODOO_DATABASE,
            "ODOO_USERNAME": ODOO_LOGIN,
            "ODOO_PASSWORD": ODOO_PASSWORD,
            "ODOO_CALLS_PER_SECOND": "50",
            "ODOO_BATCH_SIZE": "20",
            "DISPATCH_SCHEDULE": "*/2 * * * * *",
            "RETRY_ERRORED_SCHEDULE": "1/2 * * * * *",
            "COLLECT_POISON_SCHEDULE": "*/2 * * * * *",
            "DELIVERY_LEASE_SECONDS": "3",
            "ODOO_TIMEOUT_SECONDS": "2",
            "DEVHOST_QUEUE_LEASE_SECONDS": "3",
            "DEVHOST_TIMER_LEASE_SECONDS": "15",  # the shortest that the service takes
            "DEVHOST_TIMER_LOOK_SECONDS": "1",
            "AzureFunctionsWebHost__hostid": place.name,  # the lock of an earlier test's host that was killed is none of ours
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
            # So many deaths within seconds would make poison of a message that is only unlucky.
            "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "50",
        }
        self.host = RunningHost(PROJECT, self.environment, log_file=place / "host.log")
        self.deaths: list[str] = []

    def start(self, faults: str = "") -> None:
        """Start the host with these faults in it."""
        self.host.environment = self.environment | {"PUENTE_FAULTS": faults}
        self.host.start(wait=False)

    def survive(self, sending: "Senders", faults: Iterable[str]) -> None:
        """Start the host with each of `faults` in turn, the next one when it has died; leave it running without any.

        A fault that has not killed the host when all is sent and handled leaves the list where it is.
        """
        for text in faults:
            self.start(text)
            wait_until(lambda: self.is_dead() or (sending.done and self.is_quiet(sending.accepted)), QUIET_SECONDS, pause=0.2)
            if not self.is_dead():
                self.host.stop()
                break
            self.note_death(text)
        self.start()

    def is_dead(self) -> bool:
        """Whether the host's process has ended."""
        return self.host.process is None or self.host.process.poll() is not None

    def note_death(self, why: str) -> None:
        """Remember what the host died of; anything but SIGKILL is not a death that was asked for."""
        process = self.host.process
        assert process is not None
        assert process.wait() == -signal.SIGKILL, self.host.log[-4000:]
        self.deaths.append(why)

    def is_quiet(self, accepted: Mapping[str, Post]) -> bool:
        """Whether every accepted event is stored or parked, nothing is due within hours, and no queue holds anything."""
        due = Delivery.due_at < datetime.now(UTC) + LATER
        with Session(self.engine) as session:
            stored = {*session.scalars(select(InboxEvent.event_id)), *session.scalars(select(DeadLetter.event_id))}
            open_count = session.scalar(select(func.count()).select_from(Delivery).where(Delivery.state.in_(OPEN), due))
        return stored >= accepted.keys() and not open_count and not self.leftovers()

    def leftovers(self) -> dict[str, int]:
        """Messages in every queue there is, hidden and poison ones too."""
        with QueueServiceClient.from_connection_string(
            self.environment["AzureWebJobsStorage"], api_version=queues.API_VERSION
        ) as service:
            found = {item.name: _length(service, item.name) for item in service.list_queues()}
        return {name: length for name, length in found.items() if length}

    def empty_storage(self) -> None:
        """Drop all queues: each test begins with none."""
        with QueueServiceClient.from_connection_string(
            self.environment["AzureWebJobsStorage"], api_version=queues.API_VERSION
        ) as service:
            for item in list(service.list_queues()):
                service.delete_queue(item.name)


def _length(service: QueueServiceClient, name: str) -> int:
    try:
        with service.get_queue_client(name) as client:
            return client.get_queue_properties().approximate_message_count or 0
    except ResourceNotFoundError:
        return 0


class Senders:
    """Sends a load as its senders would: whatever is not answered 202 is sent again, until it is.

    While `holds_back` says so nothing more is sent.
    """

    def __init__(
        self,
        host: RunningHost,
        posts: Iterable[Post],
        *,
        pace_seconds: float = 0,
        holds_back: Callable[[], bool] = lambda: False,
    ) -> None:
        self.host, self.pace_seconds, self._holds_back = host, pace_seconds, holds_back
        self.accepted: dict[str, Post] = {}
        self.refused: list[tuple[int, bytes]] = []
        self._waiting: SimpleQueue[Post] = SimpleQueue()
        for post in posts:
            self._waiting.put(post)
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SENDERS)]
        self._given_up = threading.Event()

    @property
    def done(self) -> bool:
        """Whether everything has been accepted."""
        return not any(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=30)
        while not self._given_up.is_set():
            try:
                post = self._waiting.get_nowait()
            except Empty:
                break
            while self._holds_back() and not self._given_up.is_set():
                time.sleep(0.2)
            while not self._accepted(connection, post) and not self._given_up.is_set():
                time.sleep(0.05)
            time.sleep(self.pace_seconds)
        connection.close()

    def _accepted(self, connection: http.client.HTTPConnection, post: Post) -> bool:
        headers = {"Content-Type": "application/json", "X-API-KEY": LOCAL_KEY}
        try:
            connection.request("POST", post.path, post.body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        return self._is_settled(post, answer.status, text)

    def _is_settled(self, post: Post, status: int, text: bytes) -> bool:
        """Whether an answer says that the event is stored; it is remembered then."""
        if status != 202:
            self.refused.append((status, text))
            return False
        self.accepted[json.loads(text)["event_id"]] = post
        return True


class Askers(Senders):
    """Sends what is answered with its result, and no event: 202, or 409 where it was taken before and the answer was lost.

    `answers` are the statuses of each body, in the order in which they came.
    """

    def __init__(self, host: RunningHost, posts: Iterable[Post], **more: Any) -> None:
        super().__init__(host, posts, **more)
        self.answers: dict[bytes, list[int]] = {}

    def _is_settled(self, post: Post, status: int, text: bytes) -> bool:
        if status not in (200, 202, 409):
            self.refused.append((status, text))
            return False
        self.answers.setdefault(post.body, []).append(status)
        return True
