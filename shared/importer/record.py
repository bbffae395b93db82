"""The importer of the old record: channels, advisors, campaigns, people and their assignments, from CSV files or its database.

What is imported counts as said at `AS_OF`, which lies before anything that live events say, so an import never overwrites them
and may be repeated at any time, also after Puente has gone live.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy.orm import Session

from shared.crm import campaigns, people
from shared.errors import PermanentError
from shared.importer.frame import AS_OF, Change, Importer, Options, Run
from shared.importer.numbers import OldNumbers
from shared.importer.record_rows import MODELS, AdvisorRow, AssignmentRow, CampaignRow, ChannelRow, ContactRow
from shared.importer.sources import folder_or_database
from shared.readers import name_key
from shared.store.models import Advisor, Campaign, Channel
from shared.store.types import key_of

BATCH = 500
TABLES = {
    "channels": ("Channel", "channels"),
    "advisors": ("Advisor", "advisors"),
    "campaigns": ("Campaign", "campaigns"),
    "contacts": ("Contact", "contacts"),
    "campaign_contacts": ("Campaign_Contact", "campaign_contacts"),
}


class RecordRun(Run):
    """One import of the old record. It maps the old numbers of people to ManyChat's ids, for those that only have a number."""

    def __init__(self, options: Options) -> None:
        self.dry_run = options.dry_run
        self.old_contacts = OldNumbers()
        self.old_channels: dict[int, str] = {}
        self.read: dict[type, set[int]] = defaultdict(set)

    def remember(self, row: Any) -> None:
        """The numbers by which later kinds refer to this row."""
        match row:
            case ContactRow(id=int(number)):
                self.old_contacts[number] = row.manychat_id
            case ChannelRow(id=int(number)):
                self.old_channels[number] = row.name
            case CampaignRow() | AdvisorRow():
                self.read[type(row)].add(row.id)

    def apply(self, session: Session, row: Any) -> Change:
        """Take a row over, where it is not known; of one that is known, what is missing here."""
        is_new, has_changed = self._one(session, row)
        return Change.of(is_new=is_new, has_changed=has_changed)

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
        values: dict[str, Any] = {
            "first_name": row.first_name,
            "last_name": row.last_name,
            "email": row.email,
            "phone": row.phone,
        }
        values |= {
            "subscribed_at": row.subscription_date or row.entry_date,
            "initial_state": row.initial_state,
            "channel": channel,
        }
        changed = people.merge_person(session, contact, AS_OF, key_of("import", row.manychat_id), **values)
        return is_new, bool(changed)

    def _assignment(self, session: Session, row: AssignmentRow) -> tuple[bool, bool]:
        manychat_id = row.manychat_id or self.old_contacts.get(row.contact_id or 0)
        if manychat_id is None:
            raise PermanentError("unknown-contact", f"it names no person that is known here (contact_id {row.contact_id})")
        if self.dry_run and row.campaign_id in self.read[CampaignRow] and session.get(Campaign, row.campaign_id) is None:
            return True, True  # its campaign would have been made by this import
        campaign = campaigns.known_campaign(session, row.campaign_id)
        at = row.registration_date or AS_OF
        values = row.model_dump(exclude={"manychat_id", "contact_id", "campaign_id", "registration_date"})
        for side in (campaigns.COMMERCIAL, campaigns.MEDICAL):
            values[f"{side}_advisor_id"] = self._advisor(session, values[f"{side}_advisor_id"])
        assignment = campaigns.locked_assignment(session, people.locked_contact(session, manychat_id), campaign, at)
        key = key_of("import", manychat_id, str(campaign.id))
        if any(stamp[1] == key for stamp in assignment.fact_times.values()):
            return False, False  # an earlier run of this import has said it all
        is_new = not assignment.fact_times
        return is_new, bool(campaigns.assign(session, assignment, values, at, key, actor="import"))

    def _advisor(self, session: Session, wanted: int | str | None) -> int | None:
        if not wanted:
            return None
        if self.dry_run and isinstance(wanted, int) and wanted in self.read[AdvisorRow]:
            return None  # would have been made by this import
        return campaigns.known_advisor(session, wanted).id

    def _channel_id(self, session: Session, old: int | None) -> int | None:
        name = self.old_channels.get(old) if old else None
        return people.channel_id(session, name) if name else None


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


IMPORTER = Importer(
    name="record",
    about="The old record of contacts, campaigns, channels, advisors and assignments.",
    source="a folder of CSV files, or the SQLAlchemy URL of the old database",
    kinds=MODELS,
    open=lambda options: folder_or_database(options.source, TABLES),
    begin=RecordRun,
    rows_at_once=BATCH,
)
