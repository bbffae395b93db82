"""What may be said to whom after the form of a stranger: which words, by which channels, and how many people in an hour.

Anybody can type anything into a public form, also somebody else's number and a text for them. So the free texts of a form are
kept and shown to people of ours as they came, and what goes out is held to the rules here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from functions.leads.settings import LeadSettings, PhoneChannel, PhoneType
from functions.leads.tables import Lead
from shared import clock
from shared.alerts import plan_alert
from shared.messages import plain_names
from shared.readers import name_key, phone
from shared.settings import get_settings, settings_of

WORDS = Path(__file__).parent / "templates" / "es" / "_leads.yaml"
CHANNELS: tuple[PhoneChannel, ...] = ("voice", "whatsapp", "sms")
TYPES: dict[PhoneChannel, tuple[PhoneType, ...]] = {
    "voice": ("mobile", "fixed-line", "fixed-line-or-mobile"),
    "whatsapp": ("mobile", "fixed-line-or-mobile"),
    "sms": ("mobile", "fixed-line-or-mobile"),
}
HOUR = timedelta(hours=1)
FREE_TEXTS = ("company", "source")


def refused_channels(number: str | None) -> dict[str, str]:
    """The channels by which a number from the form must not be reached, each with the reason; empty where all are allowed."""
    if number is None:
        return {}
    if kind := phone.refusal_of_first_contact(number):
        return dict.fromkeys(CHANNELS, f"the number is {kind}")
    reasons = {channel: _refusal(channel, *phone.region_and_type(number)) for channel in CHANNELS}
    return {channel: reason for channel, reason in reasons.items() if reason}


def _refusal(channel: PhoneChannel, region: str | None, kind: str) -> str | None:
    settings = settings_of(LeadSettings)
    countries = settings.lead_phone_countries.get(channel, (get_settings().default_phone_region,))
    if "*" not in countries and region not in countries:
        return f"numbers of {region or 'no country'} are not in LEAD_PHONE_COUNTRIES"
    if kind not in settings.lead_phone_types.get(channel, TYPES[channel]):
        return f"{kind} numbers are not in LEAD_PHONE_TYPES"
    return None


def message_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a message with its free texts as they may be mailed and spoken, as the settings have it now."""
    values = dict(given)
    if values.get("service"):
        values["service"] = service(str(values["service"]))
    for name in FREE_TEXTS:
        if isinstance(text := values.get(name), str):
            values[name] = plain_names.plain(text)
    return {name: value for name, value in values.items() if value is not None or given.get(name) is None}


def service(text: str) -> str:
    """The name in LEAD_SERVICES that reads as `text` does; a neutral word (`_leads.yaml`) for any other."""
    return next((name for name in settings_of(LeadSettings).lead_services if name_key.same(name, text)), _words()["service"])


def begin_at(session: Session, at: datetime) -> datetime | None:
    """When the first contact with a lead of `at` may begin so that no hour has more than the settings allow; None: at once.

    Put off by an hour, and by another while that one is full. Two leads that are handled at the same moment may count each
    other late, so that an hour has one too many: it is a bound against floods, and not worth a lock over all leads.
    """
    now, most = max(at, clock.now()), settings_of(LeadSettings).lead_first_contacts_per_hour
    query = select(Lead.first_contact_at).where(Lead.first_contact_at > now - HOUR)
    latest = session.scalars(query.order_by(Lead.first_contact_at.desc()).limit(most)).all()
    if len(latest) < most or latest[-1] is None:
        return None
    _alert(session, now, most)
    return latest[-1] + HOUR


def _alert(session: Session, now: datetime, most: int) -> None:
    text = f"Puente: more than {most} leads within an hour (LEAD_FIRST_CONTACTS_PER_HOUR). "
    text += "Those beyond are kept and in the CRM; calls and messages to them are put off. Are they genuine? See docs/leads.md."
    plan_alert(session, f"lead-first-contacts:{now:%Y-%m-%dT%H}", text)


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    return {str(name): str(word) for name, word in yaml.safe_load(WORDS.read_text(encoding="utf-8")).items()}
