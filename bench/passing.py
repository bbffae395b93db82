"""Events through webhook and handler in this process, on a fresh database, with nothing put on a queue."""

import asyncio
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import azure.functions as func
from sqlalchemy import Engine, event, select
from sqlalchemy import func as func_sql

from shared import logs
from shared.settings import get_settings
from shared.store.models import Base

KEY = "local-dev-key-for-the-bench"
ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "API_KEYS": json.dumps([{"name": "bench", "key": KEY, "scopes": ["webhook:manychat"]}]),
    "ODOO_URL": "http://127.0.0.1:9/odoo",
    "ODOO_DB": "puente",
    "ODOO_USERNAME": "admin",
    "ODOO_PASSWORD": "admin",
}


class _Out:
    """An output binding that keeps what is set."""

    value = b""

    def set(self, value: bytes) -> None:
        """Keep it."""
        self.value = value


@dataclass(frozen=True)
class Passage:
    """What events took on their way: `statements` and processor time of handlers, rows and bytes of the database."""

    events: int
    statements: float
    rows: float
    database_bytes: float
    processor_ms: float


def pass_events(people: int) -> Passage:
    """Let each of `people` be reported and then reach a stage, at the default log level; what that took for an event."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        with mock.patch.dict(os.environ, ENVIRONMENT | {"DATABASE_URL": url}), mock.patch("shared.queues.send"):
            return _passed(people)


def _passed(people: int) -> Passage:
    from functions import contacts, opportunities
    from shared.intake.inbox import handle
    from shared.store.migrate import upgrade
    from shared.store.session import get_engine

    get_settings.cache_clear()
    get_engine.cache_clear()
    engine = get_engine()
    upgrade(engine)
    logs.configure(get_settings().log_level, get_settings().log_format)
    try:
        pages = ((contacts, _contact), (opportunities, _opportunity))
        accepted = [(page, asyncio.run(_accepted(page.WEBHOOK, body(n)))) for n in range(people) for page, body in pages]
        counted: list[str] = []
        event.listen(engine, "before_cursor_execute", lambda _c, _cursor, text, *_more: counted.append(text))
        before, began = _size(engine), time.process_time()
        for page, message in accepted:
            handle(page.HANDLER, func.QueueMessage(body=message))
        used, after = time.process_time() - began, _size(engine)
        events = len(accepted)
        statements = [text for text in counted if not text.startswith(("BEGIN", "PRAGMA", "SELECT count(*) FROM"))]
        rows, size = after[0] - before[0], after[1] - before[1]
        return Passage(events, len(statements) / events, rows / events, size / events, 1000 * used / events)
    finally:
        engine.dispose()
        get_engine.cache_clear()
        get_settings.cache_clear()


def _size(engine: Engine) -> tuple[int, int]:
    """Rows of all tables, and bytes of the file."""
    with engine.connect() as connection:
        rows = sum(connection.scalar(select(func_sql.count()).select_from(table)) or 0 for table in Base.metadata.sorted_tables)
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return rows, int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())


async def _accepted(webhook: Any, body: dict[str, Any]) -> bytes:
    out = _Out()
    headers = {"X-API-KEY": KEY, "content-type": "application/json"}
    answer = await webhook.accept(func.HttpRequest("POST", "/", headers=headers, body=json.dumps(body).encode()), out)
    if answer.status_code != 202:  # noqa: PLR2004  # accepted
        raise RuntimeError(f"refused: {answer.status_code} {answer.get_body().decode()}")
    return out.value


def _contact(number: int) -> dict[str, Any]:
    return {"manychat_id": f"m{number}", "nombre_lead": "Ana", "datetime_actual": "2026-03-01T10:00:00Z"}


def _opportunity(number: int) -> dict[str, Any]:
    state = {"stage_id": 16, "summary": None, "date": "2026-03-01T10:01:00Z"}
    return {"manychat_id": f"m{number}", "first_name": "Ana", "state": state}
