"""Who is in a campaign, as Odoo shows it: the campaign on their lead, tags on their lead and partner, records of a model.

A batch reads what the partners and leads have, and writes what they lack: one call for each campaign and value. So what is
there already is not written again, and what somebody else has put there stays, but for the campaign of a lead, which becomes
the one that its person was registered in last.

Whoever has neither partner nor lead yet waits (`not-in-odoo-yet`): the sync that makes one asks for them again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from shared import clock
from shared.crm.member_rows import CampaignMember, read_members, upsert_rows
from shared.crm.odoo_campaigns import CAMPAIGN, EVERYBODYS, LEAD_TAG, PARTNER_TAG, Ours, forget, number_of
from shared.crm.odoo_sides import LEAD, PARTNER
from shared.errors import DeferredError, PermanentError, PuenteError, RetryableError, UnavailableError
from shared.outbox.actions import Done, Outcome, Skip
from shared.outbox.record_sync import SYSTEM_WIDE
from shared.settings import get_settings
from shared.vendors.odoo.client import QUIET_CONTEXT, OdooClient
from shared.vendors.odoo.upsert import upsert

NOT_IN_ODOO_YET = Skip("not-in-odoo-yet")


@dataclass(frozen=True)
class _Wish:
    """A value that a record of Odoo's should have. Of a field of many, it is added to those that are there."""

    member: CampaignMember
    model: str
    record: int
    field: str
    value: int
    is_one_of_many: bool = False


@dataclass
class _Batch:
    """One batch as it goes: until when calls may begin, and what went wrong, by member."""

    client: OdooClient
    end: datetime
    errors: dict[int, PuenteError] = field(default_factory=dict)
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def attempt(self, members: Sequence[CampaignMember], call: Callable[[], None]) -> None:
        """Make a call for these members. A refusal is theirs alone; what concerns all of Odoo is raised."""
        if clock.now() > self.end:
            self._fail(members, DeferredError("no time was left for it in its batch", after_seconds=0))
            return
        try:
            call()
        except SYSTEM_WIDE:
            raise
        except (PermanentError, RetryableError) as error:
            if isinstance(error, PermanentError) and error.reason in EVERYBODYS:
                raise UnavailableError(str(error)) from error
            self._fail(members, _judged(self.client, error, members))

    def _fail(self, members: Sequence[CampaignMember], error: PuenteError) -> None:
        self.errors |= dict.fromkeys((member.id for member in members), error)


def _judged(client: OdooClient, error: PuenteError, members: Sequence[CampaignMember]) -> PuenteError:
    """A record that is gone since it was read, a campaign's or a lead's, is looked up again at the next attempt."""
    if not isinstance(error, PermanentError) or error.reason not in ("odoo-missing-record", "odoo-validation"):
        return error
    for member in members:
        forget(client, member.campaign)
        forget(client, member.newest)
    return RetryableError(str(error))


def sync_members(numbers: Sequence[int]) -> Mapping[int, Outcome]:
    """Bring what Odoo shows of these rows of `campaign_contacts` up to date; an outcome for each that exists.

    Doing it again changes nothing, so a lost answer or a second worker does no harm.

    Raises:
        PuenteError: Odoo as a whole cannot be used; some of them may have been written all the same.
    """
    settings, members = get_settings(), read_members(numbers)
    client = OdooClient.from_settings(settings)
    batch = _Batch(client, clock.now() + timedelta(seconds=settings.odoo_batch_seconds))
    for campaign, theirs in _by_campaign(members):
        batch.attempt(theirs, partial(_look_up, batch, campaign))
    able = [member for member in members if member.id not in batch.errors]
    _fulfil(batch, PARTNER, [wish for member in able for wish in _of_partner(batch, member)])
    _fulfil(batch, LEAD, [wish for member in able for wish in _of_lead(batch, member)])
    records = _records(batch, [member for member in members if member.id not in batch.errors])
    return {member.id: batch.errors.get(member.id) or _outcome(member, records) for member in members}


def _by_campaign(members: Sequence[CampaignMember]) -> Iterator[tuple[Ours, list[CampaignMember]]]:
    """Each campaign with the members for whom its number in Odoo is needed."""
    campaigns: dict[int, Ours] = {}
    found: dict[int, list[CampaignMember]] = defaultdict(list)
    for member in members:
        for campaign in {one.id: one for one in (member.campaign, member.newest)}.values():
            campaigns[campaign.id] = campaign
            found[campaign.id].append(member)
    return ((campaigns[number], theirs) for number, theirs in found.items())


def _look_up(batch: _Batch, campaign: Ours) -> None:
    settings = get_settings()
    wanted = {
        CAMPAIGN: settings.odoo_lead_campaign or settings.odoo_member_fields.get("campaign"),
        PARTNER_TAG: settings.odoo_tags_partners,
        LEAD_TAG: settings.odoo_tags_leads,
    }
    for model, is_wanted in wanted.items():
        if is_wanted:
            batch.numbers[model, campaign.id] = number_of(batch.client, model, campaign)


def _of_partner(batch: _Batch, member: CampaignMember) -> list[_Wish]:
    if member.partner is None or not get_settings().odoo_tags_partners:
        return []
    tag = batch.numbers[PARTNER_TAG, member.campaign.id]
    return [_Wish(member, PARTNER, member.partner, "category_id", tag, is_one_of_many=True)]


def _of_lead(batch: _Batch, member: CampaignMember) -> list[_Wish]:
    settings, wishes = get_settings(), []
    if member.lead is None:
        return []
    if settings.odoo_lead_campaign:
        number = batch.numbers[CAMPAIGN, member.newest.id]
        wishes.append(_Wish(member, LEAD, member.lead, settings.odoo_lead_campaign, number))
    if settings.odoo_tags_leads:
        tag = batch.numbers[LEAD_TAG, member.campaign.id]
        wishes.append(_Wish(member, LEAD, member.lead, "tag_ids", tag, is_one_of_many=True))
    return wishes


def _fulfil(batch: _Batch, model: str, wishes: Sequence[_Wish]) -> None:
    """Write what the records lack. A record that Odoo has deleted is left out: its own sync sees to it."""
    if not wishes:
        return
    fields, ids = sorted({wish.field for wish in wishes}), sorted({wish.record for wish in wishes})
    records: dict[int, Mapping[str, Any]] = {}

    def read() -> None:
        records.update(
            {int(one["id"]): one for one in batch.client.search_read(model, [["id", "in", ids]], fields, archived=True)}
        )

    batch.attempt([wish.member for wish in wishes], read)
    lacking: dict[tuple[str, int, bool], list[_Wish]] = defaultdict(list)
    for wish in wishes:
        if wish.record in records and not _is_fulfilled(wish, records[wish.record][wish.field]):
            lacking[wish.field, wish.value, wish.is_one_of_many].append(wish)
    context = QUIET_CONTEXT if get_settings().odoo_quiet else {}
    for (name, value, is_one_of_many), group in lacking.items():
        values = {name: [[4, value]] if is_one_of_many else value}
        theirs = sorted({wish.record for wish in group})
        batch.attempt(
            [wish.member for wish in group],
            partial(batch.client.write, model, theirs, values, context=context),
        )


def _is_fulfilled(wish: _Wish, value: Any) -> bool:
    if wish.is_one_of_many:
        return wish.value in value
    return bool(value) and value[0] == wish.value


def _records(batch: _Batch, members: Sequence[CampaignMember]) -> dict[int, Mapping[str, Any]]:
    """The records of the model that has one for each member; by member what is to be kept of them."""
    model, fields = get_settings().odoo_member_model, get_settings().odoo_member_fields
    if model is None or not members:
        return {}
    kept: dict[int, Mapping[str, Any]] = {}
    by_key = {member.key: member for member in members}

    def write() -> None:
        rows = upsert_rows(fields, members, batch.numbers)
        left = max(1.0, (batch.end - clock.now()).total_seconds())
        quiet = get_settings().odoo_quiet
        for result in upsert(batch.client, model, rows, search_field=fields["key"], quiet=quiet, within_seconds=left):
            member = by_key[result.key]
            if result.error is not None:
                batch.errors[member.id] = _judged(batch.client, result.error, [member])
            else:
                kept[member.id] = {"odoo_id": result.odoo_id, "odoo_linked": result.linked}

    batch.attempt(members, write)
    return kept


def _outcome(member: CampaignMember, records: Mapping[int, Mapping[str, Any]]) -> Outcome:
    kept = records.get(member.id)
    if kept is None and member.partner is None and member.lead is None:
        return NOT_IN_ODOO_YET
    places = {"odoo_partner_id": member.partner, "odoo_lead_id": member.lead}
    return Done({"odoo_id": None, "odoo_linked": False} | dict(kept or {}) | places)
