"""What a journey's definition may say. The models are the reference: `docs/journey.schema.json` is made from them."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from shared.journeys import expressions
from shared.journeys.fields import Channel, Condition, DelayField, DurationField, EventName, Name, Strict, Template
from shared.journeys.timing import Delay

ENROLMENT = "enrolment"


class Trigger(Strict):
    """An event that concerns the journey, and when it does."""

    event: EventName = Field(description="Name of the event, for example `booking.created`.")
    when: Condition | None = Field(default=None, description="Only if this holds for the event's data.")


class Exit(Trigger):
    """An event that ends the journey for a person."""

    resume_on: EventName | None = Field(
        default=None, description="An event that takes it up again where it was left, for example `booking.cancelled`."
    )
    match: Name | None = Field(
        default=None,
        description="With `resume_on`: field of the data that says which exit is taken back, such as `booking_uid`.",
    )


LONGEST_SETTLE = Delay(7)  # well within the time for which events are remembered


def _settles(value: Delay) -> Delay:
    if not Delay() < value or value.length() > LONGEST_SETTLE.length():
        raise ValueError(f"{value} is no pause; write between 1s and {LONGEST_SETTLE}, for example 1h")
    return value


def _trigger(value: Any) -> Any:
    return {"event": value} if isinstance(value, str) else value


TriggerField = Annotated[Trigger, BeforeValidator(_trigger, json_schema_input_type=EventName | Trigger)]


class Beginning(Trigger):
    """An event by which a person enters: at once, or after a pause in which nothing prevents it."""

    settle: Annotated[DurationField, AfterValidator(_settles)] | None = Field(
        default=None, description="They enter when so much time has gone since the newest event of this kind; at most 7d."
    )
    unless: tuple[TriggerField, ...] = Field(
        default=(), description="With `settle`: events within the pause after which the person does not enter."
    )

    @model_validator(mode="after")
    def _has_pause(self) -> Self:
        if self.unless and self.settle is None:
            raise ValueError("`unless` needs `settle`, the pause in which it is waited for; add it")
        return self


BeginningField = Annotated[Beginning, BeforeValidator(_trigger, json_schema_input_type=EventName | Beginning)]
ExitField = Annotated[Exit, BeforeValidator(_trigger, json_schema_input_type=EventName | Exit)]


class Fallback(Strict):
    """What is tried when the channel before it failed."""

    channel: Channel
    template: Template


class Step(Strict):
    """One message at its time."""

    id: Name = Field(description="Name of the step, unique in the journey; never used for another one.")
    delay: DelayField = Field(default=Delay(), description="Distance from the anchor; negative is before it.")
    anchor: Name | None = Field(default=None, description="`enrolment` or a field of the data; the journey's if left out.")
    after: Name | None = Field(default=None, description="An earlier step whose result decides; then the delay counts from it.")
    wait_at_most: DurationField = Field(
        default=Delay(0, 1800), description="With `after`: goes on without a result when none has come for so long."
    )
    channel: Channel
    template: Template = Field(description="Name of the template.")
    variables: dict[str, Any] = Field(default_factory=dict, description="Values for the template, over those of the data.")
    fallback: tuple[Fallback, ...] = Field(default=(), description="Tried in turn when the channel failed.")
    when: Condition | None = Field(default=None, description="Only if this holds at the moment of sending.")
    window: Literal["respect", "ignore"] = Field(
        default="respect", description="Whether quiet hours and free days are kept; `ignore` for what is waited for."
    )
    if_late: Literal["send", "skip", "latest"] = Field(
        default="send",
        description="Its time has gone when it is planned: send at once, skip, or send only the latest such step.",
    )
    expires: DurationField = Field(
        default=Delay(7), description="Not sent any more when so much time has gone since it was due."
    )
    transactional: bool | None = Field(
        default=None,
        description="Part of what the person asked for: no cap, no marketing consent; if left out, as the template says.",
    )
    again_when_moved: bool = Field(default=False, description="Sent once more when its anchor is moved after it was sent.")
    once: bool = Field(default=False, description="With `repeat_after`: only in the first round.")
    sent_by: Name | None = Field(default=None, description="Somebody else sends this step; it is only recorded.")
    test_delay: DelayField | None = Field(default=None, description="The delay in TESTING_MODE; days as minutes if left out.")

    def ways(self) -> tuple[Fallback, ...]:
        """The channel with its text, then what is tried when that failed."""
        return (Fallback(channel=self.channel, template=self.template), *self.fallback)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.after and self.anchor:
            raise ValueError("a step has `after` or `anchor`, not both; remove one")
        if self.after and self.delay < Delay():
            raise ValueError("with `after` the delay cannot be negative; write it without the minus sign")
        return self


class Journey(Strict):
    """A journey: who enters it, what they get and when, and what ends it."""

    name: Name
    title: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", description="For the people who run it.")
    enrol_on: tuple[BeginningField, ...] = Field(default=(), description="Events by which a person enters.")
    exit_on: tuple[ExitField, ...] = Field(default=(), description="Events that cancel what is left.")
    move_on: tuple[TriggerField, ...] = Field(default=(), description="Events whose data replace ours; due times follow.")
    re_enrol: Literal["never", "after_exit", "each_event"] = Field(
        default="never",
        description="`never`: once in a life; `after_exit`: again when not in it; `each_event`: once for each event.",
    )
    instance: Name | None = Field(
        default=None,
        description="Field of the data that tells several enrolments of one person apart, for example `booking_uid`.",
    )
    anchor: Name = Field(default=ENROLMENT, description="`enrolment` or a field of the data with a date.")
    hold: Literal["shift", "keep"] | None = Field(
        default=None,
        description="What a pause does to due times: `shift` moves them by its length, `keep` leaves them; "
        "if left out, `shift` for steps anchored at the enrolment and `keep` for those anchored at a date of the data.",
    )
    repeat_after: DurationField | None = Field(
        default=None,
        description="The steps come again when so much time has gone since the last was due, for whoever is still in it; "
        "if left out, they come once.",
    )
    repeat_times: int = Field(default=1, ge=1, le=11, description="With `repeat_after`: how often the steps come again.")
    provider: Literal["brevo", "resend", "smtp"] | None = Field(
        default=None, description="Who sends e-mail; else the settings."
    )
    source: Literal["repo", "notion"] = Field(
        default="repo", description="Where the templates are: in the repository, or in Notion where a database for them is set."
    )
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen:
                raise ValueError(f"two steps are called {step.id!r}; rename one")
            if step.after and step.after not in seen:
                raise ValueError(f"step {step.id!r} comes after {step.after!r}, which is no earlier step; move or rename it")
            if missing := _results(step.when) - seen:
                raise ValueError(f"step {step.id!r} asks for the result of {missing.pop()!r}, which is no earlier step")
            seen.add(step.id)
        if self.re_enrol == "each_event" and not self.enrol_on and not self.talks:
            raise ValueError("`re_enrol: each_event` needs `enrol_on`; add the event")
        return self

    @property
    def talks(self) -> bool:
        """Whether it is a talking flow (`shared.journeys.talks`): its steps come one after another, and ask."""
        return False

    def anchor_of(self, step: Step) -> str:
        """What the delay of the step counts from: `enrolment` or a field of the data."""
        return step.anchor or self.anchor

    def shifts(self, step: Step) -> bool:
        """Whether a pause moves the step."""
        return self.hold == "shift" or (self.hold is None and self.anchor_of(step) == ENROLMENT)

    def step(self, step_id: str) -> Step | None:
        """The step of that name."""
        return next((step for step in self.steps if step.id == step_id), None)

    def dumped(self) -> dict[str, Any]:
        """As JSON, so that it can be kept and read again."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def read_pinned(cls, stored: Any) -> Self:
        """The journey that `dumped` has made, perhaps by another release: fields that this one does not know are left out.

        Raises:
            ValidationError: it breaks a rule of this release; a new rule must not be made for what is pinned.
        """
        data = json.loads(json.dumps(stored))
        while True:
            try:
                return cls.model_validate_json(json.dumps(data))
            except ValidationError as error:
                unknown = [fault["loc"] for fault in error.errors(include_url=False) if fault["type"] == "extra_forbidden"]
                if not unknown:
                    raise
                for where in unknown:
                    _remove(data, where)

    def version(self) -> str:
        """A name of its content (40 hex digits): the same content has the same name, whatever its file looks like."""
        text = json.dumps(self.dumped(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def _remove(data: Any, where: tuple[int | str, ...]) -> None:
    """Remove the member at `where` from data of JSON."""
    *way, name = where
    for part in way:
        data = data[part]
    del data[name]


def _results(condition: str | None) -> set[str]:
    """The steps whose results a condition asks for."""
    names = expressions.check(condition) if condition else set()
    return {found[1] for name in names if (found := re.match(r"result\.(\w+)", name))}
