"""Types of settings: what a value in the environment must look like."""

import hashlib
import re
from ipaddress import ip_address
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from shared.environment import NoDecode
from shared.readers.money_words import THREE_DECIMALS

Scope = Annotated[str, StringConstraints(pattern=r"^(read|write|approve|admin|webhook(:[a-z][a-z0-9-]{0,39})?)$")]
"""What an API key may do. `approve` is for the console; `webhook:<sender>` opens one sender's webhooks, `webhook` all."""


def _no_trailing_slash(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    if url.startswith("http://") and not _stays_here(urlsplit(url).hostname or ""):
        raise ValueError("must start with https://, except on this machine: keys and people's data would be read on the way")
    return url.rstrip("/")


def _stays_here(host: str) -> bool:
    """Whether what is sent to a host stays on this machine, or goes nowhere at all (`.invalid`, RFC 2606)."""
    if host == "localhost" or host.endswith((".localhost", ".invalid")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Url = Annotated[str, AfterValidator(_no_trailing_slash)]


def parts(value: Any) -> Any:
    """The words of a text that are separated by commas; anything else as it is."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(parts)]
"""One secret, or several separated by commas while an old one is being replaced; any of them is good."""

Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parts)]
"""Words separated by commas."""


Systems = Annotated[int, Field(ge=1, le=8)]
"""A number of the eight systems that an assessment asks about."""


def _kept(days: int) -> int:
    if 0 < days < LEAST_DAYS_KEPT:
        raise ValueError(f"must be 0 (for ever), or {LEAST_DAYS_KEPT} or more: an event may come again for two weeks")
    return days


LEAST_DAYS_KEPT = 30
Kept = Annotated[int, Field(ge=0, le=36_500), AfterValidator(_kept)]
"""Days that something is kept; 0 is for ever."""


class ApiKey(BaseModel):
    """A key that callers send as `X-API-KEY`. Give either `key` (plain, for one machine) or `sha256` (its hex digest)."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)  # the settings' own model takes it in

    name: str = Field(min_length=1, max_length=50)
    key: SecretStr | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    scopes: frozenset[Scope] = frozenset({"webhook"})

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.key is None) == (self.sha256 is None):
            raise ValueError("give exactly one of `key` and `sha256`")
        if self.key is not None and not self.key.get_secret_value():
            raise ValueError("`key` is empty")
        return self

    @property
    def digest(self) -> bytes:
        """SHA-256 of the key: what a presented key is compared with, in constant time."""
        if self.key is not None:
            return hashlib.sha256(self.key.get_secret_value().encode()).digest()
        return bytes.fromhex(self.sha256 or "")


def _currency(text: str) -> str:
    code = text.strip().upper()
    if not re.fullmatch("[A-Z]{3}", code) or code in THREE_DECIMALS:
        raise ValueError("must be a currency's three letters (ISO 4217), such as MXN; none with three decimals")
    return code


Currency = Annotated[str, AfterValidator(_currency)]
