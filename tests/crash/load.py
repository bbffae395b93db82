"""A load of events as a bad day brings it: two flows, repetitions, everything out of order. The same seed is the same load."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC)
STAGES = range(16, 27)
NAMES = ("Ana", "José Ángel", "Zoë 🌷", "Иван", "مريم", "Ñusta")
NEW_STAGE = ("Etapa Nueva", 26)  # a name that the stage map lacks at first, and what it comes to mean
CLAIM_CHECKED = 60_000  # characters of summary: more than a queue message holds


class Post(Protocol):
    """One request of a load."""

    @property
    def path(self) -> str:
        """Where it is sent to."""

    @property
    def body(self) -> bytes:
        """What is sent."""


@dataclass(frozen=True)
class Sent:
    """One request of ManyChat's."""

    hook: str
    manychat_id: str
    at: datetime
    body: bytes
    stage: int | None = None
    name: str | None = None
    known: bool = True

    @property
    def path(self) -> str:
        """The webhook's address."""
        return f"/api/v1/manychat/webhook/{self.hook}"


@dataclass(frozen=True)
class Load:
    """`events` are all different; `posts` are what is sent, with repetitions and out of order."""

    events: tuple[Sent, ...]
    posts: tuple[Sent, ...]

    def stages(self) -> Iterator[Sent]:
        """The events that report a stage."""
        return (event for event in self.events if event.stage is not None)

    def newest_stage(self) -> dict[str, int | None]:
        """The stage that each person's lead must have in the end."""
        return {event.manychat_id: event.stage for event in sorted(self.stages(), key=lambda event: event.at)}

    def newest_name(self) -> dict[str, str | None]:
        """The first name that each person must have in the end."""
        return {event.manychat_id: event.name for event in sorted(self.events, key=lambda event: event.at)}


def make_load(seed: int, *, people: int = 60, posts: int = 500, unknown_stages: int = 0) -> Load:
    """`posts` requests over `people`, a quarter of them repetitions; `unknown_stages` events name `NEW_STAGE`."""
    chance = random.Random(seed)  # noqa: S311  # a load, no secret
    minutes = chance.sample(range(40_000), posts)
    events = [_event(chance, f"{1000 + chance.randrange(people)}", FIRST_DAY + timedelta(minutes=at)) for at in minutes]
    events = events[: posts * 3 // 4]
    for index, event in enumerate(events[:unknown_stages]):
        events[index] = _opportunity(chance, event.manychat_id, event.at, *NEW_STAGE[::-1])
    sent = events + [chance.choice(events) for _ in range(posts - len(events))]
    chance.shuffle(sent)
    return Load(tuple(events), tuple(sent))


def _event(chance: random.Random, manychat_id: str, at: datetime) -> Sent:
    if chance.random() < 0.3:
        return _contact(chance, manychat_id, at)
    return _opportunity(chance, manychat_id, at, chance.choice(STAGES))


def _contact(chance: random.Random, manychat_id: str, at: datetime) -> Sent:
    name = chance.choice(NAMES)
    body = {"manychat_id": manychat_id, "nombre_lead": name, "datetime_actual": at.isoformat()}
    return Sent("contact", manychat_id, at, _bytes(body), name=name)


def _opportunity(chance: random.Random, manychat_id: str, at: datetime, stage: int, stage_name: str | None = None) -> Sent:
    name = chance.choice(NAMES)
    summary = "ñ" * CLAIM_CHECKED if chance.random() < 0.01 else chance.choice(("Llamar mañana", None, "💬 " * 20))
    state = {"stage_id": stage_name or stage, "summary": summary, "date": at.isoformat()}
    body = {"manychat_id": manychat_id, "first_name": name, "state": state}
    return Sent("crm-opportunity", manychat_id, at, _bytes(body), stage, name, stage_name is None)


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
