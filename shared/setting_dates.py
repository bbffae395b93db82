"""Settings that say when people may be disturbed, and where they live. Light: what knows all the world is loaded later.

The countries are those (ISO 3166, two letters) that both the phone numbers and the public holidays are known of; a test holds
the list to the packages that know them.
"""

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

from shared.environment import NoDecode
from shared.setting_types import parts

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CODES = """
    AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD CF
    CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF
    GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP
    KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI
    SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN
    VU WF WS XK YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_CODES.split())
NOWHERE = "XX"  # ISO 3166 keeps it for users: no country
_HOUR = r"([01]\d|2[0-3]):[0-5]\d"
_HOURS = re.compile(rf"{_HOUR}-{_HOUR}")


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("is no country's two capital letters (ISO 3166), such as MX")
    return code


def _holidays_of(code: str) -> str:
    return code if code == NOWHERE else _country(code)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # KeyError: there is none; OSError: the name is a folder
        raise ValueError("is no time zone, such as America/Mexico_City") from None
    return name


def _hours(text: str) -> str:
    if not _HOURS.fullmatch(text):
        raise ValueError("is not two times of a day, such as 20:00-09:00")
    return text


def _days(names: tuple[str, ...]) -> tuple[str, ...]:
    days = tuple(name.lower() for name in names)
    if not days or not set(days) <= set(WEEKDAYS):
        raise ValueError(f"must be one or more of {', '.join(WEEKDAYS)}, with commas between")
    return days


Country = Annotated[str, AfterValidator(_country)]
"""A country, as two capital letters."""

HolidaysOf = Annotated[str, AfterValidator(_holidays_of)]
"""A country whose public holidays count, or `XX`: no holidays."""

TimeZone = Annotated[str, AfterValidator(_zone)]
"""A time zone by its IANA name."""

Hours = Annotated[str, AfterValidator(_hours)]
"""From one time of the day to another, perhaps over midnight."""

Weekdays = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parts), AfterValidator(_days)]
"""Days of the week, separated by commas."""
