"""How full the queues are, and for how long their first message has waited."""

from dataclasses import asdict, dataclass
from typing import Any

from shared import clock, flows, queues
from shared.errors import PermanentError, UnavailableError
from shared.intake.envelope import parse
from shared.queues import queue_client


@dataclass(frozen=True)
class Depth:
    """A queue: messages in it (those that wait for their time among them), age of the first visible one, poison beside it.

    `flow` is the flow of the first visible one, as several share a queue; without one, that of the queue.
    """

    messages: int
    oldest_seconds: int
    poison: int
    flow: str


def depths() -> dict[str, dict[str, int]]:
    """The depth of every queue of the flows, by its name; a queue that does not exist yet is empty.

    A message that was put back with a delay counts from when it was put back, so it looks old in the moment it is due: an
    alert asks for an age that stays.

    Raises:
        UnavailableError: the storage account cannot be reached or refuses.
    """
    from azure.core.exceptions import AzureError

    try:
        return {name: asdict(_depth(name)) for name in sorted(flows.queues())}
    except AzureError as error:
        raise UnavailableError(f"the storage account does not answer: {type(error).__name__}") from error


def _depth(name: str) -> Depth:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        client = queue_client(name)
        messages = _count(client)
        first = client.peek_messages(max_messages=1) if messages else []
    except ResourceNotFoundError:
        messages, first = 0, []
    age = (clock.now() - first[0].inserted_on).total_seconds() if first and first[0].inserted_on else 0
    flow = flows.owner(name, _type(first[0]) if first else None) or ""
    return Depth(messages=messages, oldest_seconds=max(round(age), 0), poison=_poison(name), flow=flow)


def _type(message: Any) -> str | None:
    """The type of the event in a message; None where it is no event."""
    try:
        return parse(queues.decode(message)).type
    except PermanentError:
        return None


def _poison(name: str) -> int:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return _count(queue_client(name + queues.POISON_SUFFIX))
    except ResourceNotFoundError:
        return 0


def _count(client: Any) -> int:
    return int(client.get_queue_properties().approximate_message_count or 0)
