"""Recipients come forward and never back; the counts say so exactly, folded or not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from functions.broadcasts import counts, progress
from functions.broadcasts.progress import Change
from functions.broadcasts.states import ENDED, ORDER, RecipientStatus, comes_after
from functions.broadcasts.tables import CountDelta, ExecutionCount, Recipient
from shared import faults
from shared.privacy.erase import erase, look, person
from shared.store.session import reading, transact
from tests.functions.broadcasts.conftest import Run
from tests.support.examples import examples

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
PHONES = [f"+52155123400{number:02}" for number in range(3)]
STATUSES = st.sampled_from([RecipientStatus(one) for one in ("sent", "delivered", "read", "replied", "completed", "failed")])


class FakeRow:
    """A recipient without a database."""

    def __init__(self) -> None:
        self.status, self.due_at = RecipientStatus.QUEUED, AT
        self.sent_at = self.delivered_at = self.read_at = self.replied_at = self.completed_at = None
        self.reason = self.flow_outcome = self.flow_current_node = self.error_code = self.error_message = None
        self.flow_completed = False


def changed(recipient_id: int, status: str, seconds: int = 0, **more: str) -> Change:
    """A change at that second."""
    return Change(recipient_id=recipient_id, status=RecipientStatus(status), at=AT + timedelta(seconds=seconds), **more)


def record(*changes: Change) -> set[int]:
    """Record them in one transaction."""
    return transact(lambda session: progress.record(session, changes))


def counted(execution_id: int) -> dict[str, int]:
    """The counts that are not 0."""
    with reading() as session:
        return {name: value for name, value in counts.of(session, [execution_id])[execution_id].items() if value}


@given(st.lists(STATUSES, max_size=12))
@settings(max_examples=examples(200))
def test_events_in_any_order_never_move_a_recipient_back(events: list[RecipientStatus]) -> None:
    """However often they come: each stage is counted once, and an end stays what it is."""
    row, sums = FakeRow(), dict.fromkeys(("sent", "delivered", "read", "replied", "completed", "failed", "ended"), 0)
    sums |= {"processed_ms": 0, "response_ms": 0}
    for event in events:
        before = row.status
        progress._apply(row, changed(1, event.value), sums)  # type: ignore[arg-type]
        assert ORDER[row.status] >= ORDER[before]
        assert before not in ENDED or row.status == before
    for stage in ("sent", "delivered", "read", "replied", "completed", "failed", "ended"):
        assert sums[stage] in {0, 1}
    assert sums["replied"] <= sums["read"] <= sums["delivered"] <= sums["sent"]
    assert sums["ended"] == sums["completed"] + sums["failed"] == (row.status in ENDED)


@pytest.mark.parametrize(
    ("new", "present", "moves"),
    [
        ("failed", "delivered", False),
        ("failed", "sent", True),
        ("skipped", "sent", False),
        ("skipped", "queued", True),
        ("read", "delivered", True),
        ("delivered", "read", False),
        ("completed", "sent", True),
        ("failed", "completed", False),
        ("replied", "skipped", False),
    ],
)
def test_what_may_follow(new: str, present: str, *, moves: bool) -> None:
    """What was delivered has not failed, and what was sent was not skipped."""
    assert comes_after(RecipientStatus(new), RecipientStatus(present)) is moves


def test_counts_are_the_same_before_and_after_folding(run: Run) -> None:
    """A read message counts as delivered; one that comes again counts nothing; a failed one ends."""
    execution, (one, two, three) = run(*PHONES)
    assert record(changed(one, "sent"), changed(two, "sent"), changed(three, "sent")) == set()
    assert record(changed(one, "read", 5), changed(one, "delivered", 4), changed(two, "failed", 6, error_code="131026")) == {
        two
    }
    assert record(changed(one, "read", 9), changed(two, "failed", 9), changed(three, "replied", 60)) == set()
    expected = {"sent": 3, "delivered": 2, "read": 2, "replied": 1, "failed": 1, "ended": 1, "response_ms": 60_000}
    assert counted(execution) == expected
    assert counts.fold() > 0
    assert counts.fold() == 0
    assert counted(execution) == expected
    with reading() as session:
        assert session.scalars(select(CountDelta)).all() == []
        rows = {row.id: row for row in session.scalars(select(Recipient))}
    assert (rows[one].status, rows[two].status, rows[two].error_code, rows[three].status) == (
        "read",
        "failed",
        "131026",
        "replied",
    )


def test_one_message_flow_that_is_over_is_still_read(run: Run) -> None:
    """It is completed once it was handed over; what the vendor says later counts, and the status stays."""
    execution, (one,) = run(PHONES[0])
    assert record(changed(one, "completed", 1, outcome="sent")) == {one}
    record(changed(one, "delivered", 2), changed(one, "read", 3))
    assert counted(execution) == {"sent": 1, "completed": 1, "ended": 1, "delivered": 1, "read": 1}


def test_fold_that_dies_counts_nothing_twice(run: Run) -> None:
    """The differences go in the transaction that adds them up."""
    execution, (one, *_more) = run(*PHONES)
    record(changed(one, "sent"))
    faults.inject("broadcasts.after_fold=raise")
    try:
        with pytest.raises(faults.InjectedFault):
            counts.fold()
    finally:
        faults.inject("")
    assert counts.fold() == 0
    assert counted(execution) == {"sent": 1}
    with reading() as session:
        assert session.get_one(ExecutionCount, execution).sent == 1


def test_erased_recipient_is_gone_and_the_counts_stay(run: Run) -> None:
    """Their other places go as well, for they have the same number; what is reported of them later changes nothing."""
    execution, (one, *_more) = run(*PHONES)
    _other_execution, (other,) = run(PHONES[0])
    record(changed(one, "sent"))
    who = person(row=(Recipient.__tablename__, one))
    assert look(who, ask_odoo=False).rows[Recipient.__tablename__] == 2
    erase(who, way="skip", actor="dpo")
    with reading() as session:
        assert not {one, other} & set(session.scalars(select(Recipient.id)))
    assert record(changed(one, "read")) == set()
    assert counted(execution) == {"sent": 1}
