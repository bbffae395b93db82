"""Numbering plans: one run of digits as E.164, with the old forms of a few countries that the library has forgotten."""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from shared.readers import UnreadableError
from shared.readers.regex import regex

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

LONGEST = 15  # digits of an E.164 number
REMEMBERED = 4096  # numbers that were looked up last
SLIP = 2  # digits too many that are more likely a slip than another country

_MX_OLD = regex(r"(?:044|045|01|1)+(\d{10})")
_UNKNOWN = "UNKNOWN"
_SATELLITE = frozenset({870, 878, 881, 882, 883, 888})
_NO_FIRST_CONTACT = {
    "PREMIUM_RATE": "premium",
    "TOLL_FREE": "toll-free",
    "SHARED_COST": "shared-cost",
    "UAN": "company-number",
    "PAGER": "pager",
    "VOICEMAIL": "voicemail",
    "PERSONAL_NUMBER": "personal-number",
}


def parse(text: str, default: str, *, international: bool) -> str:
    """One run of digits, signs and blanks as E.164; with `international` a country code stands there also without a plus.

    Raises:
        UnreadableError: with the reason.
    """
    plus, digits = text.strip().startswith("+"), re.sub(r"\D", "", text)
    if len(digits) >= 7 and len(set(digits)) == 1:  # noqa: PLR2004
        raise UnreadableError("placeholder")
    if plus and not digits.startswith("00"):
        return _with_plus(text, digits, default)
    if digits.startswith("00") and (found := _valid("+" + digits.lstrip("0"))):
        return found
    if international and (found := _valid(f"+{digits}")):
        return found
    return _national(text, digits, default) or _foreign(digits, default) or _refuse(digits, default)


def line(e164: str) -> str:
    """The key of a line: Argentina's 9 does not count, since area and number are one numbering space with and without it."""
    return "+54" + e164[4:] if e164.startswith("+549") else e164


def spellings(e164: str) -> tuple[str, ...]:
    """The dialled form first, then every other that was in use for the same line."""
    others: list[str] = []
    rest = e164[3:]
    if e164.startswith("+52"):
        others = [f"+521{rest}", f"+52044{rest}", f"+52045{rest}", f"+5201{rest}"]
    elif e164.startswith("+55") and len(rest) == 11 and rest[2] == "9":  # noqa: PLR2004
        others = [f"+55{rest[:2]}{rest[3:]}"]
    elif e164.startswith("+54"):
        others = [f"+54{rest[1:]}"] if rest.startswith("9") else [f"+549{rest}"]
    elif e164.startswith("+5760"):
        others = [f"+57{e164[5:]}"]
    elif e164.startswith("+56"):
        others = [f"+560{rest}"]
    elif e164.startswith("+22901"):
        others = [f"+229{e164[6:]}"]
    return (e164, *others)


def refusal_of_first_contact(e164: str) -> str | None:
    """See `shared.readers.phone.refusal_of_first_contact`."""
    code, _region, kind = _about(e164)
    if code in _SATELLITE:
        return "satellite"
    if code in (800, 808, 979):  # numbers of no country: free, shared and premium
        return "premium" if code == 979 else "toll-free"  # noqa: PLR2004
    return _NO_FIRST_CONTACT.get(kind)


def region_and_type(e164: str) -> tuple[str | None, str]:
    """See `shared.readers.phone.region_and_type`."""
    _code, region, kind = _about(e164)
    return region, kind.lower().replace("_", "-")


@lru_cache(maxsize=REMEMBERED)
def international(text: str) -> "PhoneNumber | None":
    """What the library reads in an international form, valid or not; None: nothing. Nobody changes what is returned.

    Remembered, for whoever judges a person asks several things of one number in a row.
    """
    import phonenumbers  # 3 MB of plans: loaded on first use

    try:
        return phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=REMEMBERED)
def _about(e164: str) -> tuple[int, str | None, str]:
    """The country's code, the country, and the type by its name in the library."""
    import phonenumbers

    number = international(e164)
    if number is None:
        return 0, None, _UNKNOWN
    kind = phonenumbers.number_type(number)
    return number.country_code or 0, phonenumbers.region_code_for_number(number), _type_names().get(kind, _UNKNOWN)


@cache
def _type_names() -> dict[int, str]:
    import phonenumbers

    return {value: name for name, value in vars(phonenumbers.PhoneNumberType).items() if isinstance(value, int)}


def _with_plus(text: str, digits: str, default: str) -> str:
    if not digits or digits.startswith("0"):
        raise UnreadableError("no-such-country")
    if found := _valid(f"+{digits}", as_written=text):
        return found
    if _national(digits, digits, default):
        raise UnreadableError("wrong-country-code")
    raise UnreadableError(_fault(f"+{digits}", None))


def _national(text: str, digits: str, default: str) -> str | None:
    code = _country_code(default)
    trunk = f"+{code}{digits}"
    if default == "MX" and (old := _MX_OLD.fullmatch(digits)):
        if old.start(1) == 1:  # "1" and ten digits may be a number of the USA whose plus was lost, just as well
            return None
        return _valid(f"+{code}{old[1]}")
    for written in (_library(text, default), trunk if len(digits) > 7 else None):  # noqa: PLR2004
        if written and (found := _valid(written)):
            return found
    return None


def _foreign(digits: str, default: str) -> str | None:
    """A number with a country code and no plus, where that is valid and no slip of the finger explains it better."""
    found = _valid(f"+{digits}")
    if found is None:
        return None
    code = str(_country_code(default))
    if digits.startswith(code) and not found.startswith(f"+{code}"):
        return None
    if code == "52" and digits.startswith("1") and _valid(f"+52{digits[1:]}"):
        raise UnreadableError("ambiguous", found=(found, f"+52{digits[1:]}"), ask=True)
    for extra in range(1, SLIP + 1):
        if _valid(f"+{code}{digits[:-extra]}") and _is_full_length(digits[:-extra], default):
            raise UnreadableError("too-long" if extra == 1 else "ambiguous", ask=True)
    return found


def _refuse(digits: str, default: str) -> str:
    if default == "MX" and len(digits) == 11 and digits.startswith("1") and _valid(f"+52{digits[1:]}"):  # noqa: PLR2004
        raise UnreadableError("ambiguous", ask=True)
    if default == "AR" and len(digits) == 10 and digits.startswith("15"):  # noqa: PLR2004
        raise UnreadableError("no-area-code")
    raise UnreadableError(_fault(digits, default))


def _fault(text: str, default: str | None) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, default)
    except phonenumbers.NumberParseException:
        return "not-a-number"
    reason, results = phonenumbers.is_possible_number_with_reason(number), phonenumbers.ValidationResult
    if reason == results.IS_POSSIBLE_LOCAL_ONLY:
        return "no-area-code"
    if reason == results.TOO_LONG:
        return "too-long"
    if reason in (results.TOO_SHORT, results.INVALID_LENGTH):
        return "too-short"
    return "no-such-country" if reason == results.INVALID_COUNTRY_CODE else "no-such-area"


def _library(text: str, default: str) -> str | None:
    """What the library makes of a text, valid or not."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, default)
    except phonenumbers.NumberParseException:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _valid(written: str, *, as_written: str | None = None) -> str | None:
    """The valid number that an international form means, old forms included."""
    for form in (as_written or written, *_new_forms(written)):
        if (number := _parsed(form)) is not None:
            import phonenumbers

            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return None


def _parsed(text: str) -> "PhoneNumber | None":
    """What an international form means; a number whose type is known is valid, and only such a one."""
    return international(text) if _about(text)[2] != _UNKNOWN else None


def _new_forms(written: str) -> list[str]:
    """Today's form of a number that was written by an older plan of its country."""
    code, rest = _split(written)
    forms: list[str] = []
    if code == "52" and (found := _MX_OLD.fullmatch(rest)):
        forms.append(f"+52{found[1]}")
    elif code == "55":
        forms.extend(f"+55{form}" for form in _brazil(rest))
    elif code == "54" and rest.startswith("9"):  # the 15 of home behind the 9 from abroad
        forms.extend(f"+54{rest[:at]}{rest[at + 2 :]}" for at in (3, 4, 5) if rest[at : at + 2] == "15")
    elif code == "57" and len(rest) == 8:  # noqa: PLR2004  # area and seven digits, before September 2021
        forms.append(f"+5760{rest}")
    elif code == "229" and len(rest) == 8:  # noqa: PLR2004  # before 30 November 2024
        forms.append(f"+22901{rest}")
    if rest.startswith("0") and code != "39":  # a trunk 0 is dialled at home only; Italy's belongs to the number
        forms.append(f"+{code}{rest.lstrip('0')}")
    return forms


def _brazil(rest: str) -> list[str]:
    """Mobiles have had a ninth digit in all areas since November 2016; WhatsApp's ids of older accounts are without it."""
    bare = rest.lstrip("0")
    without_carrier = [bare, bare[2:]] if len(bare) > 11 else [bare]  # noqa: PLR2004
    return [
        f"{form[:2]}9{form[2:]}" if len(form) == 10 and form[2] in "6789" else form  # noqa: PLR2004
        for form in without_carrier
        if len(form) in (10, 11)
    ]


def _split(written: str) -> tuple[str, str]:
    """The country code of an international form, and the digits after it."""
    digits = written.removeprefix("+")
    codes = _codes()
    code = next((digits[:size] for size in (1, 2, 3) if digits[:size] in codes), "")
    return code, digits[len(code) :]


@cache
def _codes() -> frozenset[str]:
    import phonenumbers

    return frozenset(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def _country_code(region: str) -> int:
    import phonenumbers

    return int(phonenumbers.country_code_for_region(region))


def _is_full_length(digits: str, default: str) -> bool:
    lengths = _example_length(default)
    return not lengths or len(digits) in lengths


@cache
def _example_length(region: str) -> frozenset[int]:
    import phonenumbers

    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    described = metadata.general_desc if metadata else None
    return frozenset(described.possible_length if described else ())
