"""Robots: started by an address (OpenRPA behind a flow of OpenFlow's), or by a work item that such a flow makes.

Neither takes an idempotency key, so each run carries our number, and what comes back names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from functions.coordinations.payloads import PURPOSE
from functions.coordinations.settings import CoordinationSettings
from shared.errors import PermanentError, RetryableError, UncertainError
from shared.messages import signed
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings, settings_of
from shared.vendors import answers
from shared.vendors.rest_client import RestClient, not_configured, secret

if TYPE_CHECKING:
    from functions.coordinations.tables import Coordination

TARGET, QUEUE_TARGET = "openrpa", "openflow"
CALLBACK_PATH = "/api/v1/coordinations/result"
HEADER = "X-Puente-Token"
LONGEST = 64
UNDOING = MappingProxyType({"undo": True})
PROJECTED, MOST_ITEMS = ("_id", "state", "errormessage", "payload"), 10

OPENRPA = RestClient(name="OpenRPA", address="openrpa_webhook_url", read_seconds=60)
OPENFLOW = RestClient(name="OpenFlow", address="openflow_push_url", read_seconds=30)
OPENFLOW_API = RestClient(
    name="OpenFlow API",
    target=QUEUE_TARGET,
    address="openflow_base_url",
    key="openflow_token",
    used_by="openflow_token",
    read_seconds=20,
)


def require() -> None:
    """Nothing where robots can be started, and can report. Raises PermanentError `not-configured`, naming the settings."""
    settings = get_settings()
    by_queue = settings_of(CoordinationSettings).coordinations_robot_by == "queue"
    (OPENFLOW if by_queue else OPENRPA).require(settings)
    if not settings.link_signing_secrets:
        raise not_configured("The address to which robots report", "LINK_SIGNING_SECRETS")


def run(row: Coordination) -> dict[str, Any]:
    """Start the robot; its own number of the run, where it says one.

    Raises:
        UncertainError: nobody knows whether it runs; as `RestClient.call`.
    """
    return _started(OPENRPA, {"bot": row.bot, "context": context_of(row)})


def push(row: Coordination) -> dict[str, Any]:
    """Have a work item made for the robot; its number, where the flow says one. Raises as `run`."""
    return _started(OPENFLOW, item_of(row, row.bot))


def undo(row: Coordination) -> None:
    """Start the robot that undoes what the first one may have done. Raises as `run`."""
    _started(OPENRPA, {"bot": _undo_bot(), "context": context_of(row) | UNDOING})


def push_undo(row: Coordination) -> None:
    """Have a work item made for the robot that undoes. Raises as `run`."""
    _started(OPENFLOW, item_of(row, _undo_bot(), UNDOING))


def find_item(row: Coordination) -> dict[str, Any] | None:
    """What is kept of the work item of this run; None where there is none. Raises as `items_of`."""
    return next(map(_known, items_of(row, undoing=False)), None)


def find_undo(row: Coordination) -> dict[str, Any] | None:
    """The same of the item for the robot that undoes."""
    return next(map(_known, items_of(row, undoing=True)), None)


def can_ask() -> bool:
    """Whether robots are given work items, and OpenFlow can be asked for them."""
    by_queue = settings_of(CoordinationSettings).coordinations_robot_by == "queue"
    return by_queue and OPENFLOW_API.is_used() and bool(secret(get_settings(), "openflow_base_url"))


def items_of(row: Coordination, *, undoing: bool) -> list[Mapping[str, Any]]:
    """The work items of this run, or those that undo it, as OpenFlow has them.

    Raises:
        UncertainError: OpenFlow's API is not set up, so nobody knows; as `RestClient.call`.
    """
    if not OPENFLOW_API.is_used():
        raise UncertainError("OpenFlow cannot be asked: OPENFLOW_BASE_URL and OPENFLOW_TOKEN are not set")
    query = {"query": {"payload.coordinationId": row.id}, "projection": dict.fromkeys(PROJECTED, "1"), "top": MOST_ITEMS}
    # It is a question, although OpenFlow wants it as a POST.
    answer = OPENFLOW_API.connected().answer(
        "POST", "/api/v1/query/workitems", repeatable=True, reads=True, json=query, what="looking for a work item"
    )
    found = answers.parsed(answer)
    if not isinstance(found, list):
        raise RetryableError("OpenFlow: looking for a work item: the answer is no list")
    rows = [one for one in found if isinstance(one, dict)]
    return [one for one in rows if bool(payload_of(one).get("undo")) == undoing]


def payload_of(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an item holds; nothing where that is no object."""
    found = item.get("payload")
    return found if isinstance(found, Mapping) else {}


def _known(item: Mapping[str, Any]) -> dict[str, Any]:
    return _kept(str(item.get("_id") or "")[:100] or None, str(item.get("state") or "")[:LONGEST] or None)


def _undo_bot() -> str:
    return settings_of(CoordinationSettings).coordinations_undo_bot


def context_of(row: Coordination) -> dict[str, Any]:
    """What the robot is given: the payload as the replaced flow gave it, and by what the run is recognised.

    Raises:
        PermanentError: `erased`.
    """
    if row.payload is None:
        raise PermanentError("erased", "the person was erased before the robot was started")
    ours = {"coordinationId": row.id, "businessKey": row.business_key, "processInstanceId": row.process_id}
    return dict(row.payload) | ours | {"callbackUrl": callback(row.id)}


def item_of(row: Coordination, bot: str, more: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The work item, as the http-in flow takes it: its payload is a text of JSON on the way."""
    queue = settings_of(CoordinationSettings).openflow_queue
    payload = json.dumps({"bot": bot, **context_of(row), **more}, ensure_ascii=False)
    return {"queue": queue, "name": f"{bot} {row.business_key}", "payload": payload}


def callback(coordination_id: int) -> str:
    """The address to which the robot reports: good for this run alone."""
    settings = get_settings()
    token = signed.sign(PURPOSE, str(coordination_id), settings.link_signing_secrets)
    return f"{settings.public_base_url}{CALLBACK_PATH}?t={token}"


def _started(client: RestClient, body: Mapping[str, Any]) -> dict[str, Any]:
    settings = get_settings()
    token = secret(settings, "openrpa_token")
    headers = {HEADER: token} if token else {}
    answer = client.call("POST", repeatable=False, what="starting a robot", json=dict(body), headers=headers)
    number = answer.get("executionId") or answer.get("id")
    return _kept(None if number is None else str(number)[:100], str(answer.get("status") or "")[:LONGEST] or None)


def _kept(number: str | None, status: str | None) -> dict[str, Any]:
    return {"execution_id": number, "robot_answer": status}


def policy() -> TargetPolicy:
    """Robots are few: one start at a time."""
    return TargetPolicy(slots=1, batches_per_second=2)
