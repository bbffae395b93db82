"""What is kept in step both ways: our tables beside Odoo's models, fact by fact, and Odoo's records as we read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import clock
from shared.crm import facts
from shared.crm.odoo_seen import EMPTY, Seen, Verdict, judge
from shared.settings import get_settings
from shared.store.models import Advisor, Contact, Opportunity
from shared.vendors.odoo.client import OdooClient
from shared.vendors.odoo.fields import model_fields
from shared.vendors.odoo.values import from_datetime

LEAD, PARTNER = "crm.lead", "res.partner"
PARTNER_KEY = "x_manychat_id"
STAGE, ADVISOR, WON, NAME, PHONE, EMAIL = "stage", "advisor", "won", "name", "phone", "email"
USERS = "res.users"
WON_OUTCOME, LOST_OUTCOME = "won", "lost"
# Odoo's clock and ours may differ a little, and its write_date has no fractions of a second.
TOLERANCE = timedelta(seconds=5)

_OUR_TIMES = {STAGE: "stage", ADVISOR: "commercial_advisor_id", PHONE: "phone", EMAIL: "email"}
_STAMPS = ("write_date", "write_uid", "active")
_OF_LEADS = ("date_last_stage_update", "date_closed", "probability", "won_status", "lost_reason_id")


@dataclass(frozen=True)
class Theirs:
    """One record of Odoo's. `writer` is the user who wrote it last; `outcome` is `won` or `lost`, since `outcome_at`."""

    odoo_id: int
    key: str
    values: Mapping[str, Any]
    changed_at: datetime
    writer: int | None = None
    stage_at: datetime | None = None
    outcome: str | None = None
    outcome_at: datetime | None = None
    lost_reason: str | None = None

    def at(self, fact: str) -> datetime:
        """When that fact was set, as far as Odoo knows: the last millisecond of the second, for it shows whole seconds.

        So what was reported in the same second counts as before it, in whatever order the two are looked at. Within that
        millisecond there is room for what is set and taken over again and again in one second (`is_newer`).
        """
        return ((self.stage_at if fact == STAGE else None) or self.changed_at).replace(microsecond=999_001)


@dataclass(frozen=True)
class Side:
    """How one of our tables is compared with its model in Odoo: fact -> field. `also` are fields that are read besides."""

    table: type[Any]
    model: str
    key: str
    fields: Mapping[str, str]
    also: tuple[str, ...] = ()

    def ours(self, row: Any, users: Mapping[int, int | None]) -> dict[str, Any]:
        """Our value of each compared fact; None where we do not know it and Odoo may say what it likes."""
        contact = row.contact if isinstance(row, Opportunity) else row
        values = {NAME: contact.full_name, PHONE: contact.phone or contact.phone_original, EMAIL: contact.email}
        if isinstance(row, Opportunity):
            values |= {STAGE: row.stage_id, ADVISOR: _advisor(row, users)}
        return {fact: values[fact] for fact in self.fields}

    def our_time(self, row: Any, fact: str) -> datetime | None:
        """From when our value of a fact is."""
        holder = row if fact in (STAGE, ADVISOR) or not isinstance(row, Opportunity) else row.contact
        stamp = (holder.fact_times or {}).get(_OUR_TIMES.get(fact, fact))
        return datetime.fromisoformat(stamp[0]) if stamp else None

    def read(self, client: OdooClient, domain: Sequence[Any], *, limit: int | None = None, order: str = "id") -> list[Theirs]:
        """The records that match, archived ones among them, as the compared facts."""
        wanted = [self.key, *_STAMPS, *self.fields.values(), *self.also]
        found = client.search_read(self.model, domain, list(dict.fromkeys(wanted)), limit=limit, order=order, archived=True)
        return [self.theirs(record) for record in found]

    def theirs(self, record: Mapping[str, Any]) -> Theirs:
        """One record as it was read."""
        outcome = _outcome(record) if self.model == LEAD else None
        return Theirs(
            odoo_id=int(record["id"]),
            key=str(record.get(self.key) or ""),
            values={fact: plain(record.get(name)) for fact, name in self.fields.items()},
            changed_at=_moment(record.get("write_date")) or clock.now(),
            writer=plain(record.get("write_uid")) or None,
            stage_at=_moment(record.get("date_last_stage_update")),
            outcome=outcome,
            outcome_at=_moment(record.get("date_closed")),
            lost_reason=_name(record.get("lost_reason_id")) if outcome == LOST_OUTCOME else None,
        )


def sides(client: OdooClient) -> list[Side]:
    """What the sync mode keeps in step. Raises PuenteError: Odoo cannot be asked which fields it has."""
    settings = get_settings()
    mapped, found = settings.odoo_fields, []
    if settings.odoo_sync_mode in ("opportunities", "both"):
        known = model_fields(client, LEAD)
        compared = [STAGE, NAME, PHONE, EMAIL]
        if (field := mapped.get(ADVISOR, "")) in known and known[field].relation == USERS:
            compared.append(ADVISOR)
        fields = {fact: mapped[fact] for fact in compared if fact in mapped}
        found.append(Side(Opportunity, LEAD, mapped["manychat_id"], fields, tuple(name for name in _OF_LEADS if name in known)))
    if settings.odoo_sync_mode in ("contacts", "both"):
        found.append(Side(Contact, PARTNER, PARTNER_KEY, {NAME: NAME, PHONE: PHONE, EMAIL: EMAIL}))
    return found


def odoo_users(session: Session, rows: Iterable[Any]) -> dict[int, int | None]:
    """Odoo's user of each advisor of these opportunities, as far as it has one."""
    wanted = {row.commercial_advisor_id for row in rows if isinstance(row, Opportunity) and row.commercial_advisor_id}
    if not wanted:
        return {}
    query = select(Advisor.id, Advisor.odoo_user_id).where(Advisor.id.in_(wanted))
    return {number: user for number, user in session.execute(query).all()}  # noqa: C416  # a row is no pair for the types


def verdicts(side: Side, row: Any, theirs: Theirs, users: Mapping[int, int | None], us: int) -> Iterator[tuple[str, Verdict]]:
    """Whose value of each fact holds. `us` is the user that we write as."""
    seen = Seen.of(row)
    for fact, ours in side.ours(row, users).items():
        value, at = theirs.values[fact], facts.effective(theirs.at(fact), clock.now())
        if fact == STAGE and value is EMPTY:
            value = ours  # a lead without a stage has none to be taken over
        our_time = side.our_time(row, fact)
        yield (
            fact,
            judge(
                policy_of(fact, theirs),
                ours,
                value,
                is_changed=is_changed(row, seen, fact, theirs, us),
                is_held=fact in seen.held,
                is_newer=our_time is None or is_newer(at, our_time),
            ),
        )


def is_newer(theirs_at: datetime, our_time: datetime) -> bool:
    """Whether theirs counts as set after ours: also in the same second, of which ours may have been taken over as well."""
    return theirs_at.replace(microsecond=999_999) >= our_time


def is_changed(row: Any, seen: Seen, fact: str, theirs: Theirs, us: int) -> bool:
    """Whether somebody has set the fact in Odoo since both sides agreed on it.

    Of a fact on which nothing was agreed yet, the time of the record's last change tells.
    """
    if seen.is_known(fact):
        return not seen.knows(fact, theirs.values[fact])
    is_later = row.odoo_synced_at is not None and theirs.changed_at > row.odoo_synced_at + TOLERANCE
    return theirs.writer != us and is_later


def policy_of(fact: str, theirs: Theirs) -> str:
    """A stage that means won is as won is: what a person has won is not opened again by an event."""
    settings = get_settings()
    is_won = fact == STAGE and theirs.outcome == WON_OUTCOME and settings.odoo_policy(WON) == "theirs"
    return "theirs" if is_won else settings.odoo_policy(fact)


def my_id(client: OdooClient) -> int:
    """The user that we write as. Asked once by a process."""
    if (known := client.memory.get("my id")) is None:
        known = client.memory["my id"] = int(client.call(USERS, "context_get", repeatable=True)["uid"])
    return int(known)


def plain(value: Any) -> Any:
    """Odoo's value as ours: the id of a many2one, EMPTY for nothing."""
    if isinstance(value, list | tuple):
        return value[0] if value else EMPTY
    return EMPTY if value is None or value == "" else value


def _name(value: Any) -> str | None:
    return str(value[1]) if isinstance(value, list | tuple) and len(value) > 1 else None


def _advisor(row: Opportunity, users: Mapping[int, int | None]) -> Any:
    if row.commercial_advisor_id:
        return users.get(row.commercial_advisor_id)
    return EMPTY if "commercial_advisor_id" in (row.fact_times or {}) else None


def _outcome(record: Mapping[str, Any]) -> str | None:
    """Odoo 19 says it itself; what is older is worked out as 19 does, but for the stage, which closes the lead."""
    if "won_status" in record:
        return record["won_status"] if record["won_status"] in (WON_OUTCOME, LOST_OUTCOME) else None
    probability = record.get("probability")
    if record.get("active") is False and probability == 0:
        return LOST_OUTCOME
    return WON_OUTCOME if probability == 100 and record.get("date_closed") else None  # noqa: PLR2004  # per cent


def _moment(text: Any) -> datetime | None:
    return from_datetime(text) if text else None
