"""What may be started by hand: each flow's webhooks by their ids, and the inputs that are taken for them.

The replaced system took its secrets as inputs. Here they are settings: an input that is declared or looks like a secret is
left out before anything else sees it, so that it is neither stored nor logged.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared import flows
from shared.flow import Flow
from shared.intake.webhook import Webhook

_BETWEEN_WORDS = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ENGLISH = "token secret key password passwd pass pwd passphrase credential authorization bearer jwt"
_SPANISH = "clave contraseña contrasena"
_WORDS = frozenset(f"{_ENGLISH} {_SPANISH}".split())
_ENDINGS = ("token", "secret", "password", "passwd", "apikey")  # words that are written as one


@dataclass(frozen=True)
class Reply:
    """The answer of something that answers at once: a status of HTTP and a JSON object."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Synchronous:
    """What answers its caller with what it has done, in place of queueing an event.

    `answer` is given the inputs. It runs in the web half, may call an outside system, and raises nothing that its caller
    should read. `routes` are the addresses at which it is called, as its router has them.
    """

    routes: tuple[str, ...]
    answer: Callable[[Mapping[str, Any]], Reply]


def webhooks_of(flow: Flow) -> Mapping[str, Webhook | Synchronous]:
    """What of a flow may be started by hand: its webhooks, and what answers at once, by the ids that they are called by."""
    found: Mapping[str, Webhook | Synchronous] = flows.resolve(flow.by_hand) if flow.by_hand is not None else {}
    return found


def looks_secret(name: str) -> bool:
    """Whether a name is one that tokens, keys and passwords have: `apiKey`, `SIGNING_SECRET`, `access_tokens`."""
    return any(_is_secret(word.lower().rstrip("0123456789")) for word in _BETWEEN_WORDS.split(name))


def without_secrets(inputs: Mapping[str, Any], declared: frozenset[str]) -> tuple[dict[str, Any], list[str]]:
    """The inputs without secrets, in whatever depth, and the places of those that were left out (`payload.token`)."""
    left_out: list[str] = []
    return _kept(inputs, "", declared, left_out), left_out


def _is_secret(word: str) -> bool:
    return any(one in _WORDS or one.endswith(_ENDINGS) for one in (word, word.removesuffix("s")))


def _kept(value: Any, place: str, declared: frozenset[str], left_out: list[str]) -> Any:
    if isinstance(value, list):
        return [_kept(one, f"{place}.{index}", declared, left_out) for index, one in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    kept: dict[str, Any] = {}
    for name, child, where in _members(value, place):
        if name.lower() in declared or looks_secret(name):
            left_out.append(where)
        else:
            kept[name] = _kept(child, where, declared, left_out)
    return kept


def _members(value: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any, str]]:
    for name, child in value.items():
        yield name, child, f"{place}.{name}" if place else name
