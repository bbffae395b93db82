"""An outside system with a JSON API, declared in a few lines; from the declaration follows how it is called, asked and watched.

    CARDS = RestClient(name="Cards", address="cards_base_url", key="cards_key", ping_by="/status", shows="version")
    found = CARDS.call("GET", "/cards", repeatable=True, params={"since": "2026-03-01"})

Light: whoever declares a client loads no HTTP library; that happens at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from shared.errors import PermanentError
from shared.once import made_once
from shared.setting_groups import SettingsGroup
from shared.setting_limits import CONNECT_SECONDS
from shared.settings import Settings, get_settings, setting_name, settings_class
from shared.vendors.rest_declaration import RestDeclaration

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from shared.vendors.connection import Connection


@dataclass(frozen=True, kw_only=True, eq=False)
class RestClient(RestDeclaration):
    """One outside system, as `RestDeclaration` says it, that can be called, asked and watched."""

    def is_used(self, settings: Settings | None = None) -> bool:
        """Whether it is set up. One whose other settings are missing is, and says so when it is called."""
        return bool(getattr(settings or get_settings(), self.used_by or self.key or self.address))

    def require(self, settings: Settings | SettingsGroup) -> None:
        """Nothing where every setting that it needs is given.

        Raises:
            PermanentError: `not-configured`, naming the settings.
        """
        names = [name for name in (self.address, *self._proofs(settings), *self.needs) if name]
        if not all(getattr(settings, name) for name in names):
            missing = [name for name in names if not has_default(name)]
            raise not_configured(self.name, *map(setting_name, missing))

    def _proofs(self, settings: Settings | SettingsGroup) -> tuple[str, ...]:
        """The settings by which we prove who we are: the key; what tokens are fetched with, where no key is given."""
        if self.credentials is None or (self.key and getattr(settings, self.key)):
            return (self.key,)
        return tuple(name for name in self.credentials.settings if name not in self.credentials.optional)

    def connect(
        self,
        address: str,
        key: str = "",
        *,
        adapter: BaseAdapter | None = None,
        read_seconds: float | None = None,
        auth: tuple[str, str] | None = None,
        secrets: Sequence[str] = (),
        known_as: Mapping[str, str] | None = None,
    ) -> Connection:
        """A connection of its own.

        `auth` is a name and password (the key is not sent then), `secrets` are masked besides; `known_as` are the values of
        the settings with which tokens are fetched.
        """
        from shared.vendors.connection import Connection

        more: dict[str, Any] = {"read_seconds": read_seconds, "auth": auth, "secrets": secrets, "known_as": known_as}
        return Connection(self, address, key, adapter=adapter, **more)

    def connected(self, settings: Settings | None = None, read_seconds: float | None = None) -> Connection:
        """The process's connection for these settings and that patience.

        Raises:
            PermanentError: `not-configured`.
        """
        settings = settings or get_settings()
        self.require(settings)
        key, address = secret(settings, self.key) if self.key else "", secret(settings, self.address)
        parts = urlsplit(address)
        hidden = (parts.path, parts.query) if isinstance(getattr(settings, self.address), SecretStr) else ()
        known_as = None
        if self.credentials is not None and not key:
            known_as = tuple((name, secret(settings, name)) for name in self.credentials.settings)
        return _connection(self, address, key, read_seconds or self.read_seconds, hidden, known_as)

    def call(self, method: str, path: str = "", *, repeatable: bool, what: str = "", **request: Any) -> Mapping[str, Any]:
        """The JSON object that it answers; `request` is as in `Connection.call`. Raises as that, and `not-configured`."""
        return self.connected().call(method, path, what, repeatable=repeatable, **request)

    @property
    def has_ping(self) -> bool:
        """Whether it can be asked whether it is there."""
        return bool(self.ping_by)

    def ping(self, seconds: float | None = None) -> str:
        """What it says of itself, as a sign that it is there and lets us in; `seconds` is the patience for it.

        Raises:
            PuenteError: it cannot be reached, refuses us, or is not set up whole; the text says why, without secrets.
        """
        return self.connected(read_seconds=seconds).ping()

    def longest_seconds(self, settings: Settings | None = None) -> float:
        """The longest that one delivery may take, each of its calls ended just before its time limit."""
        del settings
        return self.calls * (CONNECT_SECONDS + self.read_seconds)


def secret(settings: Settings, name: str) -> str:
    """A setting as plain text, a secret one as well."""
    value = getattr(settings, name) or ""
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)


def has_default(name: str) -> bool:
    """Whether the setting has a value of its own where nobody gives one."""
    return bool(settings_class().model_fields[name].default)


def not_configured(vendor: str, *settings: str) -> PermanentError:
    """The error of a client whose settings are missing; it names them."""
    return PermanentError("not-configured", f"{vendor} is not set up: {', '.join(settings)} missing")


@made_once()
def _connection(
    client: RestClient,
    address: str,
    key: str,
    read_seconds: float,
    hidden: tuple[str, ...],
    known_as: tuple[tuple[str, str], ...] | None,
) -> Connection:
    values = None if known_as is None else dict(known_as)
    return client.connect(address, key, read_seconds=read_seconds, secrets=hidden, known_as=values)


def kept[C](make: Callable[..., C], *arguments: Any) -> C:
    """What `make` makes of these arguments: made once in a process, so that its connections are kept."""
    return cast("C", _kept(make, *arguments))


@made_once()
def _kept(make: Callable[..., Any], *arguments: Any) -> Any:
    return make(*arguments)


def drop_connections() -> None:
    """Let the process's clients and connections go; the next call makes new ones."""
    _kept.cache_clear()
    _connection.cache_clear()
