"""The whole API in the running host, held against its own description by a program that knows nothing but the description."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devhost.testing import wait_until
from shared import clock
from shared.store.models import Delivery
from shared.store.session import make_engine, transact
from tests.support.puente import Puente, running
from tests.support.world import LOCAL_KEY, contact, opportunity

pytestmark = [pytest.mark.host, pytest.mark.slow]

SECONDS = 30
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
]
HOOKS = "/api/v1/manychat/webhook"


@pytest.fixture(scope="module")
def puente(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Puente]:
    """One with something of every kind in it, each with the number 1."""
    with running(tmp_path_factory.mktemp("schemathesis")) as puente:
        puente.ask("POST", "/api/v1/channels", {"name": "WhatsApp"})
        puente.ask("POST", "/api/v1/advisors", {"name": "Carla"})
        puente.ask("POST", "/api/v1/campaigns", {"name": "Marzo", "date_start": "2026-03-01"})
        puente.ask("POST", f"{HOOKS}/contact", contact("1", canal_entrada="WhatsApp"))
        puente.ask("POST", f"{HOOKS}/crm-opportunity", opportunity("1"))
        assigned = {"manychat_id": "1", "datetime_actual": "2026-03-01", "comercial_id": 1}
        for campaign in (1, 999):  # the second is not there: a dead letter
            puente.ask("POST", f"{HOOKS}/campaign-assignment", assigned | {"campaign_id": campaign})
        wait_until(lambda: puente.items("/api/v1/crm/opportunities?odoo_sync_status=success"))
        wait_until(lambda: puente.items("/api/v1/dead-letters"))
        _add(puente.database, Delivery(kind="message", target="t", action="a", subject="1", state="dead", due_at=clock.now()))
        yield puente


def _add(database: str, row: Any) -> None:
    engine = make_engine(database)
    transact(lambda session: session.add(row), engine)
    engine.dispose()


def test_no_answer_is_a_failure_or_undocumented(puente: Puente) -> None:
    """Whatever is sent, valid, invalid, and in chains of calls: no 5xx, every status, header and body as described."""
    description = f"{puente.host.base_url}/api/openapi.json"
    options = ["--checks", ",".join(CHECKS), "--max-time", str(SECONDS), "--request-timeout", "30", "--continue-on-failure"]
    options += ["--exclude-tag", "Webhooks"]  # tests/fuzz sends them what it makes up
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", description, "-H", f"X-API-KEY: {LOCAL_KEY}", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 3,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("as_pdf.py"))},
    )
    report = done.stdout + done.stderr
    assert done.returncode == 0, report[-20_000:]
    _status, _headers, body = puente.ask("GET", "/api/openapi.json")
    described = [operation for methods in json.loads(body)["paths"].values() for operation in methods.values()]
    operations = sum("Webhooks" not in operation["tags"] for operation in described)
    assert f"Tested: {operations}" in report
    sent = re.search(r"(\d+) generated", report)
    assert sent, report[-5000:]
    assert int(sent[1]) > 5 * operations
    assert "failed unexpectedly" not in puente.host.log
