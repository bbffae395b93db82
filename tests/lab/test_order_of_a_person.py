"""Of two executors at once none overtakes the other with a later message to the same person."""

import os

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from shared import clock
from shared.outbox import claims, plan
from shared.outbox.actions import Action, AfterUnknown, Done, Kind
from shared.outbox.claims import Batch, Permit
from shared.outbox.policy import TargetPolicy
from shared.store.models import Delivery
from shared.store.session import transact
from tests.lab.together import together
from tests.support.vendors import registered

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="races need PostgreSQL: make test-lab"
    ),
]
NOTE = Action(
    target="mass",
    name="note",
    kind=Kind.MESSAGE,
    execute=lambda batch: {one.id: Done() for one in batch},
    batch_size=lambda: 2,
    at_once=2,
    after_unknown=AfterUnknown.SEND_AGAIN,
)


def claimed(session: Session, token: str) -> list[str]:
    """What an executor with that token gets now."""
    permit = Permit("mass", NOTE, "note", "transactional", 0, 2, shares=False)
    found: Batch | None = claims.batch(session, permit, token)
    return [str(one.payload["n"]) for one in found.deliveries] if found else []


def test_the_second_leaves_out_whom_the_first_is_just_claiming(lab: Engine) -> None:
    """Neither while the claim of the first is not committed, nor while its call is under way; others are not held up."""
    got: dict[str, list[str]] = {}

    def wanted(session: Session) -> None:
        for number, whom in enumerate(("ana", "ana", "ana", "eva"), 1):
            plan.message(session, NOTE, whom, f"k{number}", {"n": number})

    with registered(NOTE, TargetPolicy(slots=2)):
        transact(wanted, lab)
        # The first locks two of Ana's and takes one; the second finds Ana's third and Eva's.
        together(
            lab,
            lambda session: got.update(first=claimed(session, "first")),
            lambda session: got.update(second=claimed(session, "second")),
        )
        assert (got["first"], got["second"]) == (["1"], ["4"])
        transact(lambda session: got.update(later=claimed(session, "later")), lab)
        assert got["later"] == []
        done = update(Delivery).where(Delivery.state == "sending", Delivery.subject == "ana")
        transact(lambda session: session.execute(done.values(state="done", finished_at=clock.now())), lab)
        transact(lambda session: got.update(later=claimed(session, "later")), lab)
        assert got["later"] == ["2"]
