"""Forecast of a talking flow: what somebody is sent, by the answers that `assume` gives them. Writes and sends nothing.

An answer comes at once: the flow's own time is what is shown. A question that is not answered says so by `no_response`, one
whose answers do not fit by `not_understood`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.approvals import APPROVED, EXPIRED, REJECTED
from shared.errors import PermanentError
from shared.journeys import expressions, schedule, timing
from shared.journeys.forecast_lines import Line, TalkSoFar, Traveller, What, line_of
from shared.journeys.talks import answers, run
from shared.journeys.talks.definition import TalkingFlow, TalkStep
from shared.phrases import counted_phrase, phrase
from shared.readers import UnreadableError

NO_RESPONSE, NOT_UNDERSTOOD = run.NO_RESPONSE, run.NOT_UNDERSTOOD
SAMPLES: Mapping[str, Any] = {"text": "Ana", "number": 1, "email": "ana@example.com"}


@dataclass
class _Talking:
    """One person's way: where they are, when, what is known by then, and the lines so far."""

    flow: TalkingFlow
    who: Traveller
    assume: Mapping[str, str]
    at: datetime
    node: str | None
    data: dict[str, Any]
    has_written: bool = False
    is_asked: bool = False
    lines: dict[str, Line] = field(default_factory=dict)


def forecast(flow: TalkingFlow, who: Traveller, assume: Mapping[str, str], now: datetime) -> list[Line]:
    """A line for what was sent before, for each message as it comes, and for the end; then for what is not reached."""
    so_far = who.talk or TalkSoFar(flow.steps[0].id, is_asked=False, has_ended=False)
    walk = _Talking(flow, who, assume, who.began or now, so_far.node, dict(who.frame.data), is_asked=so_far.is_asked)
    walk.lines |= dict(who.past)
    if not so_far.has_ended:
        for _ in range(run.MOST_MOVES):
            step = flow.step(walk.node) if walk.node else None
            if step is None or not _take(walk, step):
                break
    reached = list(walk.lines.values())
    others = [step for step in flow.steps if step.sends and step.id not in walk.lines]
    return reached + [_line(walk, step, None, "skipped", phrase("not reached by these answers")) for step in others]


def _take(walk: _Talking, step: TalkStep) -> bool:
    """Whether the way goes on after a step."""
    facts = expressions.facts_of(walk.data, walk.who.results)
    if step.when is not None and not expressions.evaluate(step.when, facts):
        walk.node = walk.flow.below(step.id)
        return True
    if step.end is not None:
        walk.lines[step.id] = _line(walk, step, walk.at, "recorded", phrase("outcome: %(outcome)s", outcome=step.end))
        return False
    _set(walk, step)
    if step.sends and not walk.is_asked and not _send(walk, step):
        return False
    walk.is_asked = False
    answer = _answer(walk, step) if step.ask is not None else _verdict(walk, step)
    if step.approve is not None and answer in (REJECTED, NO_RESPONSE) and not _goes_on(step, str(answer)):
        walk.lines[step.id] = _line(walk, step, walk.at, "recorded", phrase("outcome: %(outcome)s", outcome=answer))
        return False
    if answer == NO_RESPONSE:
        _wait(walk, step)
        walk.node = walk.flow.if_silent(step) or (step.next.get(EXPIRED) if isinstance(step.next, Mapping) else None)
    elif answer == NOT_UNDERSTOOD and step.ask is not None:
        walk.node = walk.flow.if_unclear(step)
    else:
        walk.node = step.next if isinstance(step.next, str) else (step.next or {}).get(str(answer)) or walk.flow.below(step.id)
    return walk.node is not None


def _set(walk: _Talking, step: TalkStep) -> None:
    """What a step sets and tags is known to the steps below; a text that lacks a variable stands as it is written."""
    for name, value in (step.set or {}).items():
        try:
            walk.data[name] = run.value_of(walk.flow.name, step, value, walk.data)
        except PermanentError:
            walk.data[name] = value
    if step.tag is not None:
        walk.data["tags"] = run.with_tags(walk.data, step.tag)


def _send(walk: _Talking, step: TalkStep) -> bool:
    """Whether a message goes out; the line of it is noted, once for a step that comes again."""
    frame = walk.who.frame
    if not any(walk.data.get(name) for name in ("phone", "email", "manychat_id")):
        walk.lines[step.id] = _line(
            walk, step, None, "skipped", phrase("no address for %(channel)s is known", channel=step.channel)
        )
        return False
    due = timing.after(walk.at, schedule.delay(step, testing=frame.testing), frame.zone)
    is_free = walk.has_written or step.window == "ignore" or frame.testing or frame.window is None
    why = None if is_free or frame.window is None else frame.window.closed(due)
    walk.at = due if why is None or frame.window is None else frame.window.next_open(due)
    if step.id not in walk.lines or walk.lines[step.id].what == "sent":
        walk.lines.setdefault(step.id, _line(walk, step, walk.at, "moved" if why else "goes", why, due))
    return True


def _wait(walk: _Talking, step: TalkStep) -> None:
    """Nobody answers: the question is put as often as it says, and the wait goes by."""
    testing, zone = walk.who.frame.testing, walk.who.frame.zone
    if step.ask is not None and (again := step.ask.repeat_after) is not None:
        for _ in range(step.ask.repeat_times):
            walk.at = timing.after(walk.at, timing.hurried(again) if testing else again, zone)
        if (line := walk.lines.get(step.id)) is not None and line.reason is None:
            walk.lines[step.id] = replace(line, reason=_repeated(step.ask.repeat_times, again))
    walk.at = timing.after(walk.at, schedule.wait(step, testing=testing), zone)


def _repeated(times: int, after: timing.Delay) -> str:
    return counted_phrase(
        "put again %(count)s time, after %(time)s", "put again %(count)s times, after %(time)s each", times, time=after
    )


def _verdict(walk: _Talking, step: TalkStep) -> str | None:
    """What a second person is assumed to decide: an approval, unless said otherwise."""
    return None if step.approve is None else walk.assume.get(step.id, APPROVED)


def _goes_on(step: TalkStep, verdict: str) -> bool:
    """Whether the flow has a step for a verdict that is no approval."""
    named = step.next if isinstance(step.next, Mapping) else {}
    return verdict in named or (verdict == NO_RESPONSE and (step.if_no_reply is not None or EXPIRED in named))


def _answer(walk: _Talking, step: TalkStep) -> Any:
    """The answer that is assumed: given by the step's name, else the first option, or a sample of what is read."""
    ask = step.ask
    if ask is None:
        return None
    given = walk.assume.get(step.id)
    if given in (NO_RESPONSE, NOT_UNDERSTOOD):
        walk.has_written |= given == NOT_UNDERSTOOD
        return given
    options = answers.options_of(ask, walk.data)
    sample = options[0].id if options else SAMPLES.get(ask.kind, walk.at.date().isoformat())
    value: Any = sample if given is None else _read(walk, step, given)
    walk.has_written = True
    walk.data[step.store or step.id] = value
    return value


def _read(walk: _Talking, step: TalkStep, given: str) -> Any:
    """An assumed answer, read as a real one; one that does not fit stands as it was given."""
    if step.ask is None:
        return given
    try:
        return answers.read(step.ask, walk.data, given, choice=given, zone=walk.who.frame.zone, at=walk.at)
    except (UnreadableError, answers.NoAnswerError):
        return given


def _line(
    walk: _Talking, step: TalkStep, at: datetime | None, what: What, reason: str | None, due: datetime | None = None
) -> Line:
    way = next(iter(step.ways()), None)
    template = way.template if way is not None else step.id
    return line_of(walk.who.person, step, walk.who.frame.zone, due or at, at, what, reason, template=template)
