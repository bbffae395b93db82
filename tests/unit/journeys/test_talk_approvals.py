"""A step that waits for a second person: an approval goes on, anything else ends, and nobody decides on nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from shared import clock
from shared.approvals import decisions
from shared.journeys import engine, forecast, history, load, talking
from shared.journeys.load import DefinitionError
from shared.journeys.talks import picture as talk_picture
from shared.journeys.talks.events import TalkEvent
from shared.settings import get_settings
from shared.store.approval_models import Approval
from shared.store.journey_models import Enrolment, JourneyTalk
from shared.store.session import reading, transact
from tests.conftest import START
from tests.support.journeys import dispatch
from tests.support.listeners import listen

PHONE = "+525512345678"
DISCOUNT = """
name: discount
title: Descuento
re_enrol: each_event
enrol_on: [sale.offered]
steps:
  - id: ok
    approve:
      title: "Descuento de {{ percent }} % para {{ first_name }}"
      details: {Total: "{{ total }}"}
    wait_at_most: 2d
    NEXT
  - {id: offer, say: "{{ first_name }}, tienes {{ percent }} % de descuento."}
  - {id: done, end: offered}
  - {id: sorry, say: "{{ first_name }}, no se pudo."}
  - {id: refused, end: refused}
"""


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[TalkEvent]:
    """The ends of which other flows were notified."""
    found: list[TalkEvent] = []
    listen(monkeypatch, "talk.ended", "test", lambda _session, event: found.append(event))
    return found


def begin(define, key: str = "k1", follows: str = "", **context) -> int | None:
    """Somebody enters the flow, and what is due goes out."""
    define(DISCOUNT.replace("NEXT", follows))
    data = {"phone": PHONE, "first_name": "Ana", "percent": 30, "total": "1,250.00"}
    number = transact(lambda session: talking.begin(session, "discount", "lead:7", data, key=key, context=context))
    dispatch()
    return number


def approval(number: int = 1) -> Approval:
    """The question to a second person."""
    with reading() as session:
        return session.get_one(Approval, number)


def decide(verdict, number: int = 1, comment: str | None = None) -> bool:
    """Bruno decides, and what follows goes out; whether that has changed anything."""
    from shared.crm import editing

    decided = editing.committed(lambda session: decisions.decide(session, number, verdict, "bruno", comment, "key:bruno"))
    dispatch()
    return decided.changed


def talk(number: int = 1) -> JourneyTalk:
    """Where somebody stands."""
    with reading() as session:
        return session.get_one(JourneyTalk, number)


def test_nothing_goes_out_before_it_is_approved(define, vendors, ended) -> None:
    """The question has its texts filled in and is about the person; the word and its comment are stored; then it goes on."""
    begin(define)
    row = approval()
    assert (row.title, row.details) == ("Descuento de 30 % para Ana", [["Total", "1,250.00"]])
    assert (row.kind, row.subject, row.asked_by) == ("journey", "lead:7", "journey:discount")
    assert row.expires_at == clock.now() + timedelta(days=2)
    assert (talk().state, talk().until, vendors.steps()) == ("approving", row.expires_at, [])
    assert decide("approved", comment="Es buena clienta")
    assert vendors.steps() == ["offer"]
    with reading() as session:
        data = session.get_one(Enrolment, 1).data
    assert (data["ok"], data["ok_comment"]) == ("approved", "Es buena clienta")
    assert [(event.outcome, event.completed) for event in ended] == [("offered", True)]


def test_rejection_ends_the_flow(define, vendors, ended) -> None:
    """Where the file says nothing of it, nothing goes out and the outcome says why; a second word changes nothing."""
    begin(define)
    assert decide("rejected", comment="Demasiado")
    assert not decide("approved")
    assert vendors.steps() == []
    assert [(event.outcome, event.completed, event.reason) for event in ended] == [("rejected", False, "Demasiado")]


@pytest.mark.parametrize(
    ("follows", "way", "outcome", "sent"),
    [
        ("next: {rejected: sorry}", "rejected", "refused", ["sorry"]),
        ("next: {rejected: sorry}", "expired", "expired", []),
        ("next: {expired: sorry}", "expired", "refused", ["sorry"]),
        ("if_no_reply: sorry", "expired", "refused", ["sorry"]),
        ("if_no_reply: sorry", "rejected", "rejected", []),
        ("next: {approved: sorry}", "approved", "refused", ["sorry"]),
        ("next: sorry", "approved", "refused", ["sorry"]),
    ],
)
def test_word_leads_where_the_file_says(define, vendors, ended, test_clock, follows, way, outcome, sent) -> None:
    """By `next` or `if_no_reply`; anything but an approval that has no step of its own ends the flow."""
    begin(define, follows=follows)
    if way == "expired":
        test_clock.advance(days=2)
        assert decisions.expire() == 1
        dispatch()
    else:
        decide(way)
    assert (vendors.steps(), [event.outcome for event in ended]) == (sent, [outcome])


def test_whoever_began_it_cannot_approve(define, vendors) -> None:
    """The name of their key goes along in the context."""
    from shared.errors import RefusedError

    begin(define, asked_by="Bruno")
    with pytest.raises(RefusedError, match="own-request"):
        decide("approved")
    assert talk().state == "approving"


def test_question_is_withdrawn_when_the_flow_ends(define, vendors, ended) -> None:
    """Taken back by the caller: nobody decides on nothing, and a word that comes then changes nothing."""
    number = begin(define)
    assert transact(lambda session: talking.cancel(session, number, "no more"))
    assert approval().state == "withdrawn"
    assert not decide("approved")
    assert (vendors.steps(), [event.outcome for event in ended]) == ([], ["cancelled"])


def test_stop_of_the_person_withdraws_it_as_well(define, vendors, ended, test_clock) -> None:
    """BAJA ends the flow whoever it waits for."""
    begin(define)
    test_clock.advance(minutes=1)
    signalled = {"cause": "stop"}
    transact(
        lambda session: engine.signal(session, "person.unsubscribed", ["lead:7"], signalled, event_key="stop:1", at=clock.now())
    )
    assert (approval().state, talk().state) == ("withdrawn", "ended")


def test_step_that_comes_again_asks_again(define, vendors) -> None:
    """Each time is a question of its own; a word on an old one moves nothing."""
    begin(define, follows="next: {rejected: ok}")
    decide("rejected")
    assert (approval(2).state, talk().state) == ("pending", "approving")
    assert not decide("approved", 1)
    assert talk().state == "approving"
    decide("approved", 2)
    assert vendors.steps() == ["offer"]


def test_text_that_cannot_be_filled_in_ends_it(define, vendors, ended) -> None:
    """A variable is missing: nobody is asked for what nobody can read."""
    define(DISCOUNT.replace("NEXT", ""))
    transact(lambda session: talking.begin(session, "discount", "lead:7", {"phone": PHONE}, key="k1"))
    assert [event.outcome for event in ended] == ["failed"]
    with reading() as session:
        assert session.scalars(select(Approval)).all() == []


@pytest.mark.parametrize(
    ("follows", "why"),
    [
        ("next: {maybe: sorry}", "is none of approved, rejected, expired"),
        ("if_not_understood: sorry", "an approval is understood"),
        ("next: {expired: sorry}\n    if_no_reply: sorry", "say the same"),
        ("say: Hola", "a step does one thing"),
    ],
)
def test_definition_that_makes_no_sense(environment, follows: str, why: str) -> None:
    """With a sentence that says what to change."""
    get_settings.cache_clear()
    with pytest.raises(DefinitionError, match=why):
        load.parse(DISCOUNT.replace("NEXT", follows))


@pytest.mark.parametrize(
    ("assume", "goes", "outcome"),
    [
        ({}, ["offer"], "outcome: offered"),
        ({"ok": "rejected"}, [], "outcome: rejected"),
        ({"ok": "no_response"}, ["sorry"], "outcome: refused"),
    ],
)
def test_forecast_takes_the_word_that_is_assumed(define, vendors, assume, goes, outcome) -> None:
    """Approved unless said otherwise; the time that an expiry takes goes by."""
    flow = define(DISCOUNT.replace("NEXT", "next: {expired: sorry}"))
    who = forecast.newcomer({"phone": PHONE, "first_name": "Ana", "percent": 30, "total": "1"}, at=START)
    lines = list(forecast.forecast(flow, who, assume))
    assert [line.step for line in lines if line.what == "goes"] == goes
    assert [line.reason for line in lines if line.what == "recorded"] == [outcome]
    assert [line.goes_at for line in lines if line.step == "sorry" and line.what == "goes"] in ([], [START + timedelta(days=2)])


def test_picture_and_standing_name_the_question(define, vendors) -> None:
    """Whoever looks sees what is waited for, of whom, and until when."""
    begin(define, follows="next: {expired: sorry}")
    flow = load.parse(DISCOUNT.replace("NEXT", "next: {expired: sorry}"))
    assert "approval: Descuento de" in talk_picture.draw(flow, [])
    assert [way.label for way in talk_picture.ways(flow) if way.start == 0] == ["", "expired"]
    with reading() as session:
        story = history.story(session, session.get_one(Enrolment, 1))
    assert story.talk is not None
    assert story.talk.answer.startswith("The approval at ok is waited for until 2026-03-04")
