"""The whole system for a bench: Azurite, sandbox, migrated database, host; all on free ports of 127.0.0.1."""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient
from sqlalchemy import Engine, func, select

from bench.harness import BenchError
from devhost.azurite import Azurite
from devhost.testing import RunningHost, wait_until
from sandbox.testing import ODOO_DATABASE, ODOO_LOGIN, ODOO_PASSWORD, RunningSandbox
from shared.settings import setting_name, settings_class
from shared.store.migrate import upgrade
from shared.store.models import DeadLetter, InboxEvent, Opportunity
from shared.store.session import make_engine, reading

PROJECT = Path(__file__).resolve().parent.parent
KEY = "bench-key"
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 90

# What a developer has set for himself must not change what is measured.
DEFAULTS = (
    "odoo_api",
    "odoo_batch_size",
    "odoo_calls_per_second",
    "odoo_sync_mode",
    "delivery_lease_seconds",
    "dispatch_schedule",
    "retry_errored_schedule",
    "collect_poison_schedule",
    "log_level",
)


class Stack:
    """Everything but the host, which a bench starts as often as it needs. Use as a context manager."""

    def __enter__(self) -> Self:
        self._started = ExitStack()
        with ExitStack() as started:
            self.folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="puente-bench-")))
            # On disk: in memory it stands still for up to a minute when it tidies up thousands of messages, once a minute.
            self.azurite = started.enter_context(Azurite.on_free_ports(location=self.folder / "azurite"))
            self.sandbox = started.enter_context(RunningSandbox())
            self._template = self.folder / "template.db"
            engine = make_engine(f"sqlite:///{self._template}")
            upgrade(engine)
            engine.dispose()
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def queue(self, name: str) -> QueueClient:
        """A client of the SDK for one queue, which is there afterwards."""
        client = QueueClient.from_connection_string(self.azurite.connection_string, name)
        with suppress(ResourceExistsError):
            client.create_queue()
        return client

    def database(self, name: str) -> Engine:
        """A new database with the newest schema."""
        path = self.folder / f"{name}.db"
        shutil.copy(self._template, path)
        engine = make_engine(f"sqlite:///{path}")
        self._started.callback(engine.dispose)
        return engine

    def host(
        self, database: Engine, settings: Mapping[str, str] | None = None, *, disabled: tuple[str, ...] = ()
    ) -> RunningHost:
        """The host on `database`, not yet started."""
        environment = {setting_name(name): str(settings_class().model_fields[name].default) for name in DEFAULTS}
        environment |= {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "DATABASE_URL": str(database.url),
            "API_KEYS": json.dumps([{"name": "bench", "key": KEY, "scopes": ["admin"]}]),
            "ODOO_URL": self.sandbox.odoo_url,
            "ODOO_DB": ODOO_DATABASE,
            "ODOO_USERNAME": ODOO_LOGIN,
            "ODOO_PASSWORD": ODOO_PASSWORD,
        }
        environment |= {f"AzureWebJobs.{name}.Disabled": "1" for name in disabled}
        log = self.folder / f"host-{time.monotonic_ns()}.log"
        return RunningHost(PROJECT, environment | dict(settings or {}), log_file=log)


def handled(database: Engine) -> int:
    """How many events are committed. Raises BenchError when one has become a dead letter."""
    with reading(database) as session:
        dead = session.scalars(select(DeadLetter.error_message).limit(1)).one_or_none()
        count = session.scalar(select(func.count()).select_from(InboxEvent)) or 0
    if dead is not None:
        raise BenchError(f"an event became a dead letter: {dead}")
    return count


def wait_until_handled(database: Engine, events: int) -> None:
    """Return when that many events are committed."""
    wait_until(lambda: handled(database) >= events, PATIENCE_SECONDS, pause=POLL_SECONDS)


def wait_until_synced(database: Engine, people: int) -> None:
    """Return when that many opportunities are in Odoo as they are in SQL."""

    def synced() -> int:
        with reading(database) as session:
            query = select(func.count()).select_from(Opportunity).where(Opportunity.odoo_sync_status == "success")
            return session.scalar(query) or 0

    wait_until(lambda: synced() >= people, PATIENCE_SECONDS, pause=POLL_SECONDS)


def processor_seconds(host: RunningHost) -> float:
    """How much time the host's process has had on any core, in its own code and in the kernel's."""
    fields = Path(f"/proc/{pid(host)}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(host: RunningHost) -> float:
    """VmHWM: the most physical memory that the host's process has ever had."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid(host)}/status").read_text(), re.MULTILINE)
    if found is None:
        raise BenchError("the system does not say how much memory the host has used")
    return int(found[1]) / 1024


def pid(host: RunningHost) -> int:
    """The id of the host's process."""
    if host.process is None:
        raise BenchError("the host is not running")
    return host.process.pid
