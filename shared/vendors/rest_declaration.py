"""What is said of an outside system with a JSON API, once: how it is called, what its answers mean, how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.errors import PuenteError
from shared.vendors.token_sources import TokenSource

if TYPE_CHECKING:
    import requests

type ErrorReader = Callable[[Mapping[str, Any]], tuple[object, object]]
"""The vendor's own code and text, out of the JSON object of a refusal."""

type Verdict = Callable[["requests.Response", Mapping[str, Any], str, bool], PuenteError | None]
"""An error for what this vendor answers, given the answer, its JSON object, what was asked and whether that is repeatable.

None leaves the verdict to `shared.vendors.answers`.
"""


def bearer(key: str) -> Mapping[str, str]:
    """The key as `Authorization: Bearer`."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def code_and_message(body: Mapping[str, Any]) -> tuple[object, object]:
    """The members `code` and `message`, in which most vendors say what is wrong."""
    return body.get("code"), body.get("message")


@dataclass(frozen=True, kw_only=True, eq=False)
class RestDeclaration:
    """One outside system.

    `address` and `key` name settings; `needs` names those that must be given besides, and `used_by` the one without which the
    system is not used (the key, if there is one). `ping_by` is a path that is read to see that the system is there, and whose
    answer has the member `shows`; or a function that asks. A system without it takes no part in the health report.
    `read_seconds` is how long an answer is waited for, `calls` the most that one delivery may make: together they bound the
    time of a delivery (`longest_seconds`). `authorize` makes headers of the key; `error` reads a refusal.
    `account_codes` are the vendor's codes, in lower case, for a refusal of our account and not of the one call;
    `account_statuses` are HTTP statuses of the same meaning besides 401 and 402. `verdict` comes before all of that; `busy`
    judges an answer 429 where it may mean less than that the whole system asks us to wait.
    With `credentials` tokens are fetched (`shared.vendors.token_sources` has the ways), and renewed; a `key` that is given
    stands in their place. `target` is the one whose deliveries it serves where that is not called as it is itself: shadow mode
    covers it by that name. `authorize_token` makes headers of a token, where they are others than those of a key.
    """

    name: str
    address: str
    key: str = ""
    used_by: str = ""
    needs: tuple[str, ...] = ()
    ping_by: str | Callable[[Any], str] = ""
    shows: str = ""
    read_seconds: float = 20.0
    calls: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    authorize: Callable[[str], Mapping[str, str]] = bearer
    error: ErrorReader = code_and_message
    account_codes: frozenset[str] = frozenset()
    account_statuses: frozenset[int] = frozenset()
    named_wait: Callable[[requests.Response], float | None] | None = None
    busy: Callable[[requests.Response, str], PuenteError | None] | None = None
    verdict: Verdict | None = None
    credentials: TokenSource | None = None
    authorize_token: Callable[[str], Mapping[str, str]] | None = None
    target: str = ""
