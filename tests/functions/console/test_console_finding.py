"""Finding and deciding: by time, by text, by any spelling of a number; in the operator's zone; a message is sent again."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select

from shared import clock
from shared.console import listing
from shared.store.figure_models import EventHour
from shared.store.models import ActionLog, Contact, Delivery, InboxEvent
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser
from tests.functions.console.filling import fill


def add(*rows: object) -> None:
    transact(lambda session: session.add_all(rows))


def event(key: str, age: timedelta, text: str = "") -> InboxEvent:
    at = clock.now() - age
    facts = {"source": "s", "type": "manychat.contact", "data": {"note": text}}
    return InboxEvent(key=key, event_id=key, occurred_at=at, received_at=at, handled_at=at, **facts)


@pytest.mark.parametrize(("since", "number"), [("1h", 1), ("24h", 2), ("7d", 3), ("", 4)])
def test_executions_are_narrowed_down_by_time(viewer: Browser, since: str, number: int) -> None:
    """To the last hour, day or week, or to none."""
    for key, age in enumerate((timedelta(minutes=59), timedelta(hours=23), timedelta(days=6), timedelta(days=8))):
        add(event(str(key), age))
    assert f"{number} execution" in viewer.get(f"/console/executions?since={since}").words


@pytest.mark.parametrize("since", ["7d", ""])
def test_text_is_looked_for_in_seven_days_at_most(viewer: Browser, since: str) -> None:
    """Whatever time was asked for; signs that the database reads otherwise are signs."""
    add(event("1", timedelta(days=6), "100% Angela_1"), event("2", timedelta(days=8), "100% Angela_1"))
    for text in ("100% Angela_1", "100% ANGELA"):
        assert "1 execution" in viewer.get(f"/console/executions?since={since}&text={quote(text)}").words
    assert "fits these filters" in viewer.get(f"/console/executions?since={since}&text={quote('100_')}").words


@pytest.mark.parametrize(
    "typed",
    ["+525512340147", "+52 55 1234 0147", "5512340147", "5215512340147", "(55) 1234-0147", "ana.robles@EXAMPLE.com", "robles"],
)
def test_person_is_found_in_any_spelling(viewer: Browser, typed: str) -> None:
    """Also with a plus that arrives as a blank, as a browser may send it."""
    fill()
    found = {
        viewer.get(f"/console/people?q={typed.replace(' ', '%20')}").address,
        viewer.get(f"/console/people?q={quote(typed)}").address,
    }
    assert found == {"/console/people/1"}


def test_end_of_a_list_is_its_end(viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows in pages of two: the second page has one and leads no further."""
    monkeypatch.setattr(listing.page, "__defaults__", (2,))
    add(*(event(str(number), timedelta(0)) for number in range(3)))
    (older,) = [link for link in viewer.get("/console/executions").links() if "after=" in link]
    last = viewer.get(older)
    assert last.text.count("manychat.contact</a>") == 1
    assert [link for link in last.links() if "after=" in link] == []


def test_times_are_in_the_zone_of_the_operator(viewer: Browser) -> None:
    """Which every page names; the list and the execution agree."""
    at = clock.now().replace(hour=12, minute=34)
    row = event("1", timedelta(0))
    row.received_at = row.handled_at = at
    add(row)
    for zone, hour, place in (("America/Mexico_City", 6, "Mexico City"), ("Asia/Tokyo", 21, "Tokyo")):
        viewer.submit(viewer.get("/console/me").form("/console/me/zone"), zone=zone)
        for address in ("/console/executions?since=", "/console/executions/1"):
            shown = viewer.get(address).words
            assert place in shown
            assert f"{hour:02}:34" in shown


def test_single_keys_are_off_until_somebody_switches_them_on(viewer: Browser) -> None:
    """The script asks for the cookie, which only that form writes."""
    assert "puente_keys" not in viewer.cookies
    page = viewer.submit(viewer.get("/console/me").form("/console/me/keys"))
    assert viewer.cookies["puente_keys"] == "on"
    viewer.submit(page.form("/console/me/keys"))
    assert viewer.cookies["puente_keys"] == "off"


def test_htmx_may_evaluate_nothing_and_writes_no_styles(viewer: Browser) -> None:
    """The policy of the pages would refuse both."""
    text = viewer.get("/console").text
    assert '"includeIndicatorStyles":false' in text
    assert '"allowEval":false' in text


def test_uncertain_message_is_sent_again_by_a_new_delivery(operator: Browser) -> None:
    """From its list, under the operator's name; the uncertain one is settled."""
    facts = {"kind": "message", "target": "twilio", "action": "whatsapp", "subject": "manychat:1", "due_at": clock.now()}
    add(Contact(manychat_id="1"), Delivery(state="uncertain", payload={"channel": "whatsapp", "to": "+525512340147"}, **facts))
    form = operator.get("/console/deliveries?state=uncertain").form("/console/deliveries/1/retry")
    shown = operator.submit(form)
    assert shown.address == "/console/deliveries/2"
    with reading() as session:
        assert session.get_one(Delivery, 2).retry_of == 1
        lines = session.scalars(select(ActionLog.actor).where(ActionLog.actor != "system")).all()
    assert set(lines) == {"key:olga"}


def test_success_of_a_flow_is_of_a_day_and_of_a_month(viewer: Browser) -> None:
    """In the list of flows, of a week."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    facts = {"type": "manychat.contact"}
    add(
        EventHour(hour=hour, handled=3, failed=1, **facts),
        EventHour(hour=hour - timedelta(days=3), handled=5, failed=1, **facts),
    )
    add(EventHour(hour=hour - timedelta(days=20), handled=10, failed=0, **facts))
    assert "75% well in 24 hours · 90% well in 30 days" in viewer.get("/console/flows/contacts").words
    row = viewer.get("/console/flows").words.partition("Contacts from ManyChat contacts")[2][:400]
    assert "8 80%" in row
