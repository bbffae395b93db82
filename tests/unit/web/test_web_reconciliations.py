"""Comparisons with Odoo, asked for over the API and carried out from their queue."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from functions import reconcile
from shared.store.models import ActionLog, Reconciliation
from shared.store.session import reading
from tests.unit.web.calls import Api

ADDRESS = "/api/v1/odoo/reconciliations"


def test_asked_for_is_on_its_queue_with_its_number(api: Api, storage: Any) -> None:
    """202 with the report's number and place; who asked is logged; without a word nothing is repaired."""
    answer = api.post(ADDRESS, body={}, key="write-key")
    assert (answer.status, answer.headers["location"]) == (202, f"{ADDRESS}/1")
    assert {name: answer.json[name] for name in ("id", "state", "dry_run", "asked_by", "completeness")} == {
        "id": 1,
        "state": "asked",
        "dry_run": True,
        "asked_by": "key:robot",
        "completeness": None,
    }
    assert storage.bodies(reconcile.QUEUE) == [{"reconciliation": 1}]
    with reading() as session:
        assert session.scalars(select(ActionLog.actor)).one() == "key:robot"
    assert api.post(ADDRESS, body={"dry_run": False}).json["dry_run"] is False


@pytest.mark.parametrize("body", [{"dry_run": "false"}, {"dry_run": None}, {"dryrun": False}, b"[]"])
def test_what_cannot_be_meant_starts_nothing(api: Api, storage: Any, body: Any) -> None:
    """A misspelt dry run is no wish for repairs."""
    assert api.post(ADDRESS, body=body).status in (400, 422)
    assert storage.bodies(reconcile.QUEUE) == []


def test_queue_that_is_away_is_a_503(api: Api, storage: Any) -> None:
    """Try again."""
    storage.broken = True
    assert api.post(ADDRESS, body={}).status == 503


def test_report_with_completeness_and_examples(api: Api, add: Callable[..., Any]) -> None:
    """Figures in the list, examples in the one; nothing compared counts as complete."""
    done = {"asked_by": "timer", "dry_run": False, "state": "done", "finished_at": datetime(2026, 3, 1, tzinfo=UTC)}
    found = {"counts": {"missing": 2}, "examples": {"missing": [{"manychat_id": "m1", "ours": None, "theirs": None}]}}
    add(
        Reconciliation(**done, compared=8, in_step=6, repaired=2, held_back=0, **found),
        Reconciliation(**done, compared=0, in_step=0, repaired=0, held_back=0, counts={}, examples={}),
        Reconciliation(asked_by="key:a", dry_run=True, state="failed", error="Odoo is away"),
    )
    listed = api.get(ADDRESS, order="oldest").json["items"]
    assert [item["completeness"] for item in listed] == [0.75, 1.0, None]
    assert listed[0]["counts"] == {"missing": 2}
    one = api.get(f"{ADDRESS}/1").json
    assert one == listed[0] | {"examples": found["examples"]}
    assert [item["id"] for item in api.get(ADDRESS, state="failed").json["items"]] == [3]
    assert [item["id"] for item in api.get(ADDRESS, dry_run="false").json["items"]] == [2, 1]
    assert api.get(f"{ADDRESS}/9").status == 404
