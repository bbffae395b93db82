"""Several hosts of one app, one Azurite, and a PostgreSQL that gives them twenty connections, fewer than they want."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, create_engine, func, make_url, select, text
from sqlalchemy.orm import Session

from devhost.testing import PROJECT, RunningHost, wait_until
from sandbox.testing import RunningSandbox
from shared.outbox import plan
from shared.store.models import Delivery, InboxEvent
from tests.crash.load import Sent
from tests.crash.rig import Rig, Senders
from tests.scale import letters

CONNECTIONS = 20
BACKLOG = 2_000
DATABASE = ROLE = "puente_scale"
EVERY_FIVE = "*/5 * * * * *"
APP = """
from tests.scale import letters

letters.register()

import functions
from shared.bootstrap import build_app

app = build_app(functions)
"""
WEBHOOKS = ("manychat_contact_webhook", "manychat_opportunity_webhook")
TIMERS = tuple(json.loads((PROJECT / "infra" / "flows.json").read_text("utf-8"))["timers"])
_RUN = re.compile(r"^(\d\d):(\d\d):(\d\d\.\d{3}) \w+ +(\w+) \S+ (?:Succeeded in|Failed after) (\d+) ms", re.MULTILINE)
_FIRED = re.compile(r"Timer (\w+) fired for (\S+)")
_PUT_BACK = re.compile(r"failed \(attempts (\d+)\), again in \d+ s: (.*)")
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Run:
    """One run of a timer, in seconds of the day (the next one, where midnight passed)."""

    start: float
    end: float


@contextmanager
def small_database(server: str) -> Iterator[tuple[str, str]]:
    """A database beside the named one: its URL for the hosts, who share `CONNECTIONS`, and for the test, which may look in."""
    url = make_url(server)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in (
            f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)",
            f"DROP ROLE IF EXISTS {ROLE}",
            f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT {CONNECTIONS}",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
        ):
            connection.execute(text(statement))
    try:
        yield _shown(url.set(database=DATABASE, username=ROLE)), _shown(url.set(database=DATABASE))
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {DATABASE} WITH (FORCE)"))
            connection.execute(text(f"DROP ROLE {ROLE}"))
        engine.dispose()


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


class Fleet(Rig):
    """`count` hosts, not started. The first also stands at the door, before the others are there."""

    def __init__(self, place: Path, storage: str, sandbox: RunningSandbox, urls: tuple[str, str], office: str) -> None:
        hosts_url, own_url = urls
        super().__init__(place, storage, sandbox, url=own_url)
        with self.engine.begin() as connection:  # the schema was made by the test; the hosts may use all of it
            connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}"))
            connection.execute(text(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}"))
        self.place = place
        self.environment |= {
            "DATABASE_URL": hosts_url,
            "DATABASE_POOL_WAIT_SECONDS": "2",
            "PYTHON_THREADPOOL_THREAD_COUNT": "24",  # as in Azure
            letters.ADDRESS_VARIABLE: office,
            "DISPATCH_SCHEDULE": EVERY_FIVE,
            "RETRY_ERRORED_SCHEDULE": EVERY_FIVE,
            "COLLECT_POISON_SCHEDULE": EVERY_FIVE,
            "WATCH_SCHEDULE": EVERY_FIVE,
            "RETENTION_SCHEDULE": "0 * * * * *",  # once a minute: its status is kept
            "DELIVERY_LEASE_SECONDS": "15",
            "DEVHOST_QUEUE_LEASE_SECONDS": "10",
            "ODOO_TIMEOUT_SECONDS": "20",
        }
        self.app = self._app()
        self.hosts: list[RunningHost] = []

    def _app(self) -> Path:
        folder = self.place / "app"
        folder.mkdir()
        shutil.copy(PROJECT / "host.json", folder)
        (folder / "function_app.py").write_text(APP)
        return folder

    def host_of(self, number: int, *arguments: str) -> RunningHost:
        """A host of this fleet, not started; all of them have one id, so they are one app."""
        log = self.place / f"host-{number}.log"
        return RunningHost(self.app, self.environment, log_file=log, arguments=("--no-reload", *arguments))

    @contextmanager
    def filling(self, posts: Sequence[Sent], seconds: float) -> Iterator[dict[str, Sent]]:
        """The events that are accepted, by their ids: a backlog at the beginning, and as many more as are handled.

        Azurite looks through the whole of a queue for each message, so a backlog of all would take it hours.
        """
        accepted: dict[str, Sent] = {}

        def is_full() -> bool:
            return len(accepted) - self.handled() >= BACKLOG

        with (
            self.host_of(99, "--functions", *WEBHOOKS) as door,
            Senders(door, posts, holds_back=is_full) as sending,
        ):
            accepted = sending.accepted
            wait_until(lambda: sending.done or is_full(), seconds, pause=0.2)
            yield accepted
            wait_until(lambda: sending.done, seconds, pause=0.2)

    def write(self, count: int) -> None:
        """Plan so many letters, due now."""
        letter = letters.register()
        with Session(self.engine) as session, session.begin():
            for number in range(count):
                plan.message(session, letter, f"m{number}", f"letter {number}", None)

    def handled(self) -> int:
        """How many events are in the record."""
        with Session(self.engine) as session:
            return session.scalar(select(func.count()).select_from(InboxEvent)) or 0

    def attempts_of_letters(self) -> dict[int, int]:
        """How many letters took how many attempts."""
        with Session(self.engine) as session:
            query = select(Delivery.attempts, func.count()).where(Delivery.target == letters.TARGET)
            return {row[0]: row[1] for row in session.execute(query.group_by(Delivery.attempts))}

    @property
    def logs(self) -> str:
        """What all hosts have printed."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.place.glob("host-*.log")))

    def put_back(self) -> list[tuple[int, str]]:
        """Every time that an event was put back: the attempts it had spent, and why."""
        return [(int(attempts), why) for attempts, why in _PUT_BACK.findall(self.logs)]

    def times(self, timer: str) -> list[str]:
        """The times of a timer for which it has run, on whichever host, as its schedule has them."""
        return [moment for name, moment in _FIRED.findall(self.logs) if name == timer]

    def runs(self, timer: str) -> list[Run]:
        """The runs of a timer, on whichever host, in order."""
        found = [_run(match) for match in _RUN.finditer(self.logs) if match[4] == timer]
        if found and max(run.end for run in found) - min(run.end for run in found) > DAY_SECONDS / 2:
            late = timedelta(days=1).total_seconds()
            found = [Run(run.start + late, run.end + late) if run.end < DAY_SECONDS / 2 else run for run in found]
        return sorted(found, key=lambda run: run.start)


def _run(match: re.Match[str]) -> Run:
    end = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])
    return Run(end - int(match[5]) / 1000, end)
