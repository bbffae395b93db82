"""The places of shared/people that lock rows, and how somebody comes by them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared import clock
from shared.people import kinds, observing
from shared.store.people_models import Identity
from tests.lab.rows import ANA, Wait, filled, one

ANAS = kinds.Identity("email", ANA)


def known() -> Sequence[Any]:
    """An address by which somebody is known."""
    return [filled(Identity, key=ANAS.key, kind=ANAS.kind, value=ANAS.value)]


def observe(session: Session) -> None:
    """An event that shows it again."""
    observing.observe(session, observing.Seen(source="x", at=clock.now(), proven=[ANAS]))


WAITS = {
    "shared.people.observing:_BY_ID": Wait(
        Identity, one(Identity, key="k"), lambda session: observing.neighbourhood(session, [1])
    ),
    "shared.people.observing:_BY_KEY": Wait(Identity, known, observe),
}
