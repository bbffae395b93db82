"""The plan of a broadcast's start: to whom, with which texts, and how many are left out; approved, it begins exactly that.

The audience is gone through in the chunks in which a start goes through it; its digest, that of the texts and the automation as
it is are what the plan's one part does. So a plan whose audience or texts have changed is shown again and begins nothing, and
of two plans of one start the second does.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from functions.broadcasts import (
    automation_edits,
    costs,
    judging,
    known_flows,
    planning,
    running_config,
    starting,
    text_preview,
    variants,
)
from functions.broadcasts.audience import Audience
from functions.broadcasts.judging import Judged
from functions.broadcasts.settings import BroadcastSettings
from functions.broadcasts.states import Approval
from functions.broadcasts.tables import Automation
from shared.errors import PermanentError, RefusedError, RetryableError
from shared.outbox import effects
from shared.phrases import pattern
from shared.plans.kinds import CREATE, Applied, Asked, Page, Place, Step, Unit
from shared.settings import settings_of
from shared.store.session import reading
from shared.store.types import key_of

NAME = "broadcast"
LIST_READ_AFTER_SECONDS = 10.0
LONGEST_WORDS = 200
FIRST: Place = {"after": 0, "digest": "", "people": 0, "left_out": {}, "countries": {}}


def asked(row: Automation) -> Asked:
    """The start of an automation, as a plan is asked for it."""
    return {"automation": row.uuid, "name": row.name}


@dataclass(frozen=True)
class _Starts:
    role: str = "operator"
    here: str = "broadcasts"

    def title(self, asked: Asked) -> tuple[str, Mapping[str, Any]]:
        """Of which broadcast."""
        return pattern("Start of the broadcast %(name)s"), {"name": asked["name"]}

    def back(self, asked: Asked) -> str:
        """The broadcast."""
        return f"/console/broadcasts/{asked['automation']}"

    def link(self, name: str) -> str | None:
        """The broadcast."""
        return f"/console/broadcasts/{name}"

    def total(self, session: Session, asked: Asked) -> int | None:
        """One start."""
        del session, asked
        return 1

    def page(self, asked: Asked, place: Place | None) -> Page:
        """The next chunk of the audience, of which nothing is done by itself; behind the last one the start.

        Raises:
            PermanentError: there is no such broadcast any more. RetryableError: its list is still being read.
        """
        place = place if place is not None else FIRST
        with reading() as session, _for_good():
            row = automation_edits.find(session, asked["automation"])
            config = running_config.config_of(row)
            audience = Audience(config["audience_type"], config["audience_config"] or {})
            if planning.waits_for_list(session, audience):
                raise RetryableError("the list is still being read", after_seconds=LIST_READ_AFTER_SECONDS)
            candidates, after = audience.chunk(session, place["after"], planning.CHUNK)
            if after == place["after"]:
                return Page(units=[_unit(asked, place, _text_words(session, config["flow_id"]))])
            needs, b = known_flows.needs_of(config["flow_id"]), variants.of_config(config)
            judged = judging.judge(session, candidates, config.get("variable_mapping") or {}, needs, b)
        return Page(following=_counted(place, after, judged))


@contextmanager
def _for_good() -> Iterator[None]:
    """A broadcast, a flow or a list that is gone comes back by no second try."""
    try:
        yield
    except RefusedError as error:
        raise PermanentError(error.reason, str(error)) from error


def _counted(place: Place, after: int, judged: Sequence[Judged]) -> Place:
    """The place behind a chunk, with what it adds to the digest and to the counts."""
    rows = [[one.key, one.reason, one.variables, one.variant] for one in judged]
    digest = hashlib.sha256(f"{place['digest']}{effects.canonical(rows)}".encode()).hexdigest()
    first = {one.key: one for one in reversed(judged)}.values()
    left_out = Counter(place["left_out"]) + Counter(one.reason for one in first if one.reason is not None)
    getting = [one for one in first if one.reason is None]
    countries = Counter(place["countries"]) + Counter(costs.country_of(one.phone) for one in getting)
    return {
        "after": after,
        "digest": digest,
        "people": place["people"] + len(getting),
        "left_out": dict(left_out),
        "countries": dict(countries),
    }


def _text_words(session: Session, flow_id: str) -> list[str]:
    """What the flow says, as it goes out now: its own version, and the words of each of its texts. The first comes first."""
    flow = known_flows.flow_of(flow_id)
    return [] if flow is None else [*text_preview.words_of(session, flow), flow.version()]


def _unit(asked: Asked, place: Place, words: Sequence[str]) -> Unit:
    uuid = asked["automation"]
    step = Step(name=uuid, title=asked["name"][:200], apply=partial(_apply, uuid=uuid, place=place, words=words))
    return Unit(key=key_of(NAME, uuid), steps=[step], after=place)


def _apply(session: Session, actor: str, *, uuid: str, place: Place, words: Sequence[str]) -> Applied:
    """Begin the run. A large one is carried out only once a second person has approved the plan, so it asks nobody again."""
    row = automation_edits.find(session, uuid, for_change=True)
    config, mark = running_config.config_of(row), [row.total_executions, row.updated_at.isoformat()]
    is_large = _is_large(place, config["flow_id"])
    execution = starting.start(session, row, starting.Start(), actor.partition(":")[2] or actor, actor)
    if is_large:
        execution.approval = Approval.APPROVED
    return Applied(
        what=CREATE,
        detail=_shown(place, words, config.get("variable_mapping") or {}),
        people=place["people"],
        needs_second=is_large,
        facts=[config, mark, place["digest"], list(words)],
    )


def _is_large(place: Place, flow_id: str) -> bool:
    """Whether more people would be written to, or it would cost more, than one person may decide alone."""
    settings = settings_of(BroadcastSettings)
    if place["people"] > settings.broadcast_approval_above:
        return True
    most = settings.broadcast_approval_cost
    return most is not None and costs.of_countries(place["countries"], known_flows.category_of(flow_id)).total > most


def _shown(place: Place, words: Sequence[str], mapping: Mapping[str, Any]) -> str:
    """What goes out first and with which variables, and who is left out for which reason."""
    first = words[0].strip()[:LONGEST_WORDS] if len(words) > 1 else ""
    variables = [f"{name} = {value}" for name, value in mapping.items()]
    left_out = [f"{reason}: {number}" for reason, number in sorted(place["left_out"].items())]
    return "; ".join([f"“{first}”", *left_out, *variables])


STARTS = _Starts()
