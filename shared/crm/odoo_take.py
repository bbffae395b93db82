"""Take over what people have done in Odoo: one record of theirs against one row of ours, in a transaction of ours.

A second look at the same record changes nothing, so looks may overlap, come twice, and end in the middle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock, flows
from shared.crm import contact_profiles, facts, odoo_sides, odoo_sync, opportunities, people
from shared.crm.odoo_seen import EMPTY, Seen, Verdict
from shared.crm.odoo_sides import ADVISOR, EMAIL, LOST_OUTCOME, PHONE, STAGE, WON, WON_OUTCOME, Side, Theirs
from shared.errors import PermanentError
from shared.people import kinds, observing
from shared.people.observing import Seen as SeenPerson
from shared.phrases import phrase
from shared.settings import get_settings
from shared.store.dialect import locked
from shared.store.models import ActionLog, Advisor, Contact, Opportunity
from shared.store.session import reading, transact
from shared.store.types import key_of
from shared.vendors.odoo.client import OdooClient

STAGE_MOVED, ASSIGNED, DELETED = "odoo.stage_moved", "odoo.assigned", "odoo.deleted"
WON_EVENT, LOST_EVENT, REOPENED = "odoo.won", "odoo.lost", "odoo.reopened"
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Look:
    """One look at Odoo: when it began, the user that we write as, and our advisor of each of Odoo's users concerned."""

    at: datetime
    us: int
    advisors: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class OdooChange:
    """What a person has done to a lead, as the listeners of `odoo.changed` get it; `event` is the name for journeys."""

    event: str
    contact: Contact
    at: datetime
    key: str
    data: Mapping[str, Any]


@dataclass
class Settled:
    """What became of one record: the facts taken over, whose value of each holds, and whether a sync was asked for."""

    taken: set[str] = field(default_factory=set)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    refused: list[PermanentError] = field(default_factory=list)
    is_asked: bool = False


def settle(session: Session, side: Side, theirs: Theirs, look: Look, *, repair: bool = False, writing: bool = False) -> Settled:
    """Take over what they win, and request a sync of what we win; nothing where we do not know the record.

    A look from before our last sync says nothing: the next one tells. `repair` writes ours again whatever differs, as the
    nightly comparison does; otherwise that is requested only where a person has changed it. With `writing` the caller writes
    the row itself, right afterwards.
    """
    found = _locked(session, side, theirs.key)
    if found is None:
        return Settled()
    contact, row = found
    if row.odoo_id not in (None, theirs.odoo_id) or (row.odoo_synced_at is not None and row.odoo_synced_at > look.at):
        return Settled()
    return _Settling(session, side, contact, row, theirs, look).run(repair=repair, writing=writing)


class _Settling:
    """One record while it is settled."""

    def __init__(self, session: Session, side: Side, contact: Contact, row: Any, theirs: Theirs, look: Look) -> None:
        self.session, self.side, self.contact, self.row, self.theirs, self.look = session, side, contact, row, theirs, look
        self.seen, self.done = Seen.of(row), Settled()
        self.events: list[tuple[str, datetime, dict[str, Any]]] = []

    def run(self, *, repair: bool, writing: bool) -> Settled:
        users = odoo_sides.odoo_users(self.session, [self.row])
        was_stage = getattr(self.row, "stage_id", None)
        judged = list(odoo_sides.verdicts(self.side, self.row, self.theirs, users, self.look.us))
        wanted = [self._settle_fact(fact, verdict, repair=repair) for fact, verdict in judged]
        self._take_outcome()
        kept = self.seen.as_json()
        if kept != (self.row.odoo_seen or {}):
            self.row.odoo_seen = kept
        self._request(is_ours=any(wanted) and not writing, is_theirs=bool(self.done.taken & {PHONE, EMAIL}))
        self._note(was_stage)
        return self.done

    def _settle_fact(self, fact: str, verdict: Verdict, *, repair: bool) -> bool:
        """Settle one fact; whether ours is to be written."""
        value, policy = self.theirs.values[fact], odoo_sides.policy_of(fact, self.theirs)
        is_changed = odoo_sides.is_changed(self.row, self.seen, fact, self.theirs, self.look.us)
        self.done.verdicts[fact] = verdict
        if verdict is Verdict.SAME:
            self.seen = self.seen.agreed(fact, value, is_held=policy == "theirs" and fact in self.seen.held)
        elif verdict is Verdict.THEIRS:
            self._take(fact, value, is_new=is_changed)
        elif verdict is Verdict.LEAVE and not self.seen.is_known(fact) and value is EMPTY:
            self.seen = self.seen.agreed(fact, value)
        elif verdict is Verdict.OURS and is_changed and self.theirs.writer == self.look.us and not repair:
            self.seen = self.seen.agreed(fact, value)  # Odoo keeps our value in a form of its own
            return False
        return verdict is Verdict.OURS and (is_changed or repair) and policy != "report"

    def _take(self, fact: str, value: Any, *, is_new: bool) -> None:
        """Odoo's value becomes ours, as of the moment of the change there; where theirs always wins, also over newer facts."""
        is_held = odoo_sides.policy_of(fact, self.theirs) == "theirs"
        at, ours = facts.effective(self.theirs.at(fact), clock.now()), self.side.our_time(self.row, fact)
        if ours is not None and ours >= at:
            at = ours + MOMENT
        key = key_of("odoo", self.side.model, str(self.theirs.odoo_id), fact, str(value), at.isoformat())
        try:
            changed = self._write(fact, value, at, key)
        except PermanentError as error:  # a stage or a user that we do not know: theirs stays as it is
            self.done.refused.append(error)
            self.done.verdicts[fact] = Verdict.LEAVE
            return
        self.seen = self.seen.agreed(fact, value, is_held=is_held)
        if changed:
            self.done.taken.add(fact)
        if changed and is_new and fact in (STAGE, ADVISOR):
            self.events.append((STAGE_MOVED if fact == STAGE else ASSIGNED, at, {}))

    def _write(self, fact: str, value: Any, at: datetime, key: str) -> set[str]:
        if fact == STAGE:
            stage = opportunities.resolve_stage(self.session, int(value))
            return opportunities.change_stage(self.session, self.row, stage, at, None, key, only_changes=True)
        if fact == ADVISOR:
            if value is not EMPTY and value not in self.look.advisors:
                raise PermanentError("unknown-advisor", phrase("no advisor of ours is Odoo's user %(user)s", user=value))
            advisor = facts.CLEARED if value is EMPTY else self.look.advisors[value]
            return facts.merge(self.row, {"commercial_advisor_id": advisor}, at, key)
        if fact in (PHONE, EMAIL):
            return _take_address(self.session, self.contact, fact, value, at, key)
        raise PermanentError("not-taken-over", f"{fact} cannot be taken over from Odoo")

    def _take_outcome(self) -> None:
        """A lead that was won, lost or opened again there is so here, where the policy has it."""
        if not isinstance(self.row, Opportunity) or get_settings().odoo_policy(WON) != "theirs":
            return
        outcome, before = self.theirs.outcome, self.row.outcome
        if outcome == before:
            return
        at = facts.effective((self.theirs.outcome_at if outcome else None) or self.theirs.changed_at, clock.now())
        self.row.outcome, self.row.outcome_date = outcome, at if outcome else None
        self.done.taken.add(WON)
        event = {WON_OUTCOME: WON_EVENT, LOST_OUTCOME: LOST_EVENT}.get(outcome or "", REOPENED)
        self.events.append((event, at, {"was": before, "reason": self.theirs.lost_reason}))

    def _request(self, *, is_ours: bool, is_theirs: bool) -> None:
        """Syncs: of the row where ours is to be written, of the person's other record where an address is new."""
        opportunity = self.row if isinstance(self.row, Opportunity) else None
        if is_ours or is_theirs:
            self.done.is_asked = True
        if is_ours:
            odoo_sync.ask(self.session, self.contact, opportunity)
        elif is_theirs and opportunity is not None:
            odoo_sync.CONTACTS.request(self.session, self.contact)
        elif is_theirs:
            other = self.session.scalars(select(Opportunity).where(Opportunity.contact_id == self.contact.id)).one_or_none()
            if other is not None:
                odoo_sync.OPPORTUNITIES.request(self.session, other)

    def _note(self, was_stage: int | None) -> None:
        if not self.done.taken:
            return
        detail = f"taken over from {self.side.model} {self.theirs.odoo_id}: {', '.join(sorted(self.done.taken))}"
        line = {"actor": f"odoo-user:{self.theirs.writer or '-'}", "action": "odoo.taken-over", "result": "done"}
        self.session.add(ActionLog(subject=self.contact.manychat_id, detail=detail, **line))
        for event, at, more in self.events:
            notify(self.session, self._change(event, at, {"from_stage_id": was_stage, **more}))

    def _change(self, event: str, at: datetime, more: Mapping[str, Any]) -> OdooChange:
        key = key_of(event, str(self.theirs.odoo_id), at.isoformat(), str(self.row.stage_id), str(self.row.outcome))
        return OdooChange(event, self.contact, at, key, {**data_of(self.contact, self.row), **more})


def note_deleted(session: Session, *, side: Side, manychat_id: str, look: Look) -> None:
    """Note once that Odoo has deleted a record. Our next change makes it anew, unless what is missing is theirs to decide.

    It is no erasure: what we know of the person stays.
    """
    found = _locked(session, side, manychat_id)
    if found is None:
        return
    contact, row = found
    seen = Seen.of(row)
    if seen.is_gone or row.odoo_sync_status != odoo_sync.SUCCESS or (row.odoo_synced_at and row.odoo_synced_at > look.at):
        return
    row.odoo_seen = replace(seen, is_gone=True).as_json()
    detail = f"{side.model} {row.odoo_id} is there no more"
    session.add(ActionLog(subject=manychat_id, actor="odoo", action="odoo.deleted", result="noted", detail=detail))
    if isinstance(row, Opportunity):
        key = key_of(DELETED, str(row.odoo_id))
        notify(session, OdooChange(DELETED, contact, look.at, key, data_of(contact, row)))


def notify(session: Session, change: OdooChange) -> None:
    """Call the listeners of `odoo.changed`, in the transaction of the change."""
    for _flow, listener in flows.listeners("odoo.changed"):
        listener(session, change)


def data_of(contact: Contact, opportunity: Opportunity | None) -> dict[str, Any]:
    """The facts of a change that journeys get."""
    known = {
        "manychat_id": contact.manychat_id,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "phone": contact.phone,
    }
    if opportunity is None:
        return known
    facts_of_lead = {
        "stage_id": opportunity.stage_id,
        "advisor_id": opportunity.commercial_advisor_id,
        "odoo_id": opportunity.odoo_id,
    }
    return {**known, **facts_of_lead, "outcome": opportunity.outcome}


def advisors_of(client: OdooClient, records: Sequence[Theirs]) -> dict[int, int]:
    """Our advisor of each of Odoo's users who is a salesperson there; one whom we do not know is adopted by e-mail, or added.

    Raises:
        PuenteError: as every call of Odoo.
    """
    wanted = {int(record.values[ADVISOR]) for record in records if record.values.get(ADVISOR)}
    with reading() as session:
        known = _known_advisors(session, wanted)
    if unknown := sorted(wanted - known.keys()):
        users = client.search_read(odoo_sides.USERS, [["id", "in", unknown]], ["name", "login", "email"], archived=True)
        known |= transact(lambda session: {int(user["id"]): _adopted(session, user) for user in users})
    return known


def _known_advisors(session: Session, users: set[int]) -> dict[int, int]:
    query = select(Advisor.odoo_user_id, Advisor.id).where(Advisor.odoo_user_id.in_(users)).order_by(Advisor.id.desc())
    return {int(user): number for user, number in session.execute(query) if user is not None}


def _adopted(session: Session, user: Mapping[str, Any]) -> int:
    """The advisor who is that user: one with the same address, else a new one."""
    user_id = int(user["id"])
    if known := _known_advisors(session, {user_id}):
        return known[user_id]
    address = str(user.get("email") or user.get("login") or "").strip().lower()
    query = select(Advisor).where(Advisor.email == address, Advisor.odoo_user_id.is_(None)).order_by(Advisor.id).limit(1)
    advisor = session.scalars(query).one_or_none() if "@" in address else None
    if advisor is None:
        advisor = Advisor(name=str(user.get("name") or f"Odoo {user_id}")[:200], email=address or None)
        session.add(advisor)
    advisor.odoo_user_id = user_id
    session.flush()
    return advisor.id


def _locked(session: Session, side: Side, manychat_id: str) -> tuple[Contact, Any] | None:
    """The contact first, as every flow does: it may be changed as well, and nobody then waits in a circle."""
    tables: tuple[type[Any], ...] = (Contact,) if side.table is Contact else (Contact, side.table)
    found: list[Any] = []
    for table in tables:
        found.append(session.scalars(locked(select(table).where(table.manychat_id == manychat_id), table)).one_or_none())
        if found[-1] is None:
            return None
    return found[0], found[-1]


def _take_address(session: Session, contact: Contact, fact: str, value: Any, at: datetime, key: str) -> set[str]:
    """A phone number or an e-mail address that somebody typed in Odoo: it proposes who they are, and proves nothing."""
    text = facts.CLEARED if value is EMPTY else str(value)
    values: dict[str, Any] = {fact: text}
    if fact == PHONE:
        number = None if value is EMPTY else people.e164(value, get_settings().default_phone_region)
        values = {"phone": number or facts.CLEARED, "phone_original": text}
    changed = facts.merge(contact, values, at, key)
    typed = kinds.identities(phone=contact.phone) if fact == PHONE else kinds.identities(email=contact.email)
    proven = kinds.identities(manychat=contact_profiles.shown_manychat_id(contact.manychat_id))
    if changed and typed and proven:
        observing.observe(session, SeenPerson(source="odoo", at=at, proven=proven, typed=typed))
    return changed


__all__ = ["Look", "OdooChange", "Settled", "advisors_of", "data_of", "note_deleted", "notify", "settle"]
