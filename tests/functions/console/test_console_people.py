"""The page of one person: who they are and why, what they get and do not, and everything that can be done about them."""

import pytest
from sqlalchemy import select

from shared import clock
from shared.messages import replies
from shared.messages.digests import digest_of_address
from shared.messages.events import InboundMessage
from shared.people import observing, queries
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.privacy import blobs
from shared.store.models import ActionLog, Contact, DeadLetter, Delivery, InboxEvent
from shared.store.session import reading, transact

ANA, BEA = Identity("manychat", "88213"), Identity("manychat", "90001")
PHONE, MAIL, LEAD = Identity("phone", "+525512340147"), Identity("email", "ana@example.com"), Identity("lead", "17")


@pytest.fixture
def ana(console: None) -> int:
    """Ana, whom ManyChat and a form know; her number is proven, her address only typed. Her person's number."""
    transact(lambda session: session.add(Contact(manychat_id="88213", first_name="Ana", last_name="Robles")))
    transact(lambda session: observing.observe(session, seen((ANA, PHONE), typed=(MAIL,))))
    transact(lambda session: observing.observe(session, seen((LEAD, PHONE))))
    with reading() as session:
        (number,) = queries.of(session, PHONE)
    return number


def seen(proven, typed=()):
    return Seen(source="whatsapp", at=clock.now(), proven=proven, typed=typed)


def people_of(*identities: Identity) -> list[list[int]]:
    with reading() as session:
        return [queries.of(session, one) for one in identities]


def logged(action: str) -> list[tuple[str, str | None]]:
    with reading() as session:
        lines = session.scalars(select(ActionLog).where(ActionLog.action == action)).all()
        return [(line.actor, line.subject) for line in lines]


def test_identities_say_why_they_are_joined(ana, viewer):
    """With what each came together, who said so, and what was only typed; addresses and numbers are masked."""
    shown = viewer.get(f"/console/people/{ana}")
    assert shown.heading == "Ana Robles"
    assert "came together with manychat 88213 · whatsapp" in shown.words
    assert "was typed beside manychat 88213" in shown.words
    assert "•••• 0147" in shown.words
    assert "+525512340147" not in shown.text
    assert "ana@example.com" not in shown.text


@pytest.mark.parametrize(
    "typed", ["%2B52+55+1234+0147", "+52 55 1234 0147", "5512340147", "5215512340147", "%2B34612345678", "+34612345678"]
)
@pytest.mark.parametrize("page", ["people?q=", "executions?since=&person="])
def test_number_is_found_in_each_spelling(ana, viewer, page, typed):
    """Of any country; also with a plus that somebody has typed into the address bar, where it arrives as a blank."""
    transact(lambda session: observing.observe(session, seen((PHONE, Identity("phone", "+34612345678")))))
    event = {"event_id": "e1", "source": "s", "type": "manychat.contact", "subject": "88213", "data": {}}
    at = {"occurred_at": clock.now(), "received_at": clock.now(), "handled_at": clock.now()}
    transact(lambda session: session.add(InboxEvent(key="e1", **event, **at)))
    shown = viewer.get(f"/console/{page}{typed.replace(' ', '+')}")
    assert (shown.heading == "Ana Robles") if page.startswith("people") else shown.words.endswith("1 execution")


def test_showing_everything_is_a_post_that_is_logged(ana, operator):
    """By name; the next look is masked again."""
    page = operator.get(f"/console/people/{ana}")
    whole = operator.submit(page.form(f"/console/people/{ana}/show"))
    assert "+525512340147" in whole.words
    assert "ana@example.com" in whole.words
    assert logged("person.show") == [("key:olga", f"person:{ana}")]
    assert "+525512340147" not in operator.get(f"/console/people/{ana}").text


def test_conversation_is_masked_as_well(ana, viewer):
    """What somebody wrote may hold an address."""
    facts = {"provider": "twilio", "who": digest_of_address(PHONE.value), "channel": "whatsapp", "sender": PHONE.value}
    given = InboundMessage.model_validate(facts | {"text": "mi correo es otra@example.com", "vendor_id": "SM9"})
    transact(lambda session: replies.take(session, given, clock.now()))
    for address in (f"/console/people/{ana}", "/console/answers"):
        shown = viewer.get(address)
        assert "mi correo es o••••@example.com" in shown.words
        assert "525512340147" not in shown.text
    assert viewer.get("/console/answers/1/person").heading == "Ana Robles"


def test_what_they_did_not_get_says_why_and_how_it_is_mended(ana, operator):
    """A message that a stop held back, one that was given up, one that may have arrived, an event that is stopped."""
    now = clock.now()
    facts = {"kind": "message", "target": "twilio", "subject": "manychat:88213", "due_at": now}
    rows = [
        Delivery(**facts, action="whatsapp", state="skipped", reason="suppressed-stop", payload={"template": "lead_day3"}),
        Delivery(**facts, action="sms", state="dead", last_error="21610: blocked"),
        Delivery(**facts, action="voice", state="uncertain"),
        Delivery(**(facts | {"kind": "sync"}), action="contact", state="skipped", reason="unchanged"),
        DeadLetter(
            key="d" * 64,
            original_queue="q",
            original_event="{}",
            type="manychat.opportunity",
            subject="manychat:88213",
            reason="unknown-stage",
            error_message="no stage X",
            error_time=now,
        ),
    ]
    transact(lambda session: session.add_all(rows))
    shown = operator.get(f"/console/people/{ana}")
    assert "3 were not sent." in shown.words
    assert "One event about them is stopped." in shown.words
    assert "lead_day3" in shown.words
    assert "the person wrote STOP" in shown.words
    assert "See the permissions" in shown.words
    assert "21610: blocked" in shown.words
    assert "Decide whether it arrived" in shown.words
    assert "unknown-stage: no stage X" in shown.words
    assert "nothing had changed" not in shown.words
    assert "/console/stopped/1" in shown.links()
    with reading() as session:
        given_up = session.scalars(select(Delivery.id).where(Delivery.state == "dead")).one()
    assert shown.form(f"/console/deliveries/{given_up}/retry").method == "post"


def test_separation_is_seen_first_and_undone_by_a_join(ana, operator):
    """Nothing is changed by looking; afterwards the number is somebody else's, and a join makes them one again."""
    page = operator.get(f"/console/people/{ana}")
    form = page.form(f"/console/people/{ana}/separate/rehearse")
    with reading() as session:
        lead = next(one.id for one in queries.profile(session, ana).identities if one.kind == "lead")
    plan = operator.post(form.action, form.fields | {"identity": str(lead)})
    assert plan.heading == "They would be 2 people"
    assert people_of(LEAD, ANA) == [[ana], [ana]]
    after = operator.submit(plan.form(f"/console/people/{ana}/separate"))
    (other,) = people_of(LEAD)[0]
    assert other != ana
    assert "is not the person of" in after.words
    assert "key:olga" in after.words
    joining = operator.submit(after.form(f"/console/people/{ana}/join/rehearse"))
    assert joining.heading == "They would be one person"
    assert people_of(LEAD) == [[other]]
    operator.submit(joining.form(f"/console/people/{ana}/join"))
    assert people_of(LEAD) == people_of(ANA)
    assert [action for name in ("people.separate", "people.join") for action, _ in logged(name)] == ["key:olga"] * 2


def test_all_identities_cannot_leave(ana, operator):
    """Somebody has to stay: it is refused on a page, and nothing is changed."""
    form = operator.get(f"/console/people/{ana}").form(f"/console/people/{ana}/separate/rehearse")
    with reading() as session:
        everything = [one.id for one in queries.profile(session, ana).identities if not one.is_probable]
    body = "&".join(["token=" + form.fields["token"], *(f"identity={one}" for one in everything)])
    shown = operator._follow("POST", form.action, body.encode(), {"content-type": "application/x-www-form-urlencoded"})
    assert shown.status == 422
    assert people_of(LEAD, ANA) == [[ana], [ana]]


def test_erasure_needs_an_administrator_and_their_name_typed(ana, admin, operator, monkeypatch):
    """Whatever else is typed changes nothing; then nothing of ours knows them, and the log names no more than the pseudonym."""
    monkeypatch.setattr(blobs, "of", lambda *_: [])
    assert operator.get(f"/console/people/{ana}/erase").status == 403
    assert f"/console/people/{ana}/erase" not in operator.get(f"/console/people/{ana}").links()
    page = admin.get(f"/console/people/{ana}/erase")
    assert f"/console/people/{ana}/erase" in admin.get(f"/console/people/{ana}").links()
    assert "contacts 1 row" in page.words
    form = page.form(f"/console/people/{ana}/erase")
    refused = admin.submit(form, typed="Ana", way="skip")
    assert (refused.status, refused.heading) == (422, "That is not what was to be typed.")
    assert people_of(ANA) == [[ana]]
    done = admin.submit(form, typed=" ana  robles ", way="skip")
    assert done.heading == "A person was erased"
    assert people_of(ANA, PHONE, LEAD) == [[], [], []]
    assert admin.get(f"/console/people/{ana}").status == 404
    ((actor, subject),) = logged("person.erase")
    assert actor == "key:adan"
    assert str(subject).startswith("erased:")


def test_stop_and_lift_by_channel(ana, operator):
    """A stop stands under the permissions, with its reason, and goes again by hand."""
    page = operator.get(f"/console/people/{ana}")
    stopped = operator.submit(page.form(f"/console/people/{ana}/stop"), channel="whatsapp")
    assert "somebody here stopped it" in stopped.words
    assert "Do not write" in stopped.words
    lifted = operator.submit(stopped.form(f"/console/people/{ana}/lift"))
    assert "May be written to" in lifted.words


@pytest.mark.parametrize("path", ["show", "join", "join/rehearse", "separate", "separate/rehearse", "leave", "erase"])
def test_who_may_only_look_changes_nobody(ana, viewer, path):
    """Each post is refused, and the page shows no form that would be."""
    page = viewer.get(f"/console/people/{ana}")
    assert {form.action for form in page.forms() if form.method == "post"} == {"/console/language"}
    token = viewer.get("/console/me").form("/console/sign-out").fields["token"]
    fields = {"token": token, "identity": "1", "other": "2", "journey": "x", "enrolment": "1", "typed": "Ana Robles"}
    assert viewer.post(f"/console/people/{ana}/{path}", fields).status == 403
    assert people_of(ANA, LEAD) == [[ana], [ana]]
