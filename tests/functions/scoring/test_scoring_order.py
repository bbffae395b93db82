"""Any order and repetition of what ManyChat reports ends in the same leads, each one contact."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from functions.scoring import services
from functions.scoring.payloads import ScoredLeadPayload
from functions.scoring.tables import ScoredLead
from shared.intake.webhook import taken
from shared.store.session import transact
from shared.store.types import key_of
from tests.functions.scoring.conftest import Account, lead
from tests.support.examples import examples

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
OWN = frozenset({"id", "created_at", "updated_at"})
REPORTS = st.tuples(
    st.sampled_from(["1", "2"]),
    st.sampled_from(["ana@example.com", "eva@example.com", "none at all", None]),
    st.sampled_from(["55 1234 5678", None]),
    st.integers(0, 3),
)


def stored(session: Session, reports: list[tuple[dict[str, Any], datetime]]) -> list[dict[str, Any]]:
    """The rows that these reports make, in this order."""
    for body, at in reports:
        services.take(session, taken(ScoredLeadPayload, body), key_of(json.dumps(body), at.isoformat()), at)
    rows = session.query(ScoredLead).order_by(ScoredLead.key).all()
    names = [column.key for column in ScoredLead.__table__.columns if column.key not in OWN]
    return [{name: getattr(row, name) for name in names} for row in rows]


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(REPORTS, min_size=1, max_size=6), dice=st.randoms(use_true_random=False))
def test_rows_depend_on_no_order(database: Any, drawn: list[tuple[Any, ...]], dice: random.Random) -> None:
    """Of two reports of one instant one counts, the same in each order."""
    del database
    reports = [
        (lead(number, email=email) | {"user": {"custom_fields": {"phone": phone}}}, AT + timedelta(seconds=second))
        for number, email, phone, second in drawn
    ]
    shuffled = [*reports, *dice.sample(reports, k=dice.randint(0, len(reports)))]
    dice.shuffle(shuffled)
    outcomes = []
    for order in (reports, shuffled):
        transact(lambda session: session.query(ScoredLead).delete())
        outcomes.append(transact(lambda session, order=order: stored(session, order)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_contacts_depend_on_no_order_of_failures(account: Account, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Leads that are one person by address or number, reported with answers lost at random: one contact each, in step."""
    dice = random.Random(seed)  # noqa: S311  # a load, no secret
    people = [
        {"email": "ana@example.com", "phone": "55 1234 5678"},
        {"email": None, "phone": "55 8765 4321"},
        {"email": "EVA@example.com"},
        {"email": None, "phone": "+52 1 55 8765 4321"},
        {"email": "ana@example.com"},
    ]
    for round_ in range(4):
        for one in dice.sample(people, k=len(people)):
            account.report(lead(f"{people.index(one) + 1}", **one, last_name=f"L{round_}"))
            account.wire.lose_answers += dice.choice((0, 0, 1))
            if dice.random() < 0.4:
                account.settle()
    account.wire.lose_answers = 0
    account.settle(minutes=30)
    assert {row.hubspot_sync_status for row in account.leads} == {"success"}
    known = sorted(contact.get("email") or contact["phone"] for contact in account.contacts)
    assert known == ["+525587654321", "ana@example.com", "eva@example.com"]
    assert {contact["lastname"] for contact in account.contacts} == {"L3"}
