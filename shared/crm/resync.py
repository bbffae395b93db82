"""When one change concerns many opportunities: an advisor, a channel, a stage of the map. Each of them is asked for, no other.

The change commits a delivery to ourselves with it; carrying that out walks over the opportunities in pages, so that 100,000 of
them cost neither one huge transaction nor the patience of whoever made the change. It can be seen, retried and cancelled like
any other. It is a sync: it looks at what SQL says when it runs, and running it again only asks again.

One delivery walks over as many pages as fit well into its lease; the rest is a delivery of its own, planned with the last page
(`advisor:7>12000`: those behind number 12000). So a walk of any length ends, and a worker that dies costs its own part alone.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.outbox.actions import Action, Claimed, Done, Kind, Outcome
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

log = logging.getLogger("puente.resync")

TARGET = "puente"
PAGE = 500

type Walk = Callable[["Session", int], tuple[int, int] | None]
"""Ask for the next page of opportunities behind a number; how many they were and the last one's number, or None at the end."""


def advisor(session: "Session", advisor_id: int) -> None:
    """Ask for the opportunities that name this advisor."""
    _plan(session, f"advisor:{advisor_id}")


def channel(session: "Session", channel_id: int) -> None:
    """Ask for the opportunities of everybody who came by this channel."""
    _plan(session, f"channel:{channel_id}")


def stage(session: "Session", mapping_id: int, old_stage_id: int) -> None:
    """Ask that opportunities in a stage that has got another number in Odoo move with it."""
    _plan(session, f"stage:{mapping_id}:{old_stage_id}")


def _plan(session: "Session", subject: str) -> None:
    from shared.outbox import plan

    plan.sync(session, RESYNC, subject)


def of_advisor(advisor_id: int) -> "ColumnElement[bool]":
    """The opportunities that name an advisor."""
    from shared.store.models import Opportunity

    return (Opportunity.commercial_advisor_id == advisor_id) | (Opportunity.medical_advisor_id == advisor_id)


PAGES_AT_ONCE = 20
SHARE_OF_LEASE = 3  # begun are pages within a third of it; the last one may take long


def _execute(deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    return {delivery.id: Done({"opportunities": _carry_out(delivery.subject)}) for delivery in deliveries}


def _carry_out(subject: str) -> int:
    """Walk over the next pages; how many opportunities were asked for. A page is one transaction, and wakes the sync to Odoo.

    The last page plans the delivery of those behind it.
    """
    from shared.outbox import plan
    from shared.store.session import transact

    whole, _, behind = subject.partition(">")
    walk, last, count = _walk(whole), int(behind or 0), 0
    end = clock.now() + timedelta(seconds=get_settings().delivery_lease_seconds / SHARE_OF_LEASE)
    for number in range(1, PAGES_AT_ONCE + 1):
        is_last = number == PAGES_AT_ONCE or clock.now() >= end

        def page(session: "Session", start: int = last, *, plans: bool = is_last) -> tuple[tuple[int, int] | None, set[str]]:
            done = walk(session, start)
            if done is not None and plans:
                _plan(session, f"{whole}>{done[1]}")
            return done, plan.newly_due(session)

        done, due = transact(page)
        plan.nudge(due)
        if done is None:
            break
        count, last = count + done[0], done[1]
        if is_last:
            break
    log.info("%s: %d opportunities asked for", subject, count)
    return count


def _walk(subject: str) -> Walk:
    from shared.store.models import Contact, Opportunity

    kind, *numbers = subject.split(":")
    first = int(numbers[0])
    if kind == "advisor":
        return lambda session, behind: _next_page(session, behind, of_advisor(first))
    if kind == "channel":
        return lambda session, behind: _next_page(session, behind, Opportunity.contact.has(Contact.channel_id == first))
    return lambda session, behind: _next_moved(session, behind, first, int(numbers[1]))


def _next_moved(session: "Session", behind: int, mapping_id: int, old_stage_id: int) -> tuple[int, int] | None:
    """Move a page of opportunities to the number that the stage has now; none where the old number is on the map again."""
    from sqlalchemy import select

    from shared.store.models import Opportunity, StageMapping

    mapping = session.get(StageMapping, mapping_id)
    taken = session.scalars(select(StageMapping.id).where(StageMapping.odoo_stage_id == old_stage_id).limit(1)).first()
    if mapping is None or taken is not None:
        return None
    return _next_page(session, behind, Opportunity.stage_id == old_stage_id, {"stage_id": mapping.odoo_stage_id})


def _next_page(
    session: "Session", behind: int, concerned: "ColumnElement[bool]", values: Mapping[str, Any] | None = None
) -> tuple[int, int] | None:
    from sqlalchemy import select, update

    from shared.crm import odoo_sync
    from shared.store.dialect import locked
    from shared.store.models import Opportunity

    query = select(Opportunity.id, Opportunity.manychat_id).where(concerned, Opportunity.id > behind)
    rows = session.execute(locked(query.order_by(Opportunity.id).limit(PAGE), Opportunity)).all()
    if not rows:
        return None
    if values:
        session.execute(update(Opportunity).where(Opportunity.id.in_([row.id for row in rows])).values(**values))
    odoo_sync.ask_many(session, [row.manychat_id for row in rows])
    return len(rows), rows[-1].id


def policy() -> TargetPolicy:
    """The limits of deliveries to ourselves."""
    return TargetPolicy()


RESYNC = Action(target=TARGET, name="resync", kind=Kind.SYNC, execute=_execute, is_inside=True)
