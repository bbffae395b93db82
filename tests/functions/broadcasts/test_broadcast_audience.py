"""Who belongs to an audience, and who of them may be written to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from functions.broadcasts import filters, judging, uploads
from functions.broadcasts.audience import Audience, Candidate, check
from shared.crm import contact_edits, contact_profiles, people
from shared.errors import RefusedError
from shared.messages import consent
from shared.messages.digests import digest_of_address, digest_of_person
from shared.people.kinds import identities, names_of
from shared.store.models import Campaign, CampaignContact, Contact, Opportunity
from shared.store.session import reading, transact
from tests.support.world import FakeStorage

AT = datetime(2026, 2, 1, tzinfo=UTC)


def contact(phone: str | None = None, manychat_id: str | None = None, **values: Any) -> int:
    """A contact who wants messages, unless the values say otherwise; its id."""

    def work(session: Any) -> int:
        given = {"opt_in": True} | values | {"phone": phone}
        name = manychat_id or contact_profiles.without_manychat(str(people.e164(phone, "MX")))
        late = {each: given.pop(each) for each in ("subscribed_at", "last_event_at", "last_state") if each in given}
        row = contact_edits.create(session, name, given, "test")
        for each, value in late.items():
            setattr(row, each, value)
        return row.id

    return transact(work)


def everybody(kind: str, config: dict[str, Any], limit: int = 2) -> list[Candidate]:
    """All candidates, chunk by chunk."""
    found, after = [], 0
    with reading() as session:
        audience = Audience(kind, config)
        while True:
            some, place = audience.chunk(session, after, limit)
            if place == after:
                return found
            found, after = [*found, *some], place


def reasons(*candidates: Candidate, mapping: dict[str, Any] | None = None, needs: tuple[str, ...] = ()) -> list[str | None]:
    """Why each is skipped."""
    with reading() as session:
        return [one.reason for one in judging.judge(session, candidates, mapping or {}, needs)]


def test_audiences_come_in_chunks(database: Engine, storage: FakeStorage, test_clock: Any) -> None:
    """All, by tag (name or id), by id in both forms, by a list; nobody twice within one source."""
    ana, beto, cleo = contact("5512345601", tags=["VIP"]), contact("5512345602", tags=["vip", "x"]), contact("5512345603")
    numbers = [{"phone": f"55123456{number:02}"} for number in range(5)]
    upload, _taken = transact(lambda session: uploads.keep_numbers(session, numbers, "ops"))
    assert [one.contact_id for one in everybody("all", {})] == [ana, beto, cleo]
    assert [one.contact_id for one in everybody("tags", {"tag_ids": ["Vip"]})] == [ana, beto]
    assert [one.contact_id for one in everybody("tags", {"tag_ids": [contact_profiles.tag_id("X")]})] == [beto]
    named = everybody("custom", {"contact_ids": [cleo, contact_profiles.uuid_of(ana), 99]})
    assert [one.contact_id for one in named] == [cleo, ana, None]
    assert [one.phone for one in everybody("uploaded", {"upload_id": upload.uuid})] == [
        f"+5255123456{number:02}" for number in range(5)
    ]
    tried = Audience("all", {}, (beto,))
    with reading() as session:
        assert [one.contact_id for one in tried.chunk(session, 0, 10)[0]] == [beto]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"name": {"contains": "nú"}}, "a"),
        ({"name": {"eq": "ana núñez"}}, "a"),
        ({"first_name": {"in": ["ana", "BETO"]}}, "ab"),
        ({"first_name": {"ne": "ana"}}, "bc"),
        ({"email": {"eq": None}}, "bc"),
        ({"channel": {"eq": "whatsapp"}}, "a"),
        ({"channel": {"ne": "WhatsApp"}}, "bc"),
        ({"stage": {"eq": 16}}, "b"),
        ({"stage": {"eq": "recien suscrito sin asignar"}}, "b"),
        ({"campaign": {"in": ["Navidad"]}}, "c"),
        ({"state": {"eq": "Activo"}}, "a"),
        ({"tags": {"contains": "vip"}}, "a"),
        ({"last_activity": {"gte": "2026-02-01T00:00:00Z"}}, "a"),
        ({"last_activity": {"lt": "2026-02-01"}}, "b"),
        ({"last_activity": {"eq": None}}, "c"),
        ({"opt_in": {"eq": True}}, "ab"),
        ({"is_blocked": {"ne": True}}, "abc"),
        ({"attributes.age": {"gte": 18}}, "a"),
        ({"attributes.age": {"lt": 18}}, "b"),
        ({"attributes.city": {"in": ["León", "Lima"]}}, "a"),
        ({"attributes.city": {"ne": "León"}}, "bc"),
        ({"attributes.since": {"gt": "2026-01-15"}, "first_name": {"contains": "a"}}, "a"),
    ],
)
def test_segments(database: Engine, test_clock: Any, asked: dict[str, Any], found: str) -> None:
    """Each operator, on columns, on what hangs from a contact, and on attributes."""
    ana = contact(
        "5512345601",
        "1",
        first_name="Ana",
        last_name="Núñez",
        email="ana@example.com",
        tags=["VIP"],
        attributes={"age": 41, "city": "León", "since": "2026-02-01"},
        last_event_at=AT,
        last_state="Activo",
    )
    beto = contact("5512345602", first_name="Beto", attributes={"age": "7"}, last_event_at=AT - timedelta(days=1))
    cleo = contact("5512345603", opt_in=False)

    def work(session: Any) -> None:
        session.get_one(Contact, ana).channel_id = people.channel_id(session, "WhatsApp")
        name = session.get_one(Contact, beto).manychat_id
        session.add(Opportunity(manychat_id=name, contact_id=beto, stage_id=16))
        campaign = Campaign(name="Navidad", date_start=AT)
        session.add(campaign)
        session.flush()
        session.add(CampaignContact(contact_id=cleo, campaign_id=campaign.id, registration_date=AT))

    transact(work)
    letters = {ana: "a", beto: "b", cleo: "c"}
    assert "".join(letters[one.contact_id or 0] for one in everybody("segment", {"filters": asked})) == found


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"nothing": {"eq": 1}},
        {"name": "Ana"},
        {"name": {}},
        {"name": {"like": "x"}},
        {"name": {"in": "Ana"}},
        {"name": {"contains": None}},
        {"last_activity": {"gt": "ayer"}},
        {"last_activity": {"contains": "2026"}},
        {"opt_in": {"eq": "yes"}},
        {"channel": {"gt": "a"}},
        {"attributes.": {"eq": 1}},
        {"name": {"eq": {"a": 1}}},
    ],
)
def test_filters_that_cannot_be_meant_are_refused(asked: dict[str, Any]) -> None:
    """By name, before anybody is looked for."""
    with pytest.raises(RefusedError) as refused:
        filters.segment(asked)
    assert refused.value.errors


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("custom", {}),
        ("custom", {"contact_ids": [True]}),
        ("custom", {"contact_ids": ["abc"]}),
        ("custom", {"contact_ids": [1.5]}),
        ("tags", {"tag_ids": []}),
        ("segment", {}),
        ("uploaded", {"upload_id": "x"}),
    ],
)
def test_audience_that_cannot_be_meant_is_refused(database: Engine, kind: str, config: dict[str, Any]) -> None:
    """422."""
    with reading() as session, pytest.raises(RefusedError) as refused:
        check(session, kind, config)
    assert refused.value.status == 422


def test_only_who_may_be_written_to_is_no_skipped_recipient(database: Engine, test_clock: Any) -> None:
    """Each reason; a subscription in ManyChat is a yes where nobody has said otherwise."""
    good = contact("5512345601")
    blocked = contact("5512345602", is_blocked=True)
    unwilling = contact("5512345603", opt_in=False)
    unsaid = contact("5512345604", opt_in=None)
    subscribed = contact("5512345605", "5", opt_in=None, subscribed_at=AT)
    nowhere = contact(None, "6")
    stopped = contact("5512345607")
    transact(lambda session: consent.suppress(session, ["whatsapp"], [digest_of_address("+525512345607")], "stop", AT))
    everyone = (good, blocked, unwilling, unsaid, subscribed, nowhere, stopped)
    found = reasons(*(Candidate(contact_id=one) for one in everyone), Candidate(unknown="99"), Candidate(phone="+525512345699"))
    assert found == [None, "blocked", "no_opt_in", "no_opt_in", None, "no_phone", "suppressed:stop", "unknown_contact", None]
    listed = [Candidate(phone=f"+52551234560{number}") for number in (2, 3, 4, 7)]
    assert reasons(*listed) == ["blocked", "no_opt_in", None, "suppressed:stop"]


def test_stop_at_another_line_of_the_same_person_counts(database: Engine, test_clock: Any) -> None:
    """Whoever is proven to be the same: the stop was said from another number."""
    ana = contact("5512345601", "1")

    def work(session: Any) -> None:
        from shared.people.observing import Seen, observe

        row = session.get_one(Contact, ana)
        other = identities(phone="+525599990000")
        observe(session, Seen(source="test", at=AT, proven=(*people.identities_of(row), *other)))
        consent.suppress(session, ["whatsapp"], [digest_of_person(names_of(other[0])[0])], "stop", AT)

    transact(work)
    assert reasons(Candidate(contact_id=ana)) == ["suppressed:stop"]


def test_missing_variables_are_found_at_the_start(database: Engine, test_clock: Any) -> None:
    """By the name of the fact, or of the variable that the flow needs; a default helps."""
    ana = Candidate(contact_id=contact("5512345601"))
    assert reasons(ana, mapping={"nombre": "{{contact.first_name}}"}) == ["missing_variable:first_name"]
    assert reasons(ana, mapping={"nombre": "{{contact.first_name|amigo}}"}, needs=("nombre",)) == [None]
    assert reasons(ana, needs=("asesor",)) == ["missing_variable:asesor"]
    listed = Candidate(phone="+525512345699", row={"asesor": "Eva"})
    assert reasons(listed, needs=("asesor",)) == [None]


def test_chunk_costs_the_same_number_of_queries_however_many_people(database: Engine, test_clock: Any) -> None:
    """One set-based pass."""
    ids = [contact(f"55123456{number:02}") for number in range(30)]
    statements: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *call: statements.append(call[2]))
    reasons(Candidate(contact_id=ids[0]))
    few = len(statements)
    statements.clear()
    reasons(*(Candidate(contact_id=one) for one in ids))
    assert len(statements) == few
