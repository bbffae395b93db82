"""Automations over the API: what is kept, refused, started and shown, with the names of the system that is replaced."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from functions.broadcasts import planning, progress, starting
from functions.broadcasts.progress import Change
from functions.broadcasts.states import ExecutionStatus, RecipientStatus
from functions.broadcasts.tables import Automation, Execution, Recipient
from shared import clock, faults
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import FLOW, LIST, automation, contacts, started
from tests.unit.web.calls import Api


def recipients() -> list[tuple[str, str, str | None]]:
    """Number, status and reason of all."""
    with reading() as session:
        rows = session.scalars(select(Recipient).order_by(Recipient.id))
        return [(row.phone_number or "", row.status, row.reason) for row in rows]


def alerts() -> list[str]:
    """What operators were told."""
    with reading() as session:
        return [row.payload["text"] for row in session.scalars(select(Delivery).where(Delivery.target == "alerts"))]


def test_automation_has_the_defaults_of_the_system_that_it_replaces(api: Api) -> None:
    """And is read, changed in part, listed and deleted softly."""
    made = automation(api)
    shown = {name: made[name] for name in ("status", "is_active", "trigger_type", "max_concurrent_executions", "max_retries")}
    assert shown == {
        "status": "draft",
        "is_active": False,
        "trigger_type": "manual",
        "max_concurrent_executions": 50,
        "max_retries": 3,
    }
    assert (made["rate_limit_per_hour"], made["execution_timezone"], made["total_sent"]) == (100, "America/Sao_Paulo", 0)
    where = f"{LIST}/{made['id']}"
    assert api.get(where).json == made
    changed = api("PUT", where, body={"name": "Reyes", "execution_window_start": "09:00:00", "execution_window_end": "20:00"})
    assert (changed.json["name"], changed.json["flow_id"], changed.json["execution_window_start"]) == ("Reyes", FLOW, "09:00")
    assert api("PUT", where, body=changed.json).status == 200
    assert api("DELETE", where).status == 204
    assert api.get(where).status == 404
    with reading() as session:
        assert session.scalars(select(Automation)).one().deleted_at == clock.now()


def test_list_has_filters_and_pages(api: Api) -> None:
    """`skip` and `limit`, `status` and `is_active`; the newest first."""
    names = [automation(api, name=f"A{number}", status="active" if number % 2 else "draft")["name"] for number in range(5)]
    page = api.get(LIST, skip=2, limit=2).json
    assert [one["name"] for one in page["items"]] == [names[2], names[1]]
    assert {name: page[name] for name in ("total", "page", "page_size", "total_pages")} == {
        "total": 5,
        "page": 2,
        "page_size": 2,
        "total_pages": 3,
    }
    assert api.get(LIST, status="active").json["total"] == 2
    assert api.get(LIST, is_active="false").json["total"] == 3
    assert api.get(LIST, limit=501).status == 422


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 256}, "name"),
        ({"flow_id": str(uuid4())}, "flow_id"),
        ({"flow_id": "encuesta"}, "flow_id"),
        ({"chatbot_id": str(uuid4())}, "chatbot_id"),
        ({"whatsapp_number_id": str(uuid4())}, "whatsapp_number_id"),
        ({"trigger_type": "webhook"}, "trigger_type"),
        ({"trigger_type": "event"}, "trigger_type"),
        ({"max_concurrent_executions": 501}, "max_concurrent_executions"),
        ({"rate_limit_per_hour": 0}, "rate_limit_per_hour"),
        ({"rate_limit_per_hour": 1001}, "rate_limit_per_hour"),
        ({"max_retries": 11}, "max_retries"),
        ({"execution_window_start": "25:00", "execution_window_end": "09:00"}, "execution_window_start"),
        ({"execution_window_start": "08:00"}, "execution_window_end"),
        ({"execution_timezone": "Mars/Olympus"}, "execution_timezone"),
        ({"variable_mapping": {"x": "{{contact.__class__}}"}}, "variable_mapping.x"),
        ({"audience_type": "segment", "audience_config": {"filters": {"x": {"eq": 1}}}}, "audience_config.filters.x"),
        ({"audience_type": "custom"}, "audience_config.contact_ids"),
        ({"audience_type": "custom", "audience_config": {"phone_numbers": ["x"]}}, "audience_config.phone_numbers"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_run_is_refused_and_nothing_is_kept(api: Api, fields: dict[str, Any], named: str) -> None:
    """422 that names the field."""
    answer = api.post(LIST, body={"name": "Navidad", "flow_id": FLOW, "audience_type": "all"} | fields)
    assert answer.status == 422
    assert any(fault["field"].startswith(named) for fault in answer.json["errors"]), answer.json
    assert api.get(LIST).json["total"] == 0


def test_start_makes_an_execution_with_everybody_once(api: Api) -> None:
    """Who may not be written to is skipped with the reason; variables are resolved and stored."""
    ids = contacts(api)
    api("PATCH", f"/api/v1/contacts/{ids[1]}", body={"opt_in": False})
    made = automation(
        api,
        audience_type="custom",
        audience_config={"contact_ids": [*ids, ids[0], 999]},
        variable_mapping={"first_name": "{{contact.first_name|amigo}}"},
    )
    execution = started(api, made)
    assert [(status, reason) for _number, status, reason in recipients()] == [
        ("pending", None),
        ("skipped", "no_opt_in"),
        ("pending", None),
        ("skipped", "unknown_contact"),
    ]
    shown = {name: execution[name] for name in ("status", "approval", "planning", "total_recipients", "messages_skipped")}
    assert shown == {"status": "queued", "approval": "none", "planning": False, "total_recipients": 4, "messages_skipped": 2}
    assert (execution["triggered_by_user_id"], execution["progress_percentage"], execution["duplicates"]) == ("ops", 50.0, 1)
    assert api.get(f"/api/v1/executions/{execution['id']}").json == execution
    assert api.get(f"{LIST}/{made['id']}/executions").json["items"] == [execution]
    people = api.get(f"/api/v1/executions/{execution['id']}/recipients").json
    assert (people["total"], people["items"][0]["variables"]) == (4, {"first_name": "Ana"})
    skipped = api.get(f"/api/v1/executions/{execution['id']}/recipients", status="skipped").json
    assert (skipped["total"], [one["reason"] for one in skipped["items"]]) == (2, ["no_opt_in", "unknown_contact"])
    later = api.get(f"/api/v1/executions/{execution['id']}/recipients", after=people["items"][2]["id"]).json
    assert [one["id"] for one in later["items"]] == [people["items"][3]["id"]]
    assert api.get(f"{LIST}/{made['id']}").json["total_executions"] == 1


def test_what_is_under_way_is_neither_changed_nor_deleted(api: Api) -> None:
    """400 while an execution is queued or running, and again after it."""
    contacts(api, 1)
    made = automation(api)
    started(api, made)
    where = f"{LIST}/{made['id']}"
    assert (api("PUT", where, body={"name": "x"}).status, api("DELETE", where).status) == (400, 400)
    transact(lambda session: session.execute(update(Execution).values(status=ExecutionStatus.COMPLETED)))
    assert (api("PUT", where, body={"name": "x"}).status, api("DELETE", where).status) == (200, 204)


def test_start_is_refused_for_nobody_and_for_what_is_archived(api: Api) -> None:
    """400, and no execution; 404 for no automation."""
    made = automation(api)
    assert api.post(f"{LIST}/{made['id']}/start", body={}).json["type"].endswith("empty-audience")
    api("PUT", f"{LIST}/{made['id']}", body={"status": "archived"})
    contacts(api, 1)
    assert api.post(f"{LIST}/{made['id']}/start", body={}).json["type"].endswith("archived")
    assert api.post(f"{LIST}/{uuid4()}/start", body={}).status == 404
    with reading() as session:
        assert session.scalars(select(Execution)).all() == []


def test_test_mode_writes_to_the_named_contacts_alone(api: Api) -> None:
    """Numbers and UUIDs; what it counts is no part of the automation's sums."""
    ids = contacts(api)
    made = automation(api)
    execution = started(api, made, test_mode=True, test_contact_ids=[str(ids[1])])
    assert (execution["test_mode"], execution["total_recipients"]) == (True, 1)
    assert api.get(f"{LIST}/{made['id']}/stats").json["total_recipients"] == 0
    assert api.post(f"{LIST}/{made['id']}/start", body={"test_mode": True}).status == 422


def test_numbers_in_the_body_become_a_list(api: Api) -> None:
    """Each once, in any spelling, with variables of its own; nothing of them stands in the automation."""
    posted = ["55 1234 5601", {"phone": "+52 1 55 1234 5601"}, {"phone": "5512345602", "variables": {"saldo": 12}}, "x"]
    made = automation(api, audience_type="custom", audience_config={"phone_numbers": posted})
    assert made["audience_type"] == "uploaded"
    config = made["audience_config"]
    assert (config["accepted"], config["duplicates"], config["bad"]) == (2, 1, 1)
    started(api, made)
    assert recipients() == [("+525512345601", "pending", None), ("+525512345602", "pending", None)]


def test_file_is_uploaded_and_started(api: Api) -> None:
    """A CSV body; the lines that were left out are named; more rows may follow."""
    answer = api.post(
        f"{LIST}/uploads",
        body="Teléfono;Nombre\n5512345601;Ana\n5512345601;Ana\nx;y\n".encode(),
        headers={"content-type": "text/csv"},
    )
    assert answer.status == 201, answer.json
    upload = answer.json
    assert (upload["state"], upload["accepted"], upload["duplicates"], upload["bad"]) == ("ready", 1, 1, 1)
    assert [(one["line"], one["kind"], one["same_as"]) for one in upload["problems"]] == [(3, "duplicate", 2), (4, "bad", None)]
    where = f"{LIST}/uploads/{upload['id']}"
    assert api.get(f"{where}/problems").json["total"] == 2
    assert api.post(f"{where}/rows", body={"rows": [{"phone": "5512345601"}, {"phone": "5512345602"}]}).json["accepted"] == 1
    started(api, automation(api, audience_type="uploaded", audience_config={"upload_id": upload["id"]}))
    assert [number for number, _status, _reason in recipients()] == ["+525512345601", "+525512345602"]
    assert api.get(f"{LIST}/uploads/{uuid4()}").status == 404


def test_form_is_uploaded(api: Api) -> None:
    """multipart/form-data with the file and its columns, as a browser sends it."""
    parts = [
        '--x\r\nContent-Disposition: form-data; name="columns"\r\n\r\n{"2": "phone", "1": "cliente"}\r\n',
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n',
        "Ana,5512345601\nBeto,5512345602\r\n--x--\r\n",
    ]
    kind = {"content-type": "multipart/form-data; boundary=x"}
    upload = api.post(f"{LIST}/uploads", body="".join(parts).encode(), headers=kind).json
    assert (upload["filename"], upload["columns"], upload["accepted"]) == ("a.csv", ["cliente", "phone"], 2)
    assert api.post(f"{LIST}/uploads", body=b"{}").status == 415
    assert api.post(f"{LIST}/uploads", body=b"--x--", headers=kind).status == 422


def test_planner_that_dies_between_chunks_repeats_nobody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor is committed with its chunk, whichever chunk it was."""
    monkeypatch.setattr(planning, "CHUNK", 2)
    contacts(api, 7)
    made = automation(api)
    faults.inject("broadcasts.after_chunk=raise")
    try:
        assert started(api, made)["planning"]
        for _ in range(2):
            with pytest.raises(faults.InjectedFault):
                planning.plan_all()
    finally:
        faults.inject("")
    planning.plan_all()
    assert [number for number, _status, _reason in recipients()] == [f"+5255123456{place:02}" for place in range(7)]
    execution = api.get(f"{LIST}/{made['id']}/executions").json["items"][0]
    assert (execution["total_recipients"], execution["planning"]) == (7, False)


def test_execution_whose_flow_is_gone_fails_alone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release took the flow away before its people were worked out: operators are told, and the others are not held up."""
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/hook")
    get_settings.cache_clear()
    contacts(api, 1)
    made, later = automation(api), automation(api, name="Reyes")
    monkeypatch.setattr(starting, "plan_at_once", lambda _execution_id: None)
    first, second = started(api, made), started(api, later)

    def gone(session: Any) -> None:
        row = session.scalars(select(Execution).where(Execution.uuid == first["id"])).one()
        row.config = row.config | {"flow_id": str(uuid4())}

    transact(gone)
    for _round in range(planning.MOST_ATTEMPTS - 1):
        planning.plan_all()
    assert alerts() == []
    for _round in range(2):
        planning.plan_all()
    shown = [api.get(f"/api/v1/executions/{one['id']}").json for one in (first, second)]
    assert [(one["status"], one["total_recipients"]) for one in shown] == [("failed", 0), ("queued", 1)]
    assert "no-such-flow" in shown[0]["error_message"]
    assert alerts() == [f"Puente: broadcast execution {first['id']} has failed: {shown[0]['error_message']}"]


def test_execution_to_nobody_fails_and_tells(api: Api, environment: pytest.MonkeyPatch) -> None:
    """As a schedule's run does that finds nobody: a start by hand is refused for it."""
    environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/hook")
    get_settings.cache_clear()
    automation(api)
    transact(lambda session: session.add(Execution(automation_id=1, config={"audience_type": "all", "flow_id": FLOW})))
    planning.plan_all()
    with reading() as session:
        row = session.scalars(select(Execution)).one()
    assert (row.status, row.error_message) == ("failed", "empty-audience: nobody belongs to it")
    assert alerts() == [f"Puente: broadcast execution {row.uuid} has failed: empty-audience: nobody belongs to it"]


def test_large_start_waits_for_somebody_else(api: Api, environment: pytest.MonkeyPatch) -> None:
    """202 with `approval: pending`; not by the key that started it; a no cancels it."""
    environment.setenv("BROADCAST_APPROVAL_ABOVE", "2")
    get_settings.cache_clear()
    contacts(api)
    made = automation(api)
    for verdict, status, approval in (("approve", "queued", "approved"), ("reject", "cancelled", "rejected")):
        answer = api.post(f"{LIST}/{made['id']}/start", body={})
        assert (answer.status, answer.json["status"], answer.json["approval"]) == (202, "queued", "pending")
        where = f"/api/v1/approvals/{answer.json['approval_id']}/{verdict}"
        assert api.post(where, body={}).status in {403, 409}
        decided = api.post(where, body={"comment": "ok"}, key="write-key")
        assert decided.status == 200, decided.json
        shown = api.get(f"/api/v1/executions/{answer.json['id']}").json
        assert (shown["status"], shown["approval"]) == (status, approval)


def test_dear_start_waits_as_well(api: Api, environment: pytest.MonkeyPatch) -> None:
    """By the prices of the settings, for each country."""
    environment.setenv("BROADCAST_APPROVAL_COST", "0.05")
    environment.setenv("BROADCAST_PRICES", json.dumps({"marketing": {"MX": "0.03"}}))
    get_settings.cache_clear()
    ids = contacts(api)
    cheap = automation(api, audience_type="custom", audience_config={"contact_ids": ids[:1]})
    assert started(api, cheap)["approval"] == "none"
    assert started(api, automation(api))["approval"] == "pending"


def test_figures_are_exact_and_say_how_well_it_went(api: Api) -> None:
    """Sums, rates and means; null where the base is 0."""
    contacts(api)
    made = automation(api)
    assert api.get(f"{LIST}/{made['id']}/stats").json["delivery_rate"] is None
    started(api, made)
    now = clock.now()
    changes = [Change(recipient_id=number, status=RecipientStatus.SENT, at=now) for number in (1, 2, 3)]
    changes += [Change(recipient_id=number, status=RecipientStatus.DELIVERED, at=now) for number in (1, 2)]
    changes += [Change(recipient_id=1, status=RecipientStatus.READ, at=now)]
    transact(lambda session: progress.record(session, changes))
    stats = api.get(f"{LIST}/{made['id']}/stats").json
    assert (stats["total_sent"], stats["total_delivered"], stats["total_read"]) == (3, 2, 1)
    assert (stats["delivery_rate"], stats["read_rate"], stats["reply_rate"], stats["completion_rate"]) == (
        66.67,
        50.0,
        0.0,
        0.0,
    )
    assert api.get(LIST).json["items"][0]["total_sent"] == 3


def test_means_are_those_of_the_messages(api: Api, test_clock: clock.TestClock) -> None:
    """From due to sent, from sent to the reply, and messages in a minute since the execution began."""
    contacts(api)
    made = automation(api)
    execution, begun = started(api, made), clock.now()

    def begin(session: Any) -> None:
        session.execute(update(Execution).values(status=ExecutionStatus.RUNNING, started_at=begun))
        session.execute(update(Recipient).values(due_at=begun))

    transact(begin)
    sent = {1: 2, 2: 4, 3: 9}  # seconds after they were due
    changes = [Change(recipient_id=one, status=RecipientStatus.SENT, at=begun + timedelta(seconds=sent[one])) for one in sent]
    changes += [Change(recipient_id=1, status=RecipientStatus.REPLIED, at=begun + timedelta(seconds=32))]
    transact(lambda session: progress.record(session, [*changes, *changes]))
    test_clock.advance(minutes=2)
    names = ("average_processing_time", "average_response_time")
    for where in (f"{LIST}/{made['id']}/stats", f"/api/v1/executions/{execution['id']}"):
        shown = api.get(where).json
        assert [shown[name] for name in names] == [5.0, 30.0]
    assert shown["messages_per_minute"] == 1.5
