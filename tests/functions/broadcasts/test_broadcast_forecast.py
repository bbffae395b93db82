"""What a broadcast would do, before it goes; and what it did."""

import json
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import select

from functions.broadcasts import forecast as forecast_module
from functions.broadcasts import forecast_kept, forecasts, judging, planning, progress, uploads
from functions.broadcasts.forecast import Asked, Windows
from functions.broadcasts.forecast_tables import ForecastPart, StoredForecast
from functions.broadcasts.progress import Change
from functions.broadcasts.states import RecipientStatus
from functions.broadcasts.tables import Execution, Recipient
from shared import clock, faults
from shared.messages import number_states, numbers, portfolio
from shared.messages.digests import digest_of_person
from shared.messages.message import Message
from shared.settings import get_settings
from shared.store.journey_models import Enrolment, JourneyVersion
from shared.store.message_models import MessageDay
from shared.store.models import ActionLog, Contact, Delivery
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import LIST, automation, contacts, started
from tests.unit.web.calls import Api

START = "2026-03-02T16:00:00Z"  # a Monday, 10:00 in Mexico City


@pytest.fixture(autouse=True)
def prices(environment: pytest.MonkeyPatch) -> None:
    """A price for Mexico alone."""
    environment.setenv("BROADCAST_PRICES", json.dumps({"marketing": {"MX": "0.03"}}))
    get_settings.cache_clear()


def forecast(api: Api, made: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The forecast as JSON."""
    answer = api.post(f"{LIST}/{made['id']}/forecast", body={"starts_at": START} | body)
    assert answer.status == 200, answer.json
    shown: dict[str, Any] = answer.json
    return shown


def test_forecast_tells_who_gets_it_when_and_what_it_costs(api: Api) -> None:
    """Sends by hour at the rate, who is left out by reason, the last one, the cost by country; nothing is changed."""
    ids = contacts(api, 30)
    api("PATCH", f"/api/v1/contacts/{ids[0]}", body={"opt_in": False})
    api("PATCH", f"/api/v1/contacts/{ids[1]}", body={"is_blocked": True})
    api.post("/api/v1/contacts", body={"phone": "+13055551234", "opt_in": True})
    made = automation(api, rate_limit_per_hour=10)
    before = _rows()
    shown = forecast(api, made)
    assert (shown["examined"], shown["sends"], shown["is_complete"], shown["duplicates"]) == (31, 29, True, 0)
    assert shown["skipped"] == {"blocked": 1, "no_opt_in": 1}
    assert [one["sends"] for one in shown["hours"]] == [10, 10, 9]
    assert shown["hours"][0]["hour"] == "2026-03-02T16:00:00Z"
    assert "2026-03-02T18:4" in shown["last_at"]
    assert (shown["cost"]["total"], shown["cost"]["unpriced_messages"]) == ("0.84", 1)
    assert shown["cost"]["countries"] == [
        {"country": "MX", "messages": 28, "amount": "0.84"},
        {"country": "US", "messages": 1, "amount": None},
    ]
    assert _rows() == before


def _rows() -> list[int]:
    with reading() as session:
        models = (Execution, Recipient, Delivery, ActionLog)
        return [len(session.scalars(select(model)).all()) for model in models]


def test_missing_variables_are_in_it(api: Api) -> None:
    """Before any start, with the reason of the recipient to be."""
    contacts(api, 3)
    made = automation(api, variable_mapping={"city": "{{contact.attributes.city}}"})
    assert forecast(api, made)["skipped"] == {"missing_variable:city": 3}
    assert forecast(api, automation(api, variable_mapping={"city": "{{contact.attributes.city|-}}"}))["skipped"] == {}


def test_other_journeys_and_full_days_are_in_it(api: Api) -> None:
    """Whose day is full gets it the next morning; who is in a journey is counted by its name."""
    contacts(api, 3)
    person = "phone:+525512345600"

    def work(session: Any) -> None:
        now = clock.now()
        version = JourneyVersion(journey="otra", hash="v", definition={})
        session.add(version)
        session.flush()
        moments = dict.fromkeys(("anchor_at", "data_at", "counted_until"), now)
        session.add(Enrolment(journey="otra", version_id=version.id, person=person, enrol_key="k", **moments))
        session.add(MessageDay(who=digest_of_person(person), day="2026-03-02", delivery_ids=[1, 2, 3]))

    transact(work)
    shown = forecast(api, automation(api))
    assert shown["collisions"] == {"in_journeys": {"otra": 1}, "with_other_messages": 1}
    assert shown["put_off"] == {"daily_cap": 1}
    assert shown["last_at"].startswith("2026-03-03T15:00")


def test_window_and_rate_of_the_question_count(api: Api) -> None:
    """The automation's own window; a rate that is only tried out."""
    contacts(api, 5)
    made = automation(
        api,
        execution_window_start="12:00",
        execution_window_end="12:59",
        execution_timezone="America/Mexico_City",
    )
    shown = forecast(api, made, rate_limit_per_hour=2)
    assert [(one["hour"][:13], one["sends"]) for one in shown["hours"]] == [
        ("2026-03-02T18", 2),
        ("2026-03-03T18", 2),
        ("2026-03-04T18", 1),
    ]


def test_the_messaging_limit_is_in_it(api: Api, environment: pytest.MonkeyPatch) -> None:
    """Of five people two get it on the first day; one is counted already and needs no place; Twilio's numbers have no limit."""
    contacts(api, 5)
    made = automation(api, rate_limit_per_hour=60)
    number_states.keep(numbers.id_of("+525500000001"), {"whatsapp_business_manager_messaging_limit": "TIER_3"})
    assert forecast(api, made)["messaging_limit"] == {"people": None, "used": 0}
    environment.setenv("WHATSAPP_PROVIDER", "meta")
    environment.setenv("META_NUMBERS", '{"1": "+525500000001"}')
    environment.setenv("TWILIO_WHATSAPP_SENDER", "")
    get_settings.cache_clear()
    with reading() as session:
        phone = session.scalars(select(Contact.phone).order_by(Contact.id)).first()
    known = Message(person="x", channel="whatsapp", to=str(phone), template="t", variables={}, dedupe_key="k")
    transact(lambda session: portfolio.take(session, known, get_settings(), 1))
    shown = forecast(api, made, starts_at=clock.now().isoformat())
    assert (shown["messaging_limit"], shown["put_off"]["messaging_limit"]) == ({"people": 3, "used": 1}, 2)
    assert shown["sends"] == 5
    assert sum(one["sends"] for one in shown["hours"] if one["hour"] < "2026-03-03") == 3
    text = api.post(f"{LIST}/{made['id']}/forecast?format=table", body={"starts_at": START})
    assert "limit      3 people in 24 hours, 1 of them used" in text.body.decode()


def test_forecast_is_a_table_and_a_picture_as_well(api: Api) -> None:
    """Plain text, and SVG that is well-formed whatever the automation is called."""
    contacts(api, 3)
    made = automation(api, name='<b>"Ñandú" & co')
    text = api.post(f"{LIST}/{made['id']}/forecast?format=table", body={"starts_at": START})
    assert text.headers["content-type"].startswith("text/plain")
    assert "sends      3, at most 100 an hour" in text.body.decode()
    picture = api.post(f"{LIST}/{made['id']}/forecast?format=svg", body={"starts_at": START})
    root = ET.fromstring(picture.body)  # noqa: S314  # our own
    assert root.tag.endswith("svg")
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 2


def test_what_happened_stands_beside_it(api: Api, test_clock: Any) -> None:
    """An execution keeps the forecast of its beginning; messages in each hour and reasons are held against it."""
    contacts(api, 4)
    execution = started(api, automation(api))
    where = f"/api/v1/executions/{execution['id']}/forecast"
    assert api.get(where).status == 409
    assert forecast_kept.keep_all() == 1
    assert forecast_kept.keep_all() == 0
    test_clock.advance(hours=7)
    now = clock.now()
    changes = [Change(recipient_id=number, status=RecipientStatus.SENT, at=now + timedelta(hours=number)) for number in (1, 2)]
    changes.append(Change(recipient_id=3, status=RecipientStatus.SKIPPED, at=now, reason="cancelled"))
    transact(lambda session: progress.record(session, changes))
    shown = api.get(where).json
    assert (shown["sends"], shown["happened"]["sends"], shown["happened"]["sends_more_than_forecast"]) == (4, 2, -2)
    assert [one["sends"] for one in shown["happened"]["hours"]] == [1, 1]
    assert (shown["happened"]["skipped"], shown["happened"]["skipped_more_than_forecast"]) == ({"cancelled": 1}, 1)
    assert "happened" in api.get(f"{where}?format=table").body.decode()
    assert "<line" in api.get(f"{where}?format=svg").body.decode()


def test_a_large_audience_is_forecast_in_the_background(api: Api, environment: pytest.MonkeyPatch) -> None:
    """Asked for, it is 202 with progress in every form; then whole, stored, and the same as one that is made at once."""
    ids = contacts(api, 30)
    api("PATCH", f"/api/v1/contacts/{ids[7]}", body={"opt_in": False})
    made = automation(api, rate_limit_per_hour=10)
    at_once = forecast(api, made)
    small_chunks(environment)
    where = f"{LIST}/{made['id']}/forecast"
    begun = api.post(where, body={"starts_at": START})
    assert (begun.status, begun.json["state"], begun.json["progress"], begun.json["total"]) == (202, "working", 0, 30)
    forecast_kept.keep_all()
    half = api.get(where)
    assert (half.status, half.json["progress"], half.json["examined"]) == (202, 46, 14)
    assert "14 of 30 people examined (46 %)" in api.get(f"{where}?format=table").body.decode()
    picture = ET.fromstring(api.get(f"{where}?format=svg").body)  # noqa: S314  # our own
    assert picture.tag.endswith("svg")
    until_ready()
    shown = api.get(where)
    assert (shown.status, shown.json["is_complete"]) == (200, True)
    assert {**shown.json, "asked_at": None} == {**at_once, "asked_at": None}
    assert "sends      29" in api.get(f"{where}?format=table").body.decode()
    assert api.get(f"{where}?format=svg").headers["content-type"].startswith("image/svg+xml")
    with reading() as session:
        assert session.scalars(select(ForecastPart)).all() == []


def test_a_second_question_begins_no_second_forecast(api: Api, environment: pytest.MonkeyPatch) -> None:
    """While one is worked out it is the answer; afterwards another can be asked for. A change of the automation is told."""
    contacts(api, 12)
    made = automation(api, rate_limit_per_hour=10)
    small_chunks(environment)
    where = f"{LIST}/{made['id']}/forecast"
    first = api.post(where, body={"starts_at": START})
    forecast_kept.keep_all()
    second = api.post(where, body={"starts_at": START, "rate_limit_per_hour": 3})
    assert (second.status, second.json["asked_at"]) == (202, first.json["asked_at"])
    assert second.json["examined"] == 12
    assert api("PUT", f"{LIST}/{made['id']}", body={"rate_limit_per_hour": 20}).status == 200
    assert api.get(where).json["is_outdated"] is True
    until_ready()
    assert (api.get(where).json["rate_per_hour"], api.get(where).json["is_outdated"]) == (10, True)
    assert api.post(where, body={"starts_at": START, "rate_limit_per_hour": 3}).status == 202
    until_ready()
    assert (api.get(where).json["rate_per_hour"], api.get(where).json["is_outdated"]) == (3, False)


def test_who_comes_twice_counts_once_in_the_background_too(api: Api, environment: pytest.MonkeyPatch) -> None:
    """Also where the two are in different chunks: they are what they were the first time."""
    ids = contacts(api, 9)

    def work(session: Any) -> None:
        session.get_one(Contact, ids[8]).phone = session.get_one(Contact, ids[0]).phone

    transact(work)
    made = automation(api)
    small_chunks(environment)
    api.post(f"{LIST}/{made['id']}/forecast", body={"starts_at": START})
    until_ready()
    shown = api.get(f"{LIST}/{made['id']}/forecast").json
    assert (shown["examined"], shown["duplicates"], shown["sends"]) == (9, 1, 8)


def test_a_forecast_waits_for_its_list_and_takes_all_of_it(api: Api) -> None:
    """While the file is being read nothing is forecast of its first rows."""
    lines = "\n".join(["phone", *(f"55123456{place:02}" for place in range(20))])
    taken = uploads.keep_file(lines.encode(), "list.csv", None, "test")
    made = automation(api, audience_type="uploaded", audience_config={"upload_id": taken})
    where = f"{LIST}/{made['id']}/forecast"
    assert api.post(where, body={"starts_at": START}).status == 202
    forecast_kept.keep_all()
    assert api.get(where).status == 202
    uploads.read_all()
    uploads.read_all()
    until_ready()
    assert api.get(where).json["sends"] == 20


def test_no_forecast_and_a_failed_one_say_so(api: Api, environment: pytest.MonkeyPatch) -> None:
    """404 before the first was asked for; 409 where it fails again and again; then another may be asked for."""
    contacts(api, 3)
    made = automation(api)
    where = f"{LIST}/{made['id']}/forecast"
    assert api.get(where).status == 404
    small_chunks(environment)
    api.post(where, body={"starts_at": START})
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(judging, "judge", lambda *_args: 1 / 0)
        for _ in range(forecasts.MOST_ATTEMPTS):
            assert api.get(where).status == 202
            forecast_kept.keep_all()
    assert (api.get(where).status, "ZeroDivisionError" in api.get(where).json["detail"]) == (409, True)
    assert api.post(where, body={"starts_at": START}).status == 202
    until_ready()
    assert api.get(where).json["sends"] == 3


def test_of_two_that_work_on_one_chunk_one_counts(api: Api, environment: pytest.MonkeyPatch) -> None:
    """The second finds that the place has moved on, and adds nothing; so does one whose forecast was asked for anew."""
    contacts(api, 9)
    made = automation(api)
    small_chunks(environment)
    api.post(f"{LIST}/{made['id']}/forecast", body={"starts_at": START})
    with reading() as session:
        row = session.scalars(select(StoredForecast)).one()
        session.expunge(row)
    part, place = forecast_module.chunk(Asked(row.config, clock.now()), 0, Windows())
    assert transact(lambda session: forecasts._keep_part(session, row, part, place)) is True
    assert transact(lambda session: forecasts._keep_part(session, row, part, place)) is False
    until_ready()
    assert api.get(f"{LIST}/{made['id']}/forecast").json["examined"] == 9


def test_a_job_that_dies_between_chunks_counts_nobody_twice(api: Api, environment: pytest.MonkeyPatch) -> None:
    """The place is committed with what the chunk showed."""
    contacts(api, 30)
    made = automation(api)
    small_chunks(environment)
    api.post(f"{LIST}/{made['id']}/forecast", body={"starts_at": START})
    for _ in range(8):
        faults.inject("broadcasts.after_forecast_chunk=raise")
        try:
            forecast_kept.keep_all()
        except faults.InjectedFault:
            continue
        finally:
            faults.inject("")
    until_ready()
    shown = api.get(f"{LIST}/{made['id']}/forecast").json
    assert (shown["examined"], shown["sends"], shown["duplicates"]) == (30, 30, 0)


def test_the_forecast_of_a_large_execution_is_whole(api: Api, environment: pytest.MonkeyPatch) -> None:
    """It is worked out over several runs of the job, and kept once; until then 409 says that it comes."""
    contacts(api, 20)
    execution = started(api, automation(api))
    small_chunks(environment)
    where = f"/api/v1/executions/{execution['id']}/forecast"
    assert forecast_kept.keep_all() == 1
    assert api.get(where).status == 409
    until_ready()
    assert (api.get(where).json["examined"], api.get(where).json["is_complete"]) == (20, True)
    assert forecast_kept.keep_all() == 0
    with reading() as session:
        assert session.scalars(select(StoredForecast)).all() == []


def small_chunks(environment: pytest.MonkeyPatch) -> None:
    """Seven people at a time, two of these a run of the job, and none while somebody waits."""
    environment.setattr(planning, "CHUNK", 7)
    environment.setattr(forecasts, "AT_ONCE", 2)
    times = iter(range(10**9))
    environment.setattr(forecasts, "BUDGET_SECONDS", 3)
    environment.setattr(clock, "steady", lambda: next(times))


def until_ready() -> None:
    """Let the job run until nothing is being worked out."""
    for _ in range(10):
        forecast_kept.keep_all()
