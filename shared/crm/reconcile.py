"""Our opportunities and contacts held against Odoo, page by page: what differs, in what way, and what is done about it.

    kind       | what it means                                             | what can be done
    -----------|-----------------------------------------------------------|----------------------------------------
    missing    | we have synced it, Odoo has no such record                | ours: sync again
    duplicate  | Odoo has several records with one ManyChat id             | reported only; a person merges them
    wrong      | a field differs, and Odoo's record is older than our sync | ours: sync again
    by_hand    | a field differs, and a person has set it in Odoo since    | ours: sync again; theirs: taken over
    unknown    | Odoo has a record with a ManyChat id that we do not know  | reported only

Which side wins is said for each fact (`ODOO_RECONCILE_POLICY`), the same as when a change is seen at once
(`shared.crm.odoo_changes`). A repair is a sync like any other, so it is paced, retried and logged. One run repairs at most
`ODOO_RECONCILE_MAX_SHARE` of what it compared: a larger difference is more likely a mistake (a wrong database, a wrong field
map) than drift, and a person should look first.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import odoo_sides, odoo_sync, odoo_take
from shared.crm.odoo_seen import Seen
from shared.crm.odoo_sides import Side, Theirs
from shared.errors import PermanentError
from shared.outbox import plan
from shared.settings import get_settings
from shared.store.models import Opportunity
from shared.store.session import reading, transact
from shared.vendors.odoo.client import OdooClient

PAGE = 500
EXAMPLES_KEPT = 50

type DriftKind = Literal["missing", "duplicate", "wrong", "by_hand", "unknown"]


@dataclass(frozen=True)
class Drift:
    """One difference: about whom, of what kind, in which fact, and what both sides say."""

    kind: DriftKind
    manychat_id: str
    fact: str | None = None
    ours: Any = None
    theirs: Any = None
    changed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What would bring one record back into step. `key` names the record in its comparison, `title` for people.

    `subject` names whom it is about, as deliveries and events do; `facts` (JSON) are what differs. `creates`: one of the sides
    does not have it. `apply` makes the repair in the session of whoever calls, who commits it or rolls it back; it returns what
    it did in a word (`applied`), and raises PermanentError where nothing can be done.
    """

    key: str
    title: str
    subject: str | None
    facts: Any
    creates: bool
    apply: Callable[[Session], str]


@dataclass
class Report:
    """What a run found and did. `completeness` is the share of our synced records that agree with Odoo, 0 to 1.

    `repairs`: a comparison adds here what would mend each difference, unless it is None.
    """

    compared: int = 0
    in_step: int = 0
    repaired: int = 0
    held_back: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    repairs: list[Repair] | None = None

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


@dataclass(frozen=True)
class ComparisonPlace:
    """Where a comparison goes on: with which side, whether with Odoo's records after ours, and behind which id."""

    side: int = 0
    of_odoo: bool = False
    behind: int = 0


FIRST = ComparisonPlace()


def go_on(report: Report, place: ComparisonPlace, *, dry_run: bool, client: OdooClient | None = None) -> ComparisonPlace | None:
    """Compare one page, add to the report what it shows, and repair it unless `dry_run`. Where to go on; None at the end.

    Raises:
        PuenteError: as for `run`.
    """
    odoo = client or OdooClient.from_settings(get_settings())
    compared = odoo_sides.sides(odoo)
    if place.side >= len(compared):
        return None
    side = compared[place.side]
    last = _go_on_with_odoo(odoo, side, place.behind, report) if place.of_odoo else None
    if not place.of_odoo and (page := _page(odoo, side, place.behind, report)) is not None:
        last = page.last
        for drift in page.drifts:
            report.note(drift)
        if report.repairs is not None:
            report.repairs += _repairs(odoo, side, page)
        if not dry_run:
            _repair(odoo, side, page, report)
    if last is not None:
        return replace(place, behind=last)
    if not place.of_odoo:
        return ComparisonPlace(place.side, of_odoo=True)
    return ComparisonPlace(place.side + 1) if place.side + 1 < len(compared) else None


@dataclass(frozen=True)
class _Page:
    """The differences of a page of our own rows up to the id `last`, and Odoo's records as they were read at `at`."""

    last: int
    at: datetime
    us: int
    records: Mapping[str, Theirs]
    drifts: list[Drift]


def _page(odoo: OdooClient, side: Side, behind: int, report: Report) -> _Page | None:
    """The page behind an id; None at the end. Rows that wait for a sync anyway are not compared."""
    with reading() as session:
        query = select(side.table).where(side.table.id > behind, side.table.odoo_sync_status == odoo_sync.SUCCESS)
        rows = session.scalars(query.order_by(side.table.id).limit(PAGE)).all()
        users = odoo_sides.odoo_users(session, rows)
    if not rows:
        return None
    us, at, drifts = odoo_sides.my_id(odoo), clock.now(), list[Drift]()
    records = defaultdict(list)
    for record in side.read(odoo, [[side.key, "in", [row.manychat_id for row in rows]]]):
        records[record.key].append(record)
    for row in rows:
        found = compare(row, side.ours(row, users), records.get(row.manychat_id, []), us)
        report.compared += 1
        report.in_step += not found
        drifts += found
    return _Page(rows[-1].id, at, us, {key: one[0] for key, one in records.items() if len(one) == 1}, drifts)


def compare(row: Any, ours: Mapping[str, Any], records: Sequence[Theirs], us: int) -> list[Drift]:
    """The differences of one row of ours from what Odoo has under its ManyChat id."""
    if not records:
        return [Drift("missing", row.manychat_id)]
    if len(records) > 1:
        return [Drift("duplicate", row.manychat_id, theirs=[record.odoo_id for record in records])]
    (record,), seen = records, Seen.of(row)

    def kind(fact: str) -> DriftKind:
        return "by_hand" if odoo_sides.is_changed(row, seen, fact, record, us) else "wrong"

    return [
        Drift(kind(fact), row.manychat_id, fact, value or None, record.values[fact] or None, record.changed_at)
        for fact, value in ours.items()
        if value is not None and record.values[fact] != value
    ]


def _go_on_with_odoo(odoo: OdooClient, side: Side, behind: int, report: Report) -> int | None:
    """Report the records of a page of Odoo's whose ManyChat id is not in our tables; the page's last id, None at the end."""
    domain = [["id", ">", behind], [side.key, "!=", False]]
    records = odoo.search_read(side.model, domain, [side.key], limit=PAGE, order="id", archived=True)
    if not records:
        return None
    keys = {str(record[side.key]) for record in records}
    with reading() as session:
        known = set(session.scalars(select(side.table.manychat_id).where(side.table.manychat_id.in_(keys))))
    for key in sorted(keys - known):
        report.note(Drift("unknown", key))
    last: int = records[-1]["id"]
    return last


def is_repaired(drift: Drift) -> bool:
    """Whether anything is done about it, by the policy. A record that was deleted stays so where theirs wins."""
    if drift.kind in ("duplicate", "unknown"):
        return False
    if drift.kind == "missing":
        return get_settings().odoo_policy("missing") == "ours"
    return get_settings().odoo_policy(drift.fact or "") != "report"


def _by_person(page: _Page, is_wanted: Callable[[Drift], bool]) -> Mapping[str, list[Drift]]:
    """What is to be repaired of a page, by whom it is about."""
    by_person: dict[str, list[Drift]] = defaultdict(list)
    for drift in page.drifts:
        if is_wanted(drift):
            by_person[drift.manychat_id].append(drift)
    return by_person


def _look(odoo: OdooClient, page: _Page, by_person: Mapping[str, list[Drift]]) -> odoo_take.Look:
    advisors = odoo_take.advisors_of(odoo, [page.records[key] for key in by_person if key in page.records])
    return odoo_take.Look(page.at, page.us, advisors)


def _repairs(odoo: OdooClient, side: Side, page: _Page) -> list[Repair]:
    """What would mend the differences of a page, each record by itself, by the same policy as at night.

    What is missing is among it whatever the policy says: who asks for this decides about each record.
    """
    by_person = _by_person(page, lambda drift: drift.kind == "missing" or is_repaired(drift))
    look = _look(odoo, page, by_person)

    def made(manychat_id: str, drifts: Sequence[Drift]) -> Repair:
        def apply(session: Session) -> str:
            done = _settled(session, side, manychat_id, page.records.get(manychat_id), look)
            if done.refused and not (done.taken or done.is_asked):
                raise done.refused[0]
            return "applied" if done.taken or done.is_asked else "unchanged"

        return Repair(
            key=f"{side.model}:{manychat_id}",
            title=f"{side.model} {manychat_id}",
            subject=manychat_id,
            facts=[[drift.kind, drift.fact, str(drift.ours), str(drift.theirs)] for drift in drifts],
            creates=any(drift.kind == "missing" for drift in drifts),
            apply=apply,
        )

    return [made(manychat_id, drifts) for manychat_id, drifts in by_person.items()]


def _repair(odoo: OdooClient, side: Side, page: _Page, report: Report) -> None:
    by_person = _by_person(page, is_repaired)
    look = _look(odoo, page, by_person)
    allowed = int(report.compared * get_settings().odoo_reconcile_max_share) or 1
    for manychat_id in by_person:
        if report.repaired >= allowed:
            report.held_back += 1
            continue
        theirs = page.records.get(manychat_id)
        refused, due = transact(partial(_settle, side=side, manychat_id=manychat_id, theirs=theirs, look=look))
        plan.nudge(due)
        report.repaired += not refused
        for error in refused:  # this one cannot be repaired (a stage we do not know); its neighbours can
            report.note(Drift("by_hand", manychat_id, error.reason, theirs=str(error)))


def _settle(
    session: Session, *, side: Side, manychat_id: str, theirs: Theirs | None, look: odoo_take.Look
) -> tuple[list[PermanentError], set[str]]:
    """Settle a record; what could not be taken over, and who is to be woken."""
    return _settled(session, side, manychat_id, theirs, look).refused, plan.newly_due(session)


def _settled(session: Session, side: Side, manychat_id: str, theirs: Theirs | None, look: odoo_take.Look) -> odoo_take.Settled:
    """Take over what they win, sync what we win, and what is missing."""
    if theirs is not None:
        return odoo_take.settle(session, side, theirs, look, repair=True)
    row: Any = session.scalars(select(side.table).where(side.table.manychat_id == manychat_id)).one()
    contact = row.contact if isinstance(row, Opportunity) else row
    odoo_sync.ask(session, contact, row if isinstance(row, Opportunity) else None)
    return odoo_take.Settled(is_asked=True)
