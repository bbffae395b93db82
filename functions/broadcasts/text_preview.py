"""The first message of a broadcast as one of its recipients would get it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from functions.broadcasts import judging, known_flows
from functions.broadcasts.audience import Audience
from shared.errors import PermanentError
from shared.journeys.talks.definition import TEXT, TalkingFlow, TalkStep
from shared.messages import template_sources, templates
from shared.messages.templates import TRANSACTIONAL, Template
from shared.settings import get_settings

LOOKED_AT = 50
"""So many of the audience are looked at for somebody who gets it."""


@dataclass(frozen=True)
class Shown:
    """A message as it arrives. `name` and `phone` are its recipient's; `fault` says why it cannot be shown."""

    words: str = ""
    buttons: tuple[str, ...] = ()
    name: str | None = None
    phone: str | None = None
    fault: str = ""


def of(session: Session, config: Mapping[str, Any], mapping: Mapping[str, Any]) -> Shown | None:
    """The first message, filled in for the first of the audience who gets it; None where nobody of the first ones does."""
    flow = known_flows.flow_of(str(config["flow_id"]))
    if flow is None:
        return Shown(fault="there is no such flow any more")
    audience = Audience(config["audience_type"], config["audience_config"] or {})
    candidates, _place = audience.chunk(session, 0, LOOKED_AT)
    judged = judging.judge(session, candidates, mapping, known_flows.needs_of(str(config["flow_id"])))
    chosen = next((one for one in judged if one.reason is None), None)
    if chosen is None:
        return None
    values = dict(chosen.variables) | {"phone": chosen.phone}
    name = values.get("first_name") or values.get("name") or values.get("nombre")
    try:
        words, buttons = filled(session, flow, values)
    except PermanentError as error:
        return Shown(name=name, phone=chosen.phone, fault=str(error))
    return Shown(words, tuple(buttons), name, chosen.phone)


def filled(session: Session, flow: TalkingFlow, values: Mapping[str, Any]) -> tuple[str, Sequence[str]]:
    """The words of a flow's first message, and what stands on its buttons.

    Raises:
        PermanentError: it cannot be filled in.
    """
    step = first(flow)
    if step is None:
        return "", ()
    template = step.ways()[0].template
    if template != TEXT:
        return templates.render(template_sources.load(template, "es", session=session), {**values, **step.variables}).text, ()
    words = (step.ask.text if step.ask else step.say) or ""
    found = Template(name=f"{flow.name}.{step.id}", locale="es", channels=(), kind=TRANSACTIONAL, text=words)
    return templates.render(found, values).text, [one.title for one in step.ask.options] if step.ask else ()


def words_of(session: Session, flow: TalkingFlow) -> list[str]:
    """What each message of a flow says before it is filled in, as it goes out now, the first message first.

    Raises:
        PermanentError: a text is not there, or not as it must be.
    """
    return [_unfilled(session, step) for step in flow.steps if step.sends]


def _unfilled(session: Session, step: TalkStep) -> str:
    template = step.ways()[0].template
    if template == TEXT:
        return (step.ask.text if step.ask else step.say) or ""
    return template_sources.load(template, get_settings().default_locale, session=session).text


def first(flow: TalkingFlow) -> TalkStep | None:
    """The first step that sends something."""
    return next((step for step in flow.steps if step.sends), None)


def is_single(flow: TalkingFlow) -> bool:
    """Whether a flow sends one message and asks nothing."""
    return sum(step.sends for step in flow.steps) == 1 and not any(step.ask for step in flow.steps)
