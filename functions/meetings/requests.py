"""What is asked for: who meets whom, about what, for how long, and when they would like to. Pure: reads no clock, no database.

The codes of errors and warnings are those of the replaced flow; new ones follow its spelling.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.readers import email
from shared.store.types import fitting

SHORTEST_MINUTES, LONGEST_MINUTES, USUAL_MINUTES = 15, 480, 30
MOST_ATTENDEES = 50
SUBJECT_LENGTH, DESCRIPTION_LENGTH, LOCATION_LENGTH, NAME_LENGTH = 200, 4000, 400, 200
USUAL_SUBJECT = "Reunión"
LONGEST_RANGE_DAYS = 55  # with a day before and after it, one question to a calendar spans at most 62
MOST_TIMES = 24
_ZONE_LENGTH = 60
_TRUE, _FALSE = frozenset(("true", "1", "yes", "si", "sí")), frozenset(("false", "0", "no", ""))
_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*(?:h|hs|hrs|horas?)?\s*([ap])?\.?\s*(?:m\.?)?", re.IGNORECASE)


class InvalidRequestError(ValueError):
    """A request that cannot be met; `errors` are codes for programs, `warnings` what was found besides."""

    def __init__(self, errors: Sequence[str], warnings: Sequence[str] = ()) -> None:
        super().__init__(", ".join(errors))
        self.errors, self.warnings = tuple(errors), tuple(warnings)


@dataclass(frozen=True, kw_only=True)
class Attendee:
    """Who is invited. `zone` is theirs where the request names one; `country` is that whose public holidays they keep."""

    address: str
    name: str | None = None
    zone: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True)
class PreferredTime:
    """A time of day that somebody would like; without `minute` the whole hour counts."""

    hour: int
    minute: int | None = None

    def fits(self, hour: int, minute: int) -> bool:
        """Whether a meeting that begins then suits it."""
        return hour == self.hour and self.minute in (None, minute)

    def __str__(self) -> str:
        return f"{self.hour:02d}" if self.minute is None else f"{self.hour:02d}:{self.minute:02d}"


@dataclass(frozen=True, kw_only=True)
class MeetingRequest:
    """A request that can be met. Addresses are keys; `preferred_days` are first and last of the days that are liked most."""

    organizer: str
    attendees: tuple[Attendee, ...]
    subject: str
    description: str = ""
    location: str = ""
    minutes: int = USUAL_MINUTES
    zone: str
    preferred_days: tuple[date, date] | None = None
    preferred_times: tuple[PreferredTime, ...] = ()
    auto_confirm: bool = True
    require_confirmation: bool = False
    send_multiple_options: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def asks_first(self) -> bool:
        """Whether nothing is booked before somebody has chosen."""
        return self.send_multiple_options or self.require_confirmation or not self.auto_confirm


@dataclass
class _Needed:
    """What a request cannot do without; `errors` are the codes of what is missing or wrong."""

    organizer: str | None
    given: Sequence[Any]
    minutes: int | None
    subject: str
    zone: str | None

    @property
    def errors(self) -> list[str]:
        """In the order of the replaced flow."""
        wrong = {
            "invalid_organizer_email": self.organizer is None,
            "no_attendees": not self.given,
            f"too_many_attendees_max_{MOST_ATTENDEES}": len(self.given) > MOST_ATTENDEES,
            f"invalid_duration_must_be_between_{SHORTEST_MINUTES}_and_{LONGEST_MINUTES}_minutes": self.minutes is None,
            "missing_subject": not self.subject,
            "invalid_timezone": self.zone is None,
        }
        return [code for code, is_so in wrong.items() if is_so]


def read(data: Mapping[str, Any], default_zone: str) -> MeetingRequest:
    """The request in a webhook's body.

    Raises:
        InvalidRequestError: with every error that was found; of the attendees alone `no_valid_attendees_after_validation`.
    """
    needed = _Needed(
        organizer=_address(data.get("organizer_email")),
        given=_listed(data.get("attendees")),
        minutes=_minutes(data.get("duration_minutes")),
        subject=_subject(data),
        zone=_zone(data.get("timezone")) if data.get("timezone") else default_zone,
    )
    warnings: list[str] = []
    if needed.errors or needed.organizer is None or needed.minutes is None or needed.zone is None:
        raise InvalidRequestError(needed.errors, warnings)
    subject = _one_line(needed.subject, SUBJECT_LENGTH)
    if subject != needed.subject:
        warnings.append("subject_too_long_truncated")
    attendees = _attendees(needed.given, needed.organizer, warnings)
    if not attendees:
        raise InvalidRequestError(["no_valid_attendees_after_validation"], warnings)
    return MeetingRequest(
        organizer=needed.organizer,
        attendees=attendees,
        subject=subject,
        minutes=needed.minutes,
        zone=needed.zone,
        **_wishes(data, warnings),
        warnings=tuple(warnings),
    )


def _wishes(data: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    """What a request may say besides; what of it cannot be read is left out, with a warning."""
    return {
        "description": fitting(_text(data.get("description")), DESCRIPTION_LENGTH),
        "location": _one_line(_text(data.get("location")), LOCATION_LENGTH),
        "preferred_days": _days(data, warnings),
        "preferred_times": read_times(data.get("preferred_times"), warnings),
        "auto_confirm": _switch(data.get("auto_confirm"), usual=True),
        "require_confirmation": _switch(data.get("require_confirmation"), usual=False),
        "send_multiple_options": _switch(data.get("send_multiple_options"), usual=False),
    }


def is_true(value: Any) -> bool:
    """Whether a switch is on; one that is left out is off."""
    return _switch(value, usual=False)


def _switch(value: Any, *, usual: bool) -> bool:
    word = str(value).strip().casefold()
    if value is None or word not in _TRUE | _FALSE:
        return usual
    return word in _TRUE


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _one_line(text: str, at_most: int) -> str:
    return fitting(" ".join(text.split()), at_most)


def _subject(data: Mapping[str, Any]) -> str:
    """The subject, else the title; a request that names neither gets the usual word, an empty one is refused."""
    named = next((data[name] for name in ("subject", "title") if data.get(name) is not None), None)
    return USUAL_SUBJECT if named is None else " ".join(_text(named).split())


def _address(value: Any) -> str | None:
    return email.key_or_none(value) if isinstance(value, str) else None


def _listed(value: Any) -> list[Any]:
    """The attendees one by one: a list, or a text with commas (or semicolons) between."""
    if isinstance(value, str):
        return [part for part in re.split(r"[,;]", value) if part.strip()]
    return list(value) if isinstance(value, list | tuple) else []


def _minutes(value: Any) -> int | None:
    """The duration; None where it is no whole number of minutes that a meeting may last."""
    if value is None or value == "":
        return USUAL_MINUTES
    text = str(value).strip().removesuffix(".0")
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 4:  # noqa: PLR2004  # far too long
        return None
    return int(text) if SHORTEST_MINUTES <= int(text) <= LONGEST_MINUTES else None


def _zone(value: Any) -> str | None:
    """The zone's name as IANA has it; None where there is none of that name."""
    if not isinstance(value, str) or len(value) > _ZONE_LENGTH:
        return None
    try:
        return ZoneInfo(value.strip()).key
    except (KeyError, ValueError, OSError):  # KeyError: there is none; OSError: the name is a folder
        return None


def _attendees(given: Sequence[Any], organizer: str, warnings: list[str]) -> tuple[Attendee, ...]:
    found: dict[str, Attendee] = {}
    invalid = zones = 0
    for one in given:
        facts = one if isinstance(one, Mapping) else {"email": one}
        address = _address(facts.get("email"))
        if address is None:
            invalid += 1
        elif address == organizer:
            warnings.append("organizer_in_attendees_list_removed")
        elif address not in found:
            zone = _zone(named) if (named := facts.get("timezone") or facts.get("time_zone")) else None
            zones += bool(named) and zone is None
            found[address] = Attendee(
                address=address,
                name=_one_line(_text(facts.get("name")), NAME_LENGTH) or None,
                zone=zone,
                country=_country(facts.get("country")),
            )
    if invalid:
        warnings.append(f"invalid_emails_removed_{invalid}")
    if zones:
        warnings.append(f"invalid_timezones_ignored_{zones}")
    return tuple(found.values())


def _country(value: Any) -> str | None:
    code = _text(value).upper()
    return code if re.fullmatch("[A-Z]{2}", code) else None


def _days(data: Mapping[str, Any], warnings: list[str]) -> tuple[date, date] | None:
    """The days that are liked most: one, or a range of at most 55 days."""
    wanted = data.get("preferred_date_range")
    if data.get("preferred_date"):
        first = last = _day(data["preferred_date"])
    elif isinstance(wanted, Mapping) and wanted:
        first, last = (_day(wanted.get(short) or wanted.get(long)) for short, long in (("start", "from"), ("end", "to")))
    else:
        return None
    if first is None or last is None or last < first:
        warnings.append("invalid_preferred_date_ignored")
        return None
    return first, min(last, first + timedelta(days=LONGEST_RANGE_DAYS))


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(_text(value)[:10])
    except ValueError:
        return None


def read_times(value: Any, warnings: list[str]) -> tuple[PreferredTime, ...]:
    """Times of day as people write them: `14:00`, `14`, `2 pm`; what cannot be read is counted in a warning."""
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
    read_ones = [_time(_text(one)) for one in given[:MOST_TIMES]]
    found = dict.fromkeys(one for one in read_ones if one is not None)
    if wrong := read_ones.count(None):
        warnings.append(f"invalid_preferred_times_removed_{wrong}")
    return tuple(found)


def _time(text: str) -> PreferredTime | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, half = int(found[1]), None if found[2] is None else int(found[2]), (found[3] or "").lower()
    if half and 1 <= hour <= 12:  # noqa: PLR2004  # hours of a clock's face
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or (minute or 0) > 59:  # noqa: PLR2004  # of a day, of an hour
        return None
    return PreferredTime(hour=hour, minute=minute)
