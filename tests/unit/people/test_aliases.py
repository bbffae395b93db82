"""Every name of a person: what is proven to be theirs, what probably is; and caps and stops that ask for all of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from shared.messages import consent, days
from shared.messages.consent import Cause
from shared.messages.digests import digest_of_address
from shared.messages.windows import Window
from shared.people import aliases, observing
from shared.people.aliases import MOST_PROBABLE, Aliases
from shared.people.kinds import Identity
from shared.people.observing import Seen
from shared.store.session import reading, transact
from tests.unit.people.test_observing import ANA, BEA, LEAD, MAIL, NOW, PHONE, saw, separate

OTHER = Identity("email", "other@example.com")
WINDOW = Window(zone=ZoneInfo("UTC"), country=None, quiet_from=time(0), quiet_to=time(0), days=frozenset(range(7)))


def known(*names: str) -> Aliases:
    """The person of these names."""
    with reading() as session:
        return aliases.of(session, names)


def stop(address: str, channels: Sequence[str] = ("email",), cause: Cause = "unsubscribed") -> None:
    """Whoever has that address wants no more."""
    transact(lambda session: consent.suppress(session, channels, [digest_of_address(address)], cause, NOW))


def held(name: str, channel: str, to: str) -> str | None:
    """Why nothing goes to that person by that channel."""
    with reading() as session:
        return consent.cause_against(session, aliases.of(session, [name]), channel, to, transactional=False)


@pytest.mark.usefixtures("database")
class TestAliases:
    """`aliases.of`."""

    def test_somebody_unknown_has_the_name_that_they_are_asked_for_by(self) -> None:
        """A name that nothing is known of, and one that is no identity's."""
        assert known("lead:99", "order:7") == Aliases(("lead:99", "order:7"))

    def test_what_is_joined_is_theirs_and_what_was_typed_is_probable(self) -> None:
        """A lead whose form named Ana's address: each is probably the other."""
        saw(ANA, MAIL)
        saw(LEAD, typed=(MAIL,))
        assert (known("lead:17").own, set(known("lead:17").probable)) == ((LEAD,), {ANA, MAIL})
        assert (set(known("1").own), known("1").probable) == ({ANA, MAIL}, (LEAD,))
        assert known("1").all_names[0] == "1"
        assert set(known("1").all_names) == {"1", "manychat:1", "email:ana@example.com", "lead:17"}

    def test_two_who_share_a_phone_stay_two(self) -> None:
        """The number is a name of both; what else one has is no name of the other."""
        saw(ANA, PHONE)
        saw(BEA, PHONE)
        assert known("manychat:1").shared == (PHONE,)
        assert known("manychat:1").probable == ()
        assert set(known("phone:+525512345678").all_names) >= {"manychat:1", "manychat:2"}

    def test_whoever_was_separated_by_hand_is_not_even_probable(self) -> None:
        """An operator said that they are two, though both have typed one address."""
        number = saw(ANA, LEAD)
        saw(ANA, typed=(MAIL,))
        saw(LEAD, typed=(MAIL,))
        separate(number or 0, LEAD)
        assert known("manychat:1").probable == (MAIL,)

    def test_a_company_mailbox_stays_bounded(self) -> None:
        """Very many who have typed one address are not all asked for."""
        for number in range(MOST_PROBABLE + 10):
            saw(Identity("lead", str(1000 + number)), typed=(MAIL,))
        assert len(known("lead:1000").probable) == MOST_PROBABLE


@pytest.mark.usefixtures("database")
class TestStops:
    """A stop of one counts for all who are or probably are the same person."""

    @pytest.mark.parametrize("proven", [True, False])
    def test_a_stop_counts_at_every_address(self, proven: bool) -> None:  # noqa: FBT001  # a column of the table
        """Unsubscribed at one address: nothing goes to another of the same person, nor to one that was only typed."""
        saw(ANA, *((MAIL, OTHER) if proven else ()), typed=() if proven else (MAIL, OTHER))
        stop("ana@example.com")
        assert held("manychat:1", "email", "other@example.com") == "unsubscribed"
        assert held("lead:5", "email", "other@example.com") is None  # of whom nothing is known but the address

    def test_a_join_lifts_no_stop_and_a_split_restores(self) -> None:
        """A has stopped, B has not: joined both are held back, separated A alone."""
        saw(ANA, MAIL)
        saw(LEAD, OTHER)
        stop("ana@example.com")
        assert held("lead:17", "email", "other@example.com") is None
        number = saw(ANA, LEAD) or 0
        assert held("lead:17", "email", "other@example.com") == "unsubscribed"
        separate(number, LEAD, OTHER)
        assert held("lead:17", "email", "other@example.com") is None
        assert held("manychat:1", "email", "ana@example.com") == "unsubscribed"

    def test_a_stop_from_a_shared_number_holds_there_alone(self) -> None:
        """One of a household writes STOP: the number gets nothing, the other's own number goes on."""
        own = Identity("phone", "+525500000001")
        saw(ANA, PHONE, own)
        saw(BEA, PHONE)
        stop("+525512345678", consent.PHONE_CHANNELS, "stop")
        assert held("manychat:1", "sms", "+525512345678") == held("manychat:2", "sms", "+525512345678") == "stop"
        assert held("manychat:1", "sms", "+525500000001") is None

    def test_a_full_mailbox_says_nothing_of_another(self) -> None:
        """What a mailbox does is no wish of a person."""
        saw(ANA, MAIL, OTHER)
        stop("ana@example.com", cause="bounced")
        assert held("manychat:1", "email", "other@example.com") is None
        assert held("manychat:1", "email", "ana@example.com") == "bounced"


@pytest.mark.usefixtures("database")
class TestCaps:
    """The daily cap counts a person once, whatever they are named by."""

    def take(self, name: str, number: int) -> bool:
        """Whether a message to that name has a place in a day of two."""

        def work(session: Session) -> bool:
            today = days.of_person(session, aliases.of(session, [name]), WINDOW, NOW)
            return days.take_place(session, today, WINDOW.day(NOW), WINDOW.zone, number, 2)

        return transact(work)

    def test_messages_to_all_names_count_together(self) -> None:
        """Joined or only probable, before and after they became known as one; and what was not sent gives its place back."""
        assert self.take("lead:17", 1)
        saw(ANA, MAIL)
        assert self.take("manychat:1", 2)
        saw(LEAD, typed=(MAIL,))
        assert [self.take(name, 3) for name in ("lead:17", "1", "email:ana@example.com")] == [False, False, False]
        transact(lambda session: days.give_back(session, aliases.of(session, ["email:ana@example.com"]), NOW, 1))
        assert self.take("lead:17", 3)

    def test_a_household_has_a_cap_each(self) -> None:
        """Two people with one phone are two."""
        saw(ANA, PHONE)
        saw(BEA, PHONE)
        taken = [self.take(name, number) for number, name in enumerate(("1", "1", "2", "2", "1", "2"))]
        assert taken == [True, True, True, True, False, False]


def test_any_order_of_events_gives_everybody_the_same_first_name(database: object) -> None:
    """By that name the day's count is filed: two who are joined must meet in one row."""
    del database
    times = datetime(2026, 3, 2, tzinfo=UTC)

    def see(first: Identity, second: Identity, minutes: int) -> None:
        at = times + timedelta(minutes=minutes)
        transact(lambda session: observing.observe(session, Seen(source="t", at=at, proven=(first, second))))

    see(LEAD, MAIL, 3)
    see(ANA, PHONE, 2)
    see(MAIL, PHONE, 1)
    names = ("lead:17", "email:ana@example.com", "manychat:1", "1", "phone:+525512345678")
    assert len({known(name).own_names[0] for name in names}) == 1
