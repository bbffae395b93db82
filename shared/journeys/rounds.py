"""Repeat a journey's steps for whoever is still in it (`repeat_after`): the definition is written out, round after round.

So a repetition is nothing new to the engine: its steps are planned, moved, held, taken back and forecast as all others are.
"""

from datetime import timedelta
from typing import Any

from shared.journeys import expressions, timing
from shared.journeys.definition import ENROLMENT, Journey, Step
from shared.journeys.timing import Delay

MOST_STEPS = 100
LONGEST_NAME = 50
SHORTEST_BREAK = Delay(1)
LONGEST_JOURNEY = timedelta(days=730)


def check(journey: Journey) -> None:
    """Refuse a repetition that has no end in sight, or steps of which nobody could say when they come again.

    Raises:
        ValueError: what is wrong, and the remedy.
    """
    if journey.repeat_after is None:
        _check_unused(journey)
        return
    if journey.repeat_after.length() < SHORTEST_BREAK.length():
        raise ValueError(f"`repeat_after` is at least {SHORTEST_BREAK}; {journey.repeat_after} is shorter")
    repeated = {step.id for step in journey.steps if not step.once}
    if not repeated:
        raise ValueError("`repeat_after` has no step to repeat; remove it, or a `once`")
    for step in journey.steps:
        _check_step(journey, step, repeated)
    _check_size(journey, written_out(journey))


def written_out(journey: Journey) -> Journey:
    """The journey with every round's steps in it, and no repetition left to make. The same where there is none."""
    if journey.repeat_after is None:
        return journey
    length, steps = _length(journey), [step.model_copy(update={"once": False}) for step in journey.steps]
    repeated = [step for step in journey.steps if not step.once]
    for times in range(1, journey.repeat_times + 1):
        names = {step.id: f"{step.id}_r{times + 1}" for step in repeated}
        start = Delay(length.days * times, length.seconds * times)
        steps += [_again(step, names, start) for step in repeated]
    return journey.model_copy(update={"steps": tuple(steps), "repeat_after": None, "repeat_times": 1})


def _length(journey: Journey) -> Delay:
    """From the beginning of a round to the beginning of the next."""
    counting = (step.delay for step in journey.steps if step.after is None and not step.once)
    last = max(counting, key=Delay.length, default=Delay())
    return _sum(last, journey.repeat_after or Delay())


def _again(step: Step, names: dict[str, str], start: Delay) -> Step:
    """The step in the round that begins at `start`, in which the steps of the round have these names."""
    changed: dict[str, Any] = {"id": names[step.id]}
    if step.when is not None:
        changed["when"] = expressions.with_results_of(step.when, names)
    if step.after is not None:
        changed["after"] = names[step.after]
    else:
        changed["delay"] = _sum(step.delay, start)
        if step.test_delay is not None:
            changed["test_delay"] = _sum(step.test_delay, timing.hurried(start))
    return step.model_copy(update=changed)


def _sum(one: Delay, two: Delay) -> Delay:
    return Delay(one.days + two.days, one.seconds + two.seconds)


def _check_unused(journey: Journey) -> None:
    if journey.repeat_times != 1:
        raise ValueError("`repeat_times` needs `repeat_after`, the time before the steps come again; add it")
    if once := next((step.id for step in journey.steps if step.once), None):
        raise ValueError(f"step {once!r} has `once`, and nothing is repeated; remove it or add `repeat_after`")


def _check_step(journey: Journey, step: Step, repeated: set[str]) -> None:
    if step.once:
        return
    if step.after is not None and step.after not in repeated:
        raise ValueError(f"step {step.id!r} comes after {step.after!r}, which comes only once; give it `once: true` as well")
    if step.after is None and journey.anchor_of(step) != ENROLMENT:
        raise ValueError(f"step {step.id!r} counts from a date, which does not come again; give it `once: true`")
    if step.sent_by is not None:
        raise ValueError(f"step {step.id!r} is sent by somebody else, whom nobody tells to repeat it; give it `once: true`")
    if min(step.delay, step.test_delay or Delay()) < Delay():
        raise ValueError(f"step {step.id!r} cannot be repeated before the beginning; write its delay without the minus sign")


def _check_size(journey: Journey, whole: Journey) -> None:
    names = [step.id for step in whole.steps]
    if len(names) > MOST_STEPS:
        raise ValueError(f"with its repetitions the journey has {len(names)} steps; at most {MOST_STEPS} are planned")
    for name in names:
        if names.count(name) > 1 or len(name) > LONGEST_NAME:
            raise ValueError(f"a repeated step is called {name!r}, which is too long or another step's name; rename that step")
    for step in whole.steps:
        if step.when is not None:
            expressions.check(step.when)
    days = _length(journey).length() * (journey.repeat_times + 1)
    if days > LONGEST_JOURNEY:
        raise ValueError(f"with its repetitions the journey takes {days.days} days; at most {LONGEST_JOURNEY.days} are planned")


__all__ = ["check", "written_out"]
