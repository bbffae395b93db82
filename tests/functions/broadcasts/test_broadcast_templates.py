"""Broadcasts by Meta's approved templates: what would be refused of every message is found before the first."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from functions.broadcasts import planning, running, schedule_runs
from functions.broadcasts.tables import Execution, Recipient
from shared import clock
from shared.journeys import chatbots
from shared.messages import approved_templates, numbers, templates
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import LIST, automation, contacts, started
from tests.unit.web.calls import Api

NEWS = chatbots.flow_id("novedades")


def to(variables: dict[str, Any]) -> dict[str, Any]:
    """The audience of one number with these variables."""
    return {"phone_numbers": [{"phone": "+525512345678", "variables": variables}]}


def of_meta(environment: pytest.MonkeyPatch, body: str) -> dict[str, Any]:
    """The fields of an automation that goes by a template whose text at Meta is this one; ours gives two variables."""
    for name, value in {"META_NUMBERS": '{"1": "+525500000001"}', "META_TEMPLATES": '{"broadcast_news": "promo:es"}'}.items():
        environment.setenv(name, value)
    get_settings.cache_clear()
    at_meta(body)
    given = {"first_name": "Ana", "text": "x"}
    number = numbers.id_of("+525500000001")
    return {"flow_id": NEWS, "variable_mapping": given, "whatsapp_number_id": number}


def at_meta(body: str) -> None:
    """The approved template has this text from now on."""
    page = [{"name": "promo", "language": "es", "status": "APPROVED", "components": [{"type": "BODY", "text": body}]}]
    transact(lambda session: approved_templates.keep(session, page, clock.now()))


def test_run_of_a_schedule_whose_template_wants_other_variables_is_paused_and_tells(
    api: Api, environment: pytest.MonkeyPatch, test_clock: clock.TestClock
) -> None:
    """Nobody is written to and nobody fails: operators are told why; once Meta's template is as ours is, resuming goes on."""
    environment.setenv("ALERT_WEBHOOK_URL", "https://alerts.example/hook")
    fields = of_meta(environment, "Hola, {{1}}")
    contacts(api, 2)
    made = automation(api, **fields)
    schedule = {"recurrence_type": "daily", "start_date": "2026-03-02", "start_time": "10:00", "skip_holidays": False}
    schedule |= {"recurrence_config": {"interval": 1}, "execution_timezone": "America/Mexico_City"}
    assert api.post(f"{LIST}/{made['id']}/schedule", body=schedule).status == 201
    test_clock.moment = datetime(2026, 3, 2, 16, 0, 30, tzinfo=UTC)
    assert schedule_runs.run_due() == 1
    planning.plan_all()
    running.run_all()
    words = "Meta's template promo wants 1 variables, and ours gives 2"
    (shown,) = api.get(f"{LIST}/{made['id']}/executions").json["items"]
    assert (shown["status"], shown["pause_reason"]) == ("paused", words)
    with reading() as session:
        assert {row.status for row in session.scalars(select(Recipient))} == {"pending"}
        (alert,) = session.scalars(select(Delivery))
    assert (alert.target, words in alert.payload["text"]) == ("alerts", True)
    assert api.post(f"/api/v1/executions/{shown['id']}/resume").status == 200
    running.run_all()
    assert api.get(f"/api/v1/executions/{shown['id']}").json["status"] == "paused"
    at_meta("Hola, {{1}}: {{2}}")
    assert api.post(f"/api/v1/executions/{shown['id']}/resume").status == 200
    running.run_all()
    with reading() as session:
        assert {row.status for row in session.scalars(select(Recipient))} == {"queued"}


def test_forecast_shows_that_the_template_wants_other_variables(api: Api, environment: pytest.MonkeyPatch) -> None:
    """As JSON, in the table and in the picture; where they are as many as ours gives nothing is said."""
    fields = of_meta(environment, "Hola, {{1}}")
    contacts(api, 1)
    where = f"{LIST}/{automation(api, **fields)['id']}/forecast"
    words = "Meta's template promo wants 1 variables, and ours gives 2"
    assert api.post(where, body={}).json["faults"] == [words]
    assert words in api.get(where, format="table").body.decode()
    assert words.replace("'", "&#x27;") in api.get(where, format="svg").body.decode().replace("'", "&#x27;")
    at_meta("Hola, {{1}}: {{2}}")
    assert api.post(where, body={}).json["faults"] == []
    assert "Meta" not in api.get(where, format="table").body.decode()


@pytest.mark.parametrize(("body", "status"), [("Hola, {{1}}: {{2}}", 200), ("Hola, {{1}}", 422), ("{{1}} {{2}} {{3}}", 422)])
def test_template_that_wants_other_variables_is_found_at_the_start(
    api: Api, environment: pytest.MonkeyPatch, body: str, status: int
) -> None:
    """Meta would refuse every message: nothing begins, and the refusal says what is wanted. By Twilio it does not matter."""
    fields = of_meta(environment, body)
    contacts(api, 1)
    made = automation(api, **fields)
    answer = api.post(f"{LIST}/{made['id']}/start", body={})
    assert answer.status == status, answer.json
    if status != 200:
        wanted = body.count("{{")
        assert answer.json["errors"][0]["message"] == f"Meta's template promo wants {wanted} variables, and ours gives 2"
    with reading() as session:
        assert len(session.scalars(select(Execution)).all()) == (status == 200)
    assert started(api, automation(api, **fields | {"whatsapp_number_id": None}))["status"] == "queued"


@pytest.mark.parametrize(
    ("second", "left_out"),
    [
        ("text", {"missing_variable:text": 1}),
        ('text|default("")', {"missing_variable:text": 1}),
        ('text if text is defined else ""', {"missing_variable:text": 1}),
        ('text if text is defined else "pronto"', {}),
        ('"Hola" if text is defined', {"missing_variable:text": 1}),
    ],
)
def test_who_would_leave_a_hole_of_the_template_empty_is_left_out(
    api: Api, monkeypatch: pytest.MonkeyPatch, second: str, left_out: dict[str, int]
) -> None:
    """At the start, with the variable's name, and not by Meta; what our text does without may be missing where no hole is."""
    ours, find = templates.find("broadcast_news"), templates.in_any_language
    assert ours is not None
    text = "Hola, {{ first_name }}{% if text is defined %}: {{ text }}{% endif %}" if " is defined" in second else ours.text
    edited = replace(ours, text=text, content_variables=("first_name", second))
    monkeypatch.setattr(templates, "in_any_language", lambda name: edited if name == ours.name else find(name))
    made = automation(api, flow_id=NEWS, audience_type="custom", audience_config=to({"first_name": "Ana"}))
    assert api.post(f"{LIST}/{made['id']}/forecast", body={}).json["skipped"] == left_out


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_variable_of_blanks_alone_is_missing(api: Api, blank: str) -> None:
    """Whether it stands in the list, is a constant, or is what is left of a fact that is not known."""
    for given, mapping in (({"text": blank}, {}), ({}, {"text": blank}), ({}, {"text": "{{contact.email|}}" + blank})):
        audience = {"audience_type": "custom", "audience_config": to({"first_name": "Ana"} | given)}
        started(api, automation(api, flow_id=NEWS, variable_mapping=mapping, **audience))
    with reading() as session:
        reasons = session.scalars(select(Recipient.reason)).all()
    assert reasons == ["missing_variable:text"] * 3
