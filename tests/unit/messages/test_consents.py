"""Consent with its proof: which word counts, whatever the order; and stops that no join and no import lifts."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from functions.leads import services as lead_services
from functions.leads.payloads import LeadPayload
from functions.messages import apply_reply
from shared import clock
from shared.messages import consent, consent_history, statuses
from shared.messages.consent_history import ANY, HEALTH_DATA, MARKETING, Statement
from shared.messages.digests import digest_of_address, digest_of_person
from shared.messages.events import InboundMessage
from shared.people import aliases
from shared.people.kinds import Identity
from shared.store.consent_models import Consent
from shared.store.models import Delivery
from shared.store.session import reading, transact
from tests.unit.people.test_observing import ANA, LEAD, MAIL, join, saw, separate

FEBRUARY, MARCH, APRIL = (datetime(2026, month, 2, 9, tzinfo=UTC) for month in (2, 3, 4))
OTHER = Identity("email", "other@example.com")


def say(who: Identity, word: str, at: datetime | None, *, is_proven: bool = True, channel: str = "email") -> int:
    """Record a word about marketing."""
    statement = Statement(
        channels=(channel,),
        purpose=MARKETING,
        word="granted" if word == "granted" else "withdrawn",
        source="test" if is_proven else "import",
        is_proven=is_proven,
        said_at=at,
    )
    return transact(lambda session: consent_history.record(session, who, statement))


def counts(*known: Identity) -> dict[tuple[str, str], str]:
    """The word that counts by channel and purpose."""
    with reading() as session:
        rows = consent_history.history(session, known)
        return {place: row.word for place, row in consent_history.current(rows).items()}


def held(name: str, to: str) -> str | None:
    """Why no marketing mail goes to that person there."""
    with reading() as session:
        return consent.cause_against(session, aliases.of(session, [name]), "email", to, transactional=False)


def unsubscribe(address: str, at: datetime) -> None:
    """They have used the link."""
    transact(lambda session: consent.suppress(session, ["email"], [digest_of_address(address)], "unsubscribed", at))


@pytest.mark.usefixtures("database")
class TestWhatCounts:
    """`current` and `cause_against`."""

    def test_a_stop_a_later_yes_and_a_join(self) -> None:
        """A unsubscribed in February, B opted in in March with proof, C is an undated import; joined, then split again."""
        saw(ANA, MAIL)
        saw(LEAD, OTHER)
        third = Identity("lead", "18")
        saw(third)
        unsubscribe("ana@example.com", FEBRUARY)
        say(OTHER, "granted", MARCH)
        say(third, "granted", None, is_proven=False)
        number = saw(ANA, LEAD) or 0
        saw(ANA, third)
        assert held("manychat:1", "ana@example.com") == "unsubscribed"  # at its own address for ever
        assert held("lead:17", "other@example.com") is None  # the newest word with proof is hers
        separate(number, LEAD, OTHER)
        assert held("manychat:1", "ana@example.com") == "unsubscribed"
        assert held("lead:17", "other@example.com") is None

    @pytest.mark.parametrize(
        ("at", "is_proven", "cause"),
        [(MARCH, True, None), (FEBRUARY - timedelta(days=9), True, "unsubscribed"), (MARCH, False, "unsubscribed")],
    )
    def test_only_a_newer_word_with_proof_beats_a_stop_elsewhere(
        self,
        at: datetime,
        is_proven: bool,  # noqa: FBT001  # a column of the table
        cause: str | None,
    ) -> None:
        """Neither an older one nor an import does."""
        saw(ANA, MAIL, OTHER)
        unsubscribe("ana@example.com", FEBRUARY)
        say(OTHER, "granted", at, is_proven=is_proven)
        assert held("manychat:1", "other@example.com") == cause

    def test_whoever_is_only_probably_the_same_takes_no_stop_back(self) -> None:
        """A stranger's form names her address and says yes."""
        saw(ANA, MAIL, OTHER)
        saw(LEAD, typed=(MAIL,))
        unsubscribe("ana@example.com", FEBRUARY)
        say(LEAD, "granted", MARCH)
        assert held("manychat:1", "other@example.com") == "unsubscribed"

    def test_what_an_operator_entered_stays(self) -> None:
        """`by-hand` is lifted by hand alone."""
        saw(ANA, MAIL, OTHER)
        transact(lambda session: consent.suppress(session, ["email"], [digest_of_address(MAIL.value)], "by-hand", FEBRUARY))
        say(OTHER, "granted", MARCH)
        assert held("manychat:1", "other@example.com") == "by-hand"

    def test_an_import_counts_where_nothing_else_was_said(self) -> None:
        """And never after a word of theirs, however old that is."""
        say(OTHER, "granted", APRIL, is_proven=False)
        assert counts(OTHER) == {("email", MARKETING): "granted"}
        say(OTHER, "withdrawn", FEBRUARY)
        assert counts(OTHER) == {("email", MARKETING): "withdrawn"}
        assert say(OTHER, "withdrawn", FEBRUARY) == 0


WORDS = (
    (MAIL, "withdrawn", FEBRUARY, True),
    (MAIL, "granted", APRIL, False),
    (OTHER, "granted", MARCH, True),
    (OTHER, "withdrawn", MARCH, True),
    (LEAD, "granted", None, False),
    (LEAD, "granted", FEBRUARY, True),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=st.permutations(WORDS), again=st.lists(st.sampled_from(WORDS), max_size=3))
def test_any_order_of_words_ends_the_same(
    database: Engine,
    order: Sequence[tuple[Identity, str, datetime | None, bool]],
    again: Sequence[tuple[Identity, str, datetime | None, bool]],
) -> None:
    """Each word is kept once, and the same one counts; of two at one instant the one that withdraws."""
    transact(lambda session: session.execute(delete(Consent)), database)
    for who, word, at, is_proven in (*order, *again):
        say(who, word, at, is_proven=is_proven)
    with reading() as session:
        assert len(session.scalars(select(Consent)).all()) == len(WORDS)
    assert counts(MAIL, OTHER, LEAD) == {("email", MARKETING): "withdrawn"}
    assert counts(MAIL) == {("email", MARKETING): "withdrawn"}
    assert counts(LEAD) == {("email", MARKETING): "granted"}


@pytest.mark.usefixtures("database")
class TestSources:
    """Where words come from."""

    def test_stop_and_start_are_kept_with_their_words(self) -> None:
        """For each channel of the phone, with the message that says so."""
        for vendor_id, wish, text, at in (("SM1", "stop", "BAJA", FEBRUARY), ("SM2", "start", "ALTA", MARCH)):
            payload = InboundMessage(
                vendor_id=vendor_id,
                who=digest_of_address("+525512345678"),
                channel="sms",
                sender="+525512345678",
                text=text,
                wish=wish,  # type: ignore[arg-type]  # a column of the table
            )
            event = SimpleNamespace(payload=payload, envelope=SimpleNamespace(time=at), key=vendor_id)
            transact(lambda session, event=event: apply_reply(session, event))  # type: ignore[misc]
        with reading() as session:
            rows = session.scalars(select(Consent).where(Consent.channel == "sms").order_by(Consent.id)).all()
            assert [(row.word, row.text, row.evidence["vendor_id"]) for row in rows] == [
                ("withdrawn", "BAJA", "SM1"),
                ("granted", "ALTA", "SM2"),
            ]
            assert counts_of(rows[0]) == "granted"

    def test_the_link_of_a_mail_is_a_word_of_its_address(self) -> None:
        """The delivery says to whom the mail went."""
        payload = {
            "to": "Ana@Example.com",
            "person": "lead:17",
            "channel": "email",
            "template": "a",
            "dedupe_key": "k",
            "context": {},
        }
        delivery = Delivery(kind="message", target="brevo", action="email", subject="lead:17", due_at=MARCH, payload=payload)

        def work(session) -> None:
            session.add(delivery)
            session.flush()
            whom = [digest_of_address("ana@example.com"), digest_of_person("lead:17")]
            statuses.unsubscribed(session, delivery.id, whom, MARCH)

        transact(work)
        assert counts(MAIL) == {("email", MARKETING): "withdrawn"}

    def test_the_form_tells_what_was_ticked_and_which_notice_was_shown(self, leads: Callable[..., str]) -> None:
        """The notice on health data is a consent of its own purpose; without a tick nothing is kept."""
        leads(1, acepta_mensajes="on", texto_mensajes="Acepto recibir mensajes.", aviso_salud="2026-01")
        leads(2, acepta_mensajes="no")
        with reading() as session:
            rows = {row.channel: row for row in session.scalars(select(Consent).where(Consent.value == "1"))}
            assert set(rows) == {"email", "sms", "whatsapp", "voice", ANY}
            assert (rows["email"].text, rows["email"].is_proven) == ("Acepto recibir mensajes.", True)
            assert (rows[ANY].purpose, rows[ANY].version) == (HEALTH_DATA, "2026-01")
            assert session.scalars(select(Consent).where(Consent.value == "2")).all() == []

    def test_a_later_form_of_the_same_lead_proves_nothing(self, leads: Callable[..., str]) -> None:
        """It may be a stranger's."""
        leads(1)
        leads(1, acepta_mensajes="on", empresa="Otra")
        with reading() as session:
            assert {row.is_proven for row in session.scalars(select(Consent))} == {False}


def counts_of(row: Consent) -> str:
    """The word that counts by that row's channel, of whoever said it."""
    return counts(Identity(row.kind, row.value))[row.channel, row.purpose]


@pytest.fixture
def leads(database: Engine, test_clock: clock.TestClock) -> Callable[..., str]:
    """Take in a form of that number."""

    def work(number: int, **more: str) -> str:
        test_clock.advance(minutes=1)
        facts = {
            "nombre": "Ana",
            "email": "ana@example.com",
            "telefono": "5512345678",
            "empresa": "A",
            "servicio": "S",
            "fuente": "w",
        }
        payload = LeadPayload.model_validate(facts | {"lead_id": number} | more)
        return transact(
            lambda session: lead_services.take(session, payload, clock.now(), f"key-{number}-{len(more)}"), database
        )

    return work


def test_a_join_by_hand_changes_no_word(database: Engine) -> None:
    """Each word stays with the identity that said it."""
    del database
    first, second = saw(ANA, MAIL) or 0, saw(LEAD, OTHER) or 0
    say(MAIL, "withdrawn", FEBRUARY)
    say(OTHER, "granted", MARCH)
    join(first, second)
    assert (counts(MAIL), counts(OTHER)) == ({("email", MARKETING): "withdrawn"}, {("email", MARKETING): "granted"})
