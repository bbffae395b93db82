"""131026 on two days, and 131049, as Meta's webhooks tell of them: late, repeated and backwards."""

import pytest

from shared import clock
from shared.messages import Fallback, consent, not_on_whatsapp
from shared.store.session import reading
from tests.functions.whatsapp.conftest import Town
from tests.support.messages import ANA_PHONE, carry_out, deliveries, enqueue, message

SMS = Fallback(channel="sms", to=ANA_PHONE, template="lead_day_3")


def writes_to_ana(town: Town, key: str, outcome: str = "delivered", *, backwards: bool = False) -> None:
    """A message of marketing goes to Ana, and Meta tells twice what became of it."""
    town.meta.act("deliver", {"outcome": outcome})
    enqueue(message(dedupe_key=key, fallback=(SMS,)))
    town.settle(backwards=backwards, copies=2)


def day_passes(test_clock: clock.TestClock) -> None:
    """And the job judges."""
    test_clock.advance(days=1)
    not_on_whatsapp.settle()


def ways() -> list[tuple[str, str, str | None]]:
    """What became of each message, by each of its channels."""
    carry_out()
    return [(row.action, row.state, row.reason) for row in deliveries()]


@pytest.mark.parametrize("backwards", [False, True])
def test_second_day_goes_by_sms_until_they_write(town: Town, test_clock: clock.TestClock, backwards: bool) -> None:  # noqa: FBT001
    """The third message is not even tried by WhatsApp; once they have written the fourth is."""
    for key in ("k1", "k2"):
        writes_to_ana(town, key, "undeliverable", backwards=backwards)
        day_passes(test_clock)
    sent = len(town.got())
    writes_to_ana(town, "k3")
    assert ways()[-2:][0] == ("whatsapp", "skipped", "suppressed-not-on-whatsapp")
    assert (ways()[-1][0], len(town.got())) == ("sms", sent)
    town.says("Hola")
    day_passes(test_clock)
    writes_to_ana(town, "k4")
    assert (ways()[-1], len(town.got())) == (("whatsapp", "done", None), sent + 1)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_arrived_after_all_marks_nobody(town: Town, test_clock: clock.TestClock, backwards: bool) -> None:  # noqa: FBT001
    """In both orders of the two statuses, on three days."""
    for number in range(3):
        writes_to_ana(town, f"k{number}", "delivered-after-failed", backwards=backwards)
        day_passes(test_clock)
    with reading() as session:
        assert consent.held_back(session, message()) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_market_limit_holds_for_a_day(town: Town, test_clock: clock.TestClock, backwards: bool) -> None:  # noqa: FBT001
    """The next message of marketing of that day is left out, with no SMS in its place; the one of tomorrow goes."""
    writes_to_ana(town, "k1", "marketing-limit", backwards=backwards)
    test_clock.advance(hours=2)
    writes_to_ana(town, "k2")
    assert [row[0] for row in ways()] == ["whatsapp", "whatsapp"]
    assert ways()[-1] == ("whatsapp", "skipped", "suppressed-market-limit")
    test_clock.advance(hours=22)
    writes_to_ana(town, "k3")
    assert (ways()[-1], len(town.got())) == (("whatsapp", "done", None), 2)
