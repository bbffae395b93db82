"""Discord as a target of the outbox: posts into the team's channel, for any flow.

    ALERT = posts("hot_lead", compose)                    at import: `compose(delivery)` makes the post when it is sent
    plan.message(session, ALERT, subject, key, payload)   in the transaction of the change that causes it

Light: flow pages import it. Optional: without DISCORD_WEBHOOK_URL (`is_used`) a flow plans nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from shared.errors import PuenteError
from shared.outbox.actions import Action, Claimed, Done, Outcome, Skip, message, register_target
from shared.outbox.policy import TargetPolicy
from shared.settings import get_settings
from shared.vendors import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.vendors.discord import Embed

    type Compose = Callable[[Claimed], Post | Skip]

TARGET = "discord"


@dataclass(frozen=True)
class Post:
    """What goes into the channel: a text, a box, or both."""

    text: str = ""
    embed: Embed | None = None


def is_used() -> bool:
    """Whether a channel is set up."""
    return get_settings().discord_webhook_url is not None


def posts(name: str, compose: Compose) -> Action:
    """An action of this target. `compose` is called outside any transaction; what it raises as PuenteError fails that post."""
    return message(TARGET, name, partial(_execute, compose))


def _execute(compose: Compose, deliveries: Sequence[Claimed]) -> Mapping[int, Outcome]:
    return {delivery.id: _posted(compose, delivery) for delivery in deliveries}


def _posted(compose: Compose, delivery: Claimed) -> Outcome:
    from shared.vendors.discord import Discord

    try:
        post = compose(delivery)
        if isinstance(post, Skip):
            return post
        return Done({"id": Discord.from_settings(get_settings()).post(post.text, post.embed)})
    except PuenteError as error:
        return error


registry.declare("shared.vendors.discord:DISCORD")
# Discord takes 30 messages a minute in a channel.
register_target(TARGET, lambda: TargetPolicy(batches_per_second=0.5))
