"""Waves of failures: they mark nobody, whether their automation is paused by them or was over already."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from functions.broadcasts import judging
from functions.broadcasts.audience import Candidate
from functions.broadcasts.tables import Recipient
from shared import clock
from shared.errors import PermanentError
from shared.messages import not_on_whatsapp, statuses
from shared.messages.events import ProviderEvent
from shared.store.message_models import Suppression
from shared.store.session import reading, transact
from shared.store.whatsapp_models import WhatsAppWave
from tests.functions.broadcasts.posting import Post

NOT_THERE, LIMITED = "twilio-not-on-whatsapp", "twilio-marketing-limit"
FIRST = "+525510000000"


def fails(post: Post, numbers: range, reason: str = NOT_THERE, copies: int = 1) -> None:
    """What the vendor says of the newest messages to these people, each so often."""
    newest = {letter.message.to: letter.delivery_id for letter in post.office.sent}
    for number in list(numbers) * copies:
        vendor_id = f"V{newest[f'+5255{10_000_000 + number}']}"
        event = ProviderEvent(provider="twilio", vendor_id=vendor_id, status="failed", reason=reason, at=clock.now())
        transact(partial(statuses.status, news=event))


def next_day(post: Post) -> None:
    """And the job judges."""
    post.clock.advance(days=1)
    not_on_whatsapp.settle()


def marked() -> set[str]:
    """The causes of the suppressions that hold."""
    with reading() as session:
        return {row.cause for row in session.scalars(select(Suppression).where(~Suppression.lifted))}


def reasons() -> list[tuple[str, str | None]]:
    """What became of the recipients of the newest execution, and why."""
    with reading() as session:
        rows = session.scalars(select(Recipient).order_by(Recipient.execution_id.desc(), Recipient.id)).all()
        return [(row.status, row.reason) for row in rows if row.execution_id == rows[0].execution_id]


def sent(post: Post, number: int, **fields: object) -> int:
    """A broadcast to so many people that has gone out; its execution."""
    execution_id = post.begin(number, rate_limit_per_hour=1000, **fields)
    post.go(120 + 6 * number)
    return execution_id


@pytest.mark.slow
@pytest.mark.parametrize("copies", [1, 2])
def test_who_fails_in_a_wave_after_the_end_is_not_marked(post: Post, copies: int) -> None:
    """All had gone out and the execution was over when the vendor told of them; two days one after the other."""
    for _day in range(2):
        execution_id = sent(post, 40)
        assert post.execution(execution_id).status == "completed"
        fails(post, range(30), copies=copies)
        next_day(post)
        assert marked() == set()
    fails(post, range(30), copies=2)  # all of it once more, when the waves are long over
    next_day(post)
    assert marked() == set()
    with reading() as session:
        assert len(session.scalars(select(WhatsAppWave)).all()) == 2


@pytest.mark.slow
def test_wave_that_pauses_marks_nobody(post: Post) -> None:
    """Of people who had failed before: they were refused at once, one by one, until the automation stood still."""
    sent(post, 3)
    fails(post, range(3))
    next_day(post)
    execution_id = post.begin(100, rate_limit_per_hour=1000)
    post.office.refusals = [PermanentError(NOT_THERE, "63024")] * 100
    post.go(300)
    assert post.execution(execution_id).status == "paused"
    next_day(post)
    assert marked() == set()


def test_few_failures_are_no_wave_and_mark_on_the_second_day(post: Post) -> None:
    """The third broadcast leaves them out, and so does the forecast of the next; the others get it."""
    for _day in range(2):
        sent(post, 8)
        fails(post, range(2), copies=2)
        next_day(post)
    assert marked() == {"not-on-whatsapp"}
    sent(post, 8)
    assert reasons() == [("skipped", "suppressed-not-on-whatsapp")] * 2 + [("completed", None)] * 6
    with reading() as session:
        assert [one.reason for one in judging.judge(session, [Candidate(phone=FIRST)], {}, ())] == [
            "suppressed:not-on-whatsapp"
        ]


def test_market_limit_leaves_them_out_of_the_next_broadcast_of_the_day(post: Post) -> None:
    """With the reason, seen at the start as well; the day after they get it."""
    sent(post, 6)
    fails(post, range(2), LIMITED, copies=3)
    post.clock.advance(hours=1)
    sent(post, 6)
    assert reasons() == [("skipped", "suppressed-market-limit")] * 2 + [("completed", None)] * 4
    with reading() as session:
        assert [one.reason for one in judging.judge(session, [Candidate(phone=FIRST)], {}, ())] == ["suppressed:market-limit"]
    post.clock.advance(hours=23)
    sent(post, 6)
    assert reasons() == [("completed", None)] * 6


@pytest.mark.slow
def test_a_share_of_limits_is_a_wave_that_stops_nobody(post: Post) -> None:
    """30 of 60 fail with Meta's limit: no stop, nobody marked, and whoever fails as not there in between is not marked."""
    sent(post, 60)
    fails(post, range(1))
    next_day(post)
    sent(post, 60)
    fails(post, range(1))
    fails(post, range(1, 31), LIMITED)
    post.clock.advance(hours=1)
    not_on_whatsapp.settle()
    assert marked() == {"market-limit"}
    with reading() as session:
        untils = [row.until - row.changed_at for row in session.scalars(select(Suppression)) if row.until is not None]
    assert untils == [timedelta(hours=24)] * 30
