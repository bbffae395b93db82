"""Digests have a key; what was stored without one still holds, is keyed beside the running app, and is joined."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from shared import clock
from shared.messages import consent, digests, links, rekey
from shared.people import aliases
from shared.store.message_models import Conversation, MessageDay, Suppression
from shared.store.models import Base
from shared.store.session import reading, transact
from tests.support.examples import examples

PHONE, OLDER_SPELLING, EMAIL = "+525512345678", "+5215512345678", "ana@example.com"
SECRET, NEXT_SECRET = "a-secret-of-the-digests", "another-secret-of-the-digests"


@pytest.fixture
def keyed(database: Engine, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> pytest.MonkeyPatch:
    """A secret is set, and the database is empty."""
    environment.setenv("DIGEST_SECRETS", SECRET)
    return environment


def unkeyed(text: str, kind: str = "address") -> str:
    """The digest as earlier releases stored it."""
    return hashlib.sha256(f"{kind}:{text}".encode()).hexdigest()[:32]


def cause(channel: str, to: str, person: str = "lead:1") -> str | None:
    """What holds back marketing to somebody."""
    with reading() as session:
        return consent.cause_against(session, aliases.of(session, [person]), channel, to, transactional=False)


def add(*rows: Base) -> None:
    """Store rows."""
    transact(lambda session: session.add_all(rows))


def suppression(who: str, *, at: timedelta = timedelta(), lifted: bool = False) -> Suppression:
    """A wish to stop, from so long ago."""
    return Suppression(channel="sms", who=who, cause="stop", changed_at=clock.now() - at, lifted=lifted)


def people_of(model: type[Base]) -> list[str]:
    """The digests in a table."""
    with reading() as session:
        return list(session.scalars(select(model.who)))  # type: ignore[attr-defined]


def test_no_digest_can_be_found_by_trying_all_numbers(keyed: pytest.MonkeyPatch) -> None:
    """It is not that of the number or the address, nor that of another secret."""
    for made, plain in (
        (digests.digest_of_address(PHONE), unkeyed(PHONE)),
        (digests.digest_of_person("p"), unkeyed("p", "person")),
    ):
        assert made.startswith("k")
        assert len(made) == 32
        assert plain[:31] not in made
    before = digests.digest_of_address(PHONE)
    keyed.setenv("DIGEST_SECRETS", NEXT_SECRET)
    assert digests.digest_of_address(PHONE) != before


def test_without_a_secret_they_are_as_before(environment: pytest.MonkeyPatch) -> None:
    """An app that has none yet finds its people."""
    environment.delenv("DIGEST_SECRETS", raising=False)
    assert digests.digest_of_address(PHONE) == unkeyed(PHONE)
    assert not digests.is_keyed()


@pytest.mark.parametrize("filed_under", [PHONE, OLDER_SPELLING])
@pytest.mark.parametrize("runs", [0, 1, 2])
def test_an_old_wish_holds_before_and_after_its_digest_is_keyed(keyed: pytest.MonkeyPatch, filed_under: str, runs: int) -> None:
    """Under every spelling that the number had, while the job has not run, and after it."""
    add(suppression(unkeyed(filed_under)))
    for _ in range(runs):
        rekey.rekey()
    assert cause("sms", PHONE) == cause("sms", OLDER_SPELLING) == "stop"
    assert all(who.startswith("k") for who in people_of(Suppression)) == (runs > 0)


@pytest.mark.parametrize("runs", [0, 1])
def test_an_old_wish_is_lifted(keyed: pytest.MonkeyPatch, runs: int) -> None:
    """Whoever writes START is sent messages again, in whichever form their STOP was stored."""
    add(suppression(unkeyed(OLDER_SPELLING), at=timedelta(days=1)))
    for _ in range(runs):
        rekey.rekey()
    transact(lambda s: consent.lift(s, ["sms"], digests.digests_of_address(PHONE), "stop", clock.now()))
    assert cause("sms", PHONE) is None
    assert sum(not who.startswith("k") for who in people_of(Suppression)) == (1 - runs)  # no row without a key is made anew


def test_old_rows_join_those_with_a_key(keyed: pytest.MonkeyPatch) -> None:
    """What was said last counts, the window stays open, and each delivery of a day is counted once."""
    now, old, new = clock.now(), unkeyed(PHONE), digests.digest_of_address(PHONE)
    add(suppression(old), suppression(new, at=timedelta(hours=1), lifted=True))
    add(
        *(
            Conversation(who=who, channel="whatsapp", last_inbound_at=at)
            for who, at in ((old, now), (new, now - timedelta(days=2)))
        )
    )
    add(*(MessageDay(who=who, day="2026-03-02", delivery_ids=ids) for who, ids in ((old, [1, 2]), (new, [2, 3]))))
    assert rekey.rekey() == 3
    assert people_of(Suppression) == people_of(Conversation) == people_of(MessageDay) == [new]
    assert cause("sms", PHONE) == "stop"
    with reading() as session:
        assert consent.takes_free_text(session, PHONE)
        assert session.scalars(select(MessageDay.delivery_ids)).one() == [1, 2, 3]


def test_a_change_of_secret_loses_nobody(keyed: pytest.MonkeyPatch) -> None:
    """The new one comes first, the old one stays behind it."""
    add(suppression(digests.digest_of_address(PHONE)))
    keyed.setenv("DIGEST_SECRETS", f"{NEXT_SECRET},{SECRET}")
    assert cause("sms", PHONE) == "stop"


def test_an_old_link_still_unsubscribes(keyed: pytest.MonkeyPatch) -> None:
    """Links in mails that were sent long ago hold digests without a key; what they change is stored with one."""
    from pydantic import SecretStr

    secrets = [SecretStr("links")]
    link = links.read(links.token(links.Unsubscription(1, unkeyed(EMAIL), unkeyed("lead:1", "person")), secrets), secrets)
    transact(lambda s: consent.suppress(s, ["email"], [link.address, link.person], "unsubscribed", clock.now()))
    assert cause("email", EMAIL) == "unsubscribed"
    assert all(who.startswith("k") for who in people_of(Suppression))


@settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.booleans()), max_size=4))
def test_the_last_wish_counts_whatever_its_form(keyed: pytest.MonkeyPatch, wishes: list[tuple[bool, int, bool]]) -> None:
    """Said in any order and stored in either form, before the job and after it: what was said last, else the stop."""
    transact(lambda session: session.execute(delete(Suppression)))
    forms = {False: unkeyed(PHONE), True: digests.digest_of_address(PHONE)}
    latest = {}
    for has_key, hours, lifted in wishes:
        latest[has_key] = (timedelta(hours=hours), lifted)
    add(*(suppression(forms[has_key], at=at, lifted=lifted) for has_key, (at, lifted) in latest.items()))
    rekey.rekey()
    wanted = min(latest.values(), default=(timedelta(), True))
    assert (cause("sms", PHONE) == "stop") == (not wanted[1])
