"""How an employee's address is written in all systems: decided before the first account is made.

system    | signs before the @                                  | source
----------|-----------------------------------------------------|------------------------------------------------------
Okta      | those of an address, and no /, by which users are not found (users are looked up by their login)
Entra     | A-Z a-z 0-9 ' . - _ ! # ^ ~; no . at either end     | Microsoft: userPrincipalName policies
Workspace | A-Z a-z 0-9 ' . - _; no . at either end, no two ..  | Google: name and password guidelines
"""

import re
import unicodedata
from collections.abc import Iterable

PUBLIC_DOMAINS = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "hotmail.com",
        "hotmail.es",
        "outlook.com",
        "outlook.es",
        "live.com",
        "yahoo.com",
        "yahoo.es",
        "yahoo.com.mx",
        "icloud.com",
        "proton.me",
        "protonmail.com",
        "aol.com",
        "gmx.com",
    ]
)
_SIGNS = {
    "okta": re.compile(r"[A-Za-z0-9!#$%&'*+=?^_`{|}~.\-]"),
    "entra": re.compile(r"[A-Za-z0-9'._!#^~\-]"),
    "workspace": re.compile(r"[A-Za-z0-9'._\-]"),
}
LONGEST_LOCAL = 64
LONGEST = {"okta": 100, "entra": 113, "workspace": 254}
_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d"}


class AddressFaultError(ValueError):
    """An address that a system does not take; the text names the system and the sign."""


def login_of(email: str, systems: Iterable[str], domains: Iterable[str], *, plain: bool) -> str:
    """The address as all of these systems take it; `plain`: accents and signs that one does not take may be left out.

    Raises:
        AddressFaultError: one does not take it, or it is of no domain of the company's.
    """
    wanted, allowed = list(systems), [domain.lower() for domain in domains]
    local, _, domain = email.rpartition("@")
    if wanted and allowed and domain.lower() not in allowed:
        raise AddressFaultError(f"accounts are made for {', '.join(allowed)} only, not for {domain}")
    if plain and any(_fault(local, domain, system) for system in wanted):
        local = plain_of(local)
    for system in wanted:
        if fault := _fault(local, domain, system):
            raise AddressFaultError(f"{system} does not take {fault} in a sign-in name")
    return f"{local}@{domain}"


def _fault(local: str, domain: str, system: str) -> str:
    """What a system does not take of it; "" where it takes it."""
    signs = _SIGNS[system]
    wrong = [sign for sign in local if not signs.match(sign)]
    if wrong:
        return f"the sign {wrong[0]!r}"
    if not local:
        return "nothing"
    if system != "okta" and local.startswith(".") | local.endswith("."):
        return "a dot at either end"
    if system == "workspace" and ".." in local:
        return "two dots in a row"
    if len(local) > LONGEST_LOCAL or len(local) + 1 + len(domain) > LONGEST[system]:
        return f"more than {LONGEST_LOCAL} signs"
    return ""


def plain_of(local: str) -> str:
    """Letters without accents, and nothing but letters, digits, dots, hyphens and underscores."""
    spelled = "".join(_LETTERS.get(sign, sign) for sign in local.lower())
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(sign))
    kept = re.sub(r"[^a-z0-9._-]", "", bare)
    return re.sub(r"\.{2,}", ".", kept).strip(".")
