"""Our opportunities and contacts held against Odoo, page by page: what differs, in what way, and what is done about it.

    kind       | what it means                                             | what can be done
    -----------|-----------------------------------------------------------|----------------------------------------
    missing    | we have synced it, Odoo has no such record                | ours: sync again
    duplicate  | Odoo has several records with one ManyChat id             | reported only; a person merges them
    wrong      | a field differs, and Odoo's record is older than our sync | ours: sync again
    by_hand    | a field differs, and Odoo's record was changed since      | ours: sync again; theirs: taken over
    unknown    | Odoo has a record with a ManyChat id that we do not know  | reported only

Which side wins is said for each field (`RECONCILE_POLICY`). A repair is a sync like any other, so it is paced, retried and
logged. One run repairs at most `RECONCILE_MAX_SHARE` of what it compared: a larger difference is more likely a mistake (a
wrong database, a wrong field map) than drift, and a person should look first.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import facts, odoo_rows, odoo_sync, opportunities
from shared.errors import PermanentError
from shared.outbox import plan
from shared.settings import get_settings
from shared.store.dialect import locked
from shared.store.models import Contact, Opportunity
from shared.store.session import reading, transact
from shared.store.types import key_of
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.values import from_datetime

PAGE = 500
EXAMPLES_KEPT = 50
# Odoo's clock and ours may differ a little, and its write_date has no fractions of a second.
TOLERANCE = timedelta(seconds=5)

type Kind = Literal["missing", "duplicate", "wrong", "by_hand", "unknown"]
type Winner = Literal["ours", "theirs", "report"]


@dataclass(frozen=True)
class Drift:
    """One difference: about whom, of what kind, in which fact, and what both sides say."""

    kind: Kind
    manychat_id: str
    fact: str | None = None
    ours: Any = None
    theirs: Any = None
    changed_at: datetime | None = None


@dataclass
class Report:
    """What a run found and did. `completeness` is the share of our synced records that agree with Odoo, 0 to 1."""

    compared: int = 0
    in_step: int = 0
    repaired: int = 0
    held_back: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def completeness(self) -> float:
        """1 where there is nothing to compare."""
        return self.in_step / self.compared if self.compared else 1.0

    def note(self, drift: Drift) -> None:
        """Count a difference, and keep the first ones of its kind as examples."""
        name = f"{drift.kind}:{drift.fact}" if drift.fact else drift.kind
        self.add(name, {"manychat_id": drift.manychat_id, "ours": drift.ours, "theirs": drift.theirs})

    def add(self, name: str, example: Mapping[str, Any]) -> None:
        """Count a difference of that name, and keep the first ones as examples."""
        self.counts[name] += 1
        if len(self.examples[name]) < EXAMPLES_KEPT:
            self.examples[name].append(example)


@dataclass(frozen=True)
class Place:
    """Where a comparison goes on: with which side, whether with Odoo's records after ours, and behind which id."""

    side: int = 0
    of_odoo: bool = False
    behind: int = 0


FIRST = Place()


@dataclass(frozen=True)
class _Side:
    """How one of our tables is compared with its model in Odoo: fact -> field, and our value of each fact."""

    table: type[Any]
    model: str
    key: str
    fields: Mapping[str, str]

    def values(self, row: Any) -> dict[str, Any]:
        """Our value of each compared fact; None where we do not know it and Odoo may say what it likes."""
        contact = row.contact if isinstance(row, Opportunity) else row
        ours = {"name": contact.full_name, "phone": contact.phone or contact.phone_original, "email": contact.email}
        if isinstance(row, Opportunity):
            ours["stage"] = row.stage_id
        return {fact: ours[fact] for fact in self.fields}


def sides() -> list[_Side]:
    """What the sync mode keeps in step."""
    settings = get_settings()
    mapped = settings.odoo_fields
    found = []
    if settings.odoo_sync_mode in ("opportunities", "both"):
        compared: dict[str, str] = {fact: mapped[fact] for fact in ("stage", "name", "phone", "email") if fact in mapped}
        found.append(_Side(Opportunity, odoo_rows.LEAD, mapped["manychat_id"], compared))
    if settings.odoo_sync_mode in ("contacts", "both"):
        same = {fact: fact for fact in ("name", "phone", "email")}
        found.append(_Side(Contact, odoo_rows.PARTNER, odoo_rows.PARTNER_KEY, {**same}))
    return found


def run(*, dry_run: bool, client: OdooClient | None = None) -> Report:
    """Compare everything, and repair what the policy allows unless `dry_run`.

    Memory is bounded by a page and the examples kept. Running it twice is harmless: a repair is a sync.

    Raises:
        PuenteError: Odoo or the database is away; what was repaired until then stays repaired.
    """
    report, place = Report(), FIRST
    while (following := go_on(report, place, dry_run=dry_run, client=client)) is not None:
        place = following
    return report


def go_on(report: Report, place: Place, *, dry_run: bool, client: OdooClient | None = None) -> Place | None:
    """Compare one page, add to the report what it shows, and repair it unless `dry_run`. Where to go on; None at the end.

    Raises:
        PuenteError: as for `run`.
    """
    compared = sides()
    if place.side >= len(compared):
        return None
    side, odoo = compared[place.side], client or OdooClient.from_settings(get_settings())
    if place.of_odoo:
        drifts, last = _unknown(odoo, side, place.behind)
    else:
        drifts, last = _differences(odoo, side, place.behind, report)
    for drift in drifts:
        report.note(drift)
    if not dry_run and not place.of_odoo:
        _repair(side, drifts, report)
    if last is not None:
        return replace(place, behind=last)
    if not place.of_odoo:
        return Place(place.side, of_odoo=True)
    return Place(place.side + 1) if place.side + 1 < len(compared) else None


def _differences(odoo: OdooClient, side: _Side, behind: int, report: Report) -> tuple[list[Drift], int | None]:
    """Those of a page of our own rows, and its last id; None at the end. Rows that wait for a sync anyway are not compared."""
    with reading() as session:
        query = select(side.table).where(side.table.id > behind, side.table.odoo_sync_status == odoo_sync.SUCCESS)
        rows = session.scalars(query.order_by(side.table.id).limit(PAGE)).all()
    if not rows:
        return [], None
    return _compare_page(side, rows, _theirs(odoo, side, [row.manychat_id for row in rows]), report), rows[-1].id


def _theirs(odoo: OdooClient, side: _Side, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    fields = [side.key, "write_date", "active", *side.fields.values()]
    found = odoo.search_read(side.model, [[side.key, "in", list(keys)]], fields, archived=True)
    records = defaultdict(list)
    for record in found:
        records[str(record[side.key])].append(record)
    return records


def _compare_page(side: _Side, rows: Sequence[Any], theirs: Mapping[str, list[dict[str, Any]]], report: Report) -> list[Drift]:
    drifts = []
    for row in rows:
        found = compare(row.manychat_id, side.values(row), side.fields, theirs.get(row.manychat_id, []), row.odoo_synced_at)
        report.compared += 1
        report.in_step += not found
        drifts += found
    return drifts


def compare(
    manychat_id: str,
    ours: Mapping[str, Any],
    fields: Mapping[str, str],
    records: Sequence[Mapping[str, Any]],
    synced_at: datetime | None,
) -> list[Drift]:
    """The differences of one record of ours from what Odoo has under its ManyChat id."""
    if not records:
        return [Drift("missing", manychat_id)]
    if len(records) > 1:
        return [Drift("duplicate", manychat_id, theirs=[record["id"] for record in records])]
    record = records[0]
    changed_at = from_datetime(record["write_date"]) if record.get("write_date") else None
    by_hand = changed_at is not None and synced_at is not None and changed_at > synced_at + TOLERANCE
    return [
        Drift("by_hand" if by_hand else "wrong", manychat_id, fact, value, _plain(record.get(fields[fact])), changed_at)
        for fact, value in ours.items()
        if value is not None and _plain(record.get(fields[fact])) != value
    ]


def _plain(value: Any) -> Any:
    """Odoo's value as ours: the id of a many2one, None for false."""
    if isinstance(value, list | tuple):
        return value[0] if value else None
    return None if value is False else value


def _unknown(odoo: OdooClient, side: _Side, behind: int) -> tuple[list[Drift], int | None]:
    """Records of a page of Odoo's whose ManyChat id is not in our tables, and the last id of the page; None at the end."""
    domain = [["id", ">", behind], [side.key, "!=", False]]
    records = odoo.search_read(side.model, domain, [side.key], limit=PAGE, order="id", archived=True)
    if not records:
        return [], None
    keys = {str(record[side.key]) for record in records}
    with reading() as session:
        known = set(session.scalars(select(side.table.manychat_id).where(side.table.manychat_id.in_(keys))))
    return [Drift("unknown", key) for key in sorted(keys - known)], records[-1]["id"]


def winner(drift: Drift) -> Winner:
    """Which side wins, by the policy in the settings."""
    if drift.kind in ("duplicate", "unknown"):
        return "report"
    chosen = get_settings().odoo_reconcile_policy.get(drift.fact or "missing", "report")
    # Only a change by hand is anybody's will; a value that our own sync left behind is simply old.
    return "ours" if chosen == "theirs" and drift.kind != "by_hand" else chosen


def _repair(side: _Side, drifts: Sequence[Drift], report: Report) -> None:
    by_person: dict[str, list[Drift]] = defaultdict(list)
    for drift in drifts:
        if winner(drift) != "report":
            by_person[drift.manychat_id].append(drift)
    allowed = int(report.compared * get_settings().odoo_reconcile_max_share) or 1
    for manychat_id, found in by_person.items():
        if report.repaired >= allowed:
            report.held_back += 1
            continue
        try:
            plan.nudge(transact(partial(_settle, side=side, manychat_id=manychat_id, drifts=found)))
            report.repaired += 1
        except PermanentError as error:  # this one cannot be repaired (a stage we do not know); its neighbours can
            report.note(Drift("by_hand", manychat_id, error.reason, theirs=str(error)))


def _settle(session: Session, *, side: _Side, manychat_id: str, drifts: Sequence[Drift]) -> set[str]:
    """Take over what they win, sync what we win."""
    # The contact first, as every flow does: it may be changed as well, and nobody then waits in a circle.
    tables: tuple[type[Any], ...] = (Contact,) if side.table is Contact else (Contact, side.table)
    row: Any = None
    for table in tables:
        row = session.scalars(locked(select(table).where(table.manychat_id == manychat_id), table)).one()
    for drift in drifts:
        if winner(drift) == "theirs":
            _take_over(session, row, drift)
    contact = row.contact if isinstance(row, Opportunity) else row
    odoo_sync.ask(session, contact, row if isinstance(row, Opportunity) else None)
    return plan.newly_due(session)


def _take_over(session: Session, row: Any, drift: Drift) -> None:
    """Odoo's value becomes ours, as of the moment of the change there; a word that is newer still stays."""
    at = drift.changed_at or clock.now()
    event_key = key_of("odoo", drift.manychat_id, str(drift.fact), at.isoformat())
    contact = row.contact if isinstance(row, Opportunity) else row
    if drift.fact == "stage":
        stage_id = opportunities.resolve_stage(session, int(drift.theirs))
        opportunities.change_stage(session, row, stage_id, at, None, event_key)
    elif drift.fact in ("phone", "email") and drift.theirs:
        facts.merge(contact, {drift.fact: drift.theirs}, at, event_key)
    else:
        raise PermanentError("not-taken-over", f"{drift.fact} cannot be taken over from Odoo")
