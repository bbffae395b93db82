"""Events through webhook and handler in this process, on a fresh database, with nothing put on a queue."""

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import azure.functions as func

from shared import logs
from shared.settings import get_settings

KEY = "local-dev-key-for-the-bench"
ENVIRONMENT = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "API_KEYS": json.dumps([{"name": "bench", "key": KEY, "scopes": ["webhook"]}]),
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


def pass_events(people: int) -> int:
    """Let each of `people` be reported and then reach a stage, at the default log level; how many events that were."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        with mock.patch.dict(os.environ, ENVIRONMENT | {"DATABASE_URL": url}), mock.patch("shared.queues.send"):
            return _passed(people)


def _passed(people: int) -> int:
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
        for number in range(people):
            for page, body in ((contacts, _contact(number)), (opportunities, _opportunity(number))):
                handle(page.HANDLER, func.QueueMessage(body=asyncio.run(_accepted(page.WEBHOOK, body))))
    finally:
        engine.dispose()
        get_engine.cache_clear()
        get_settings.cache_clear()
    return 2 * people


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
