"""Writing what was read: in batches, each one transaction; a bad row is noted and left out; a second run changes nothing.

What is imported counts as said at `as_of`, which lies before anything that live events say, so an import never overwrites them
and may be repeated at any time, also after Puente has gone live.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import batched
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.crm import campaigns, people
from shared.errors import PermanentError
from shared.importer.numbers import OldNumbers
from shared.importer.rows import MODELS, AdvisorRow, AssignmentRow, CampaignRow, ChannelRow, ContactRow
from shared.importer.sources import Row, Source
from shared.readers import name_key
from shared.store.models import Advisor, Campaign, Channel
from shared.store.session import rehearse, transact
from shared.store.types import key_of

AS_OF = datetime(2000, 1, 1, tzinfo=UTC)
BATCH = 500


@dataclass(frozen=True)
class Problem:
    """A row that was left out: where it stands, and why."""

    kind: str
    line: int
    what: str
    why: str


@dataclass
class Summary:
    """How many rows of a kind were read, were new, had something new to say, or were left out."""

    kind: str
    read: int = 0
    created: int = 0
    changed: int = 0
    problems: int = 0


@dataclass
class Import:
    """One import. `old_contacts` maps the old numbers of people to ManyChat's ids, for those that only have a number.

    With `dry_run` everything is done and rolled back batch by batch, so what it reports is what would happen.
    """

    source: Source
    dry_run: bool = False
    as_of: datetime = AS_OF
    old_contacts: OldNumbers = field(default_factory=OldNumbers)
    old_channels: dict[int, str] = field(default_factory=dict)
    read: dict[type, set[int]] = field(default_factory=lambda: defaultdict(set))

    def kind(self, kind: str) -> Iterator[tuple[Summary, list[Problem]]]:
        """Import one kind; after each batch, the summary so far and the problems of that batch."""
        summary = Summary(kind)
        for batch in batched(enumerate(self.source.rows(kind), start=1), BATCH, strict=False):
            problems: list[Problem] = []
            rows = list(self._checked(kind, batch, problems))
            self._write(summary, rows, problems)
            summary.read += len(batch)
            summary.problems += len(problems)
            yield summary, problems

    def _checked(self, kind: str, batch: Iterable[tuple[int, Row]], problems: list[Problem]) -> Iterator[tuple[int, Any]]:
        for line, raw in batch:
            try:
                row = MODELS[kind].model_validate(dict(raw))
            except ValidationError as error:
                why = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
                problems.append(Problem(kind, line, str(raw.get("manychat_id") or raw.get("id") or ""), why))
                continue
            self._remember(row)
            yield line, row

    def _remember(self, row: Any) -> None:
        """The numbers by which later kinds refer to this row."""
        match row:
            case ContactRow(id=int(number)):
                self.old_contacts[number] = row.manychat_id
            case ChannelRow(id=int(number)):
                self.old_channels[number] = row.name
            case CampaignRow() | AdvisorRow():
                self.read[type(row)].add(row.id)

    def _write(self, summary: Summary, rows: Sequence[tuple[int, Any]], problems: list[Problem]) -> None:
        """Write a batch; where the database refuses it, row by row, so that one bad row costs only itself."""
        run = rehearse if self.dry_run else transact
        try:
            created, changed, refused = run(partial(self._batch, rows))
        except IntegrityError as error:
            if len(rows) == 1:
                refused = [(rows[0][0], "", f"the database refuses it: {str(error.orig).splitlines()[0]}")]
                created = changed = 0
            else:
                for row in rows:
                    self._write(summary, [row], problems)
                return
        summary.created += created
        summary.changed += changed
        problems += [Problem(summary.kind, line, what, why) for line, what, why in refused]

    def _batch(self, rows: Sequence[tuple[int, Any]], session: Session) -> "_Result":
        created = changed = 0
        refused = []
        for line, row in rows:
            try:
                is_new, said = self._one(session, row)
            except PermanentError as error:
                refused.append((line, _name(row), str(error)))
                continue
            created += is_new
            changed += bool(said) and not is_new
        return created, changed, refused

    def _one(self, session: Session, row: Any) -> tuple[bool, bool]:
        """Whether the row is new, and whether it changed something."""
        match row:
            case ChannelRow():
                return _channel(session, row)
            case AdvisorRow():
                return _numbered(session, Advisor, row.id, row.model_dump())
            case CampaignRow():
                values = row.model_dump() | {"channel_id": self._channel_id(session, row.channel_id)}
                return _numbered(session, Campaign, row.id, values)
            case ContactRow():
                return self._contact(session, row)
            case _:
                return self._assignment(session, row)

    def _contact(self, session: Session, row: ContactRow) -> tuple[bool, bool]:
        contact = people.locked_contact(session, row.manychat_id)
        is_new = not contact.fact_times
        channel = row.channel or (self.old_channels.get(row.channel_id) if row.channel_id else None)
        said: dict[str, Any] = {
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "phone": row.phone,
        }
        said |= {
            "subscribed_at": row.subscription_date or row.entry_date,
            "initial_state": row.initial_state,
            "channel": channel,
        }
        changed = people.merge_person(session, contact, self.as_of, key_of("import", row.manychat_id), **said)
        return is_new, bool(changed)

    def _assignment(self, session: Session, row: AssignmentRow) -> tuple[bool, bool]:
        manychat_id = row.manychat_id or self.old_contacts.get(row.contact_id or 0)
        if manychat_id is None:
            raise PermanentError("unknown-contact", f"it names no person that is known here (contact_id {row.contact_id})")
        if self.dry_run and row.campaign_id in self.read[CampaignRow] and session.get(Campaign, row.campaign_id) is None:
            return True, True  # its campaign would have been made by this import
        campaign = campaigns.known_campaign(session, row.campaign_id)
        at = row.registration_date or self.as_of
        said = row.model_dump(exclude={"manychat_id", "contact_id", "campaign_id", "registration_date"})
        for side in (campaigns.COMMERCIAL, campaigns.MEDICAL):
            said[f"{side}_advisor_id"] = self._advisor(session, said[f"{side}_advisor_id"])
        assignment = campaigns.locked_assignment(session, people.locked_contact(session, manychat_id), campaign, at)
        key = key_of("import", manychat_id, str(campaign.id))
        if any(stamp[1] == key for stamp in assignment.fact_times.values()):
            return False, False  # an earlier run of this import has said it all
        is_new = not assignment.fact_times
        return is_new, bool(campaigns.assign(session, assignment, said, at, key, actor="import"))

    def _advisor(self, session: Session, wanted: int | str | None) -> int | None:
        if not wanted:
            return None
        if self.dry_run and isinstance(wanted, int) and wanted in self.read[AdvisorRow]:
            return None  # would have been made by this import
        return campaigns.known_advisor(session, wanted).id

    def _channel_id(self, session: Session, old: int | None) -> int | None:
        name = self.old_channels.get(old) if old else None
        return people.channel_id(session, name) if name else None


type _Result = tuple[int, int, list[tuple[int, str, str]]]


def _name(row: Any) -> str:
    return str(getattr(row, "manychat_id", None) or getattr(row, "id", None) or "")


def _channel(session: Session, row: ChannelRow) -> tuple[bool, bool]:
    before = people.known_channel_id(session, row.name)
    channel = session.get_one(Channel, people.channel_id(session, row.name))
    changed = row.description is not None and channel.description is None
    if changed:
        channel.description = row.description
    return before is None, changed


def _numbered(session: Session, model: type[Any], number: int, values: dict[str, Any]) -> tuple[bool, bool]:
    """A row that keeps its old number. One of ours with that number and another name is somebody else: it is not touched."""
    row = session.get(model, number)
    if row is None:
        session.add(model(**values))
        return True, True
    if not name_key.same(row.name, values["name"]):
        raise PermanentError("number-taken", f"number {number} belongs to {row.name!r} already")
    missing = {name: value for name, value in values.items() if value is not None and getattr(row, name) is None}
    for name, value in missing.items():
        setattr(row, name, value)
    return False, bool(missing)
