"""What the definition of a talking flow may say: a journey whose steps come one after another, and may ask."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.journeys.definition import ENROLMENT, Exit, ExitField, Fallback, Journey, Step
from shared.journeys.fields import Channel, DurationField, Name, Strict, Template
from shared.journeys.talks.asking import Ask, AskField
from shared.journeys.talks.keywords import ACTIONS as KEYWORD_ACTIONS
from shared.journeys.talks.keywords import Keyword
from shared.journeys.timing import Delay

TEXT = "talk_text"
"""What stands for a template where the text is in the definition; there is no template of this name."""
UNSUBSCRIBED = "person.unsubscribed"
TEXTS_ARE_TAKEN = timedelta(hours=24)  # WhatsApp's, after the person's last word
ACTIONS = ("ask", "approve", "say", "set", "tag", "assign", "end")
VERDICTS = ("approved", "rejected", "expired")
ONLY_HERE = frozenset((*ACTIONS, "next", "store"))
"""Fields of a step by which a definition is known to be a talking flow."""
# What says who a person is and how they are reached; an answer must not replace it.
RESERVED = frozenset(("phone", "manychat_id", "refused_channels", "time_zone", "country", "locale"))
# Of a step, what belongs to messages that are all planned at the beginning.
_PLANNED = ("anchor", "after", "fallback", "again_when_moved", "once", "sent_by", "test_delay", "if_late")


def _tags(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Tag = Annotated[str, Field(pattern=r"^[^\s,][^,\r\n]{0,49}$")]
TagsField = Annotated[
    tuple[Tag, ...], BeforeValidator(_tags, json_schema_input_type=str | tuple[Tag, ...]), Field(min_length=1)
]


class Approve(Strict):
    """A question to a second person: nothing goes on until they have approved it."""

    title: str = Field(min_length=1, max_length=200, description="What is to be approved; `{{ name }}` is filled in.")
    details: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="What they should know, by its label; `{{ name }}` is filled in."
    )
    approvers: tuple[str, ...] = Field(
        default=(), description="Names in APPROVERS, or of API keys, who alone decide; if left out, everybody but who asked."
    )


def _approve(value: Any) -> Any:
    return {"title": value} if isinstance(value, str) else value


ApproveField = Annotated[Approve, BeforeValidator(_approve, json_schema_input_type=str | Approve)]


class Assign(Strict):
    """Hand a person to an advisor, with a note in the CRM."""

    advisor: str | int | None = Field(default=None, description="Number, e-mail address or name; if left out, only the note.")
    note: str = Field(min_length=1, max_length=1000, description="What the note says; `{{ name }}` is filled in.")


class TalkStep(Step):
    """One step of a talking flow: one thing to send, to ask or to do, and where it goes on."""

    channel: Channel = Field(default="whatsapp", description="By which the step sends; a question goes by WhatsApp or SMS.")
    template: Template = Field(default=TEXT, description="Name of the template, of a step that sends one.")
    wait_at_most: DurationField = Field(
        default=Delay(1), description="With `ask` or `approve`: so long an answer is waited for."
    )
    ask: AskField | None = Field(default=None, description="A question; its text alone, or with options and retries.")
    approve: ApproveField | None = Field(
        default=None,
        description="Wait for a second person: `approved` goes on, any other word ends the flow, unless `next` has it.",
    )
    store: Name | None = Field(
        default=None, description="With `ask` or `approve`: the field of the data for the answer; else the step's id."
    )
    say: str | None = Field(default=None, min_length=1, max_length=1000, description="A text; `{{ name }}` is filled in.")
    set: dict[Name, str | int | float | bool | None] | None = Field(
        default=None, description="Fields of the data and their values; `{{ name }}` is filled in."
    )
    tag: TagsField | None = Field(default=None, description="Tags that the person gets.")
    assign: Assign | None = Field(default=None, description="Hand the person to an advisor.")
    end: Name | None = Field(default=None, description="The flow is over, with this outcome.")
    next: Name | dict[Name, Name] | None = Field(
        default=None, description="The step that follows, or one for each answer; where none is named, that below."
    )
    if_no_reply: Name | None = Field(
        default=None,
        description="With `ask` or `approve`: the step that follows when nobody answers; for a question else the flow's own.",
    )
    if_not_understood: Name | None = Field(
        default=None,
        description="With `ask`: the step that follows when no answer has fitted, also after the retries; else the flow's own.",
    )

    @property
    def sends(self) -> bool:
        """Whether a message goes out."""
        return self.ask is not None or self.say is not None or "template" in self.model_fields_set

    def ways(self) -> tuple[Fallback, ...]:
        """The one channel of a step that sends, with its text."""
        template = (self.ask.template if self.ask else None) or self.template
        return (Fallback(channel=self.channel, template=template),) if self.sends else ()

    def targets(self) -> frozenset[str]:
        """The steps that it may lead to, but for that below."""
        named = self.next.values() if isinstance(self.next, Mapping) else [self.next]
        return frozenset(name for name in (*named, self.if_no_reply, self.if_not_understood) if name)

    @model_validator(mode="after")
    def _talks(self) -> Self:
        given = self.model_fields_set
        if strange := next((name for name in _PLANNED if name in given), None):
            raise ValueError(f"a step of a talking flow has no `{strange}`: it comes when the step before is done; remove it")
        actions = [name for name in (*ACTIONS, "template") if name in given and getattr(self, name) is not None]
        if len(actions) != 1:
            raise ValueError(f"a step does one thing: {', '.join((*ACTIONS, 'template'))}; this one has {len(actions)} of them")
        self._check_question(given)
        if self.end is not None and self.next is not None:
            raise ValueError("nothing follows `end`; remove `next`")
        if not self.sends and self.delay != Delay():
            raise ValueError("only a step that sends waits; move `delay` to one that does")
        if self.delay < Delay():
            raise ValueError("the delay counts from the step before and cannot be negative")
        if taken := RESERVED & {self.store or "", *(self.set or ())}:
            raise ValueError(f"`{min(taken)}` says who the person is, and no answer replaces it; store it by another name")
        return self

    def _check_question(self, given: Collection[str]) -> None:
        if self.approve is not None:
            self._check_approval(given)
            return
        if self.ask is None:
            alone = ("store", "wait_at_most", "if_no_reply", "if_not_understood")
            if strange := next((name for name in alone if name in given), None):
                raise ValueError(f"`{strange}` belongs to a question; add `ask`, or remove it")
            if isinstance(self.next, Mapping):
                raise ValueError("`next` by answer needs `ask`; name one step")
            return
        if self.channel not in ("whatsapp", "sms"):
            raise ValueError(f"nobody answers by {self.channel}; ask by whatsapp or sms")
        if not Delay() < self.wait_at_most:
            raise ValueError("`wait_at_most` is longer than nothing; write for example 12h")
        self._check_repeats(self.ask)
        known = {one.id for one in self.ask.options}
        if isinstance(self.next, Mapping) and known and (unknown := set(self.next) - known):
            raise ValueError(
                f"`next` names the answer {min(unknown)!r}, which is no option; known are {', '.join(sorted(known))}"
            )

    def _check_repeats(self, ask: Ask) -> None:
        if ask.repeat_after is None:
            return
        if ask.at_most is not None and ask.at_most <= ask.repeat_times:
            raise ValueError("`at_most` counts the repetitions as well; make it larger than `repeat_times`")
        if self.channel == "whatsapp" and ask.text and ask.repeat_after.length() * ask.repeat_times >= TEXTS_ARE_TAKEN:
            raise ValueError(
                "whoever has not written for 24 hours gets no text by WhatsApp; repeat it sooner, or ask by `template`"
            )

    def _check_approval(self, given: Collection[str]) -> None:
        if "if_not_understood" in given:
            raise ValueError("an approval is understood; remove `if_not_understood`")
        if not Delay() < self.wait_at_most:
            raise ValueError("`wait_at_most` is longer than nothing; write for example 12h")
        if isinstance(self.next, Mapping) and (unknown := set(self.next) - set(VERDICTS)):
            raise ValueError(f"`next` names {min(unknown)!r}, which is none of {', '.join(VERDICTS)}")
        if self.if_no_reply is not None and isinstance(self.next, Mapping) and "expired" in self.next:
            raise ValueError("`next: expired` and `if_no_reply` say the same; remove one")


class TalkingFlow(Journey):
    """A talking flow: who enters it, what they are asked, and where each answer leads."""

    steps: tuple[TalkStep, ...] = Field(min_length=1, max_length=100)
    exit_on: tuple[ExitField, ...] = Field(default=(), description="Events that end it; a stop (BAJA) always does.")
    keywords: dict[Keyword, Name] = Field(
        default_factory=dict,
        max_length=20,
        description="What an answer of just these words means at every question: `back`, `repeat`, `person`, or a step.",
    )
    if_no_reply: Name | None = Field(
        default=None, description="The step that follows when nobody answers, for each question that names none itself."
    )
    if_not_understood: Name | None = Field(
        default=None, description="The step that follows when no answer has fitted, for each question that names none itself."
    )

    earlier_button: Literal["leave", "go_back"] = Field(
        default="leave",
        description="What a button of an earlier question does: a person reads it, or the flow goes back to where it leads.",
    )

    @property
    def talks(self) -> bool:
        """Its steps come one after another, and ask."""
        return True

    def step(self, step_id: str) -> TalkStep | None:
        """The step of that name."""
        return next((step for step in self.steps if step.id == step_id), None)

    def below(self, step_id: str) -> str | None:
        """The step that stands below another; None below the last."""
        names = [step.id for step in self.steps]
        place = names.index(step_id) + 1
        return names[place] if place < len(names) else None

    def if_silent(self, step: TalkStep) -> str | None:
        """The step that follows where nobody has answered a question or approval; None: the flow ends."""
        return step.if_no_reply or (self.if_no_reply if step.ask is not None else None)

    def if_unclear(self, step: TalkStep) -> str | None:
        """The step that follows where no answer to a question has fitted; None: the flow ends."""
        return step.if_not_understood or self.if_not_understood

    @model_validator(mode="after")
    def _talking(self) -> Self:
        planned = {"repeat_after": self.repeat_after is not None, "hold": self.hold is not None}
        planned |= {"anchor": self.anchor != ENROLMENT, "source": self.source != "repo"}
        if strange := next((name for name, is_given in planned.items() if is_given), None):
            raise ValueError(f"a talking flow has no `{strange}`: its steps are not planned ahead; remove it")
        if any(one.resume_on for one in self.exit_on):
            raise ValueError("a talking flow that has ended is not taken up again; remove `resume_on`")
        names = {step.id for step in self.steps}
        if self.keywords and (taken := names & KEYWORD_ACTIONS):
            raise ValueError(f"`{min(taken)}` is what a keyword does, and a step here; rename the step")
        targets = {*self.keywords.values(), *filter(None, (self.if_no_reply, self.if_not_understood))} - KEYWORD_ACTIONS
        if lost := targets - names:
            raise ValueError(f"the flow leads to {min(lost)!r}, which is no step; add or rename it")
        for step in self.steps:
            if unknown := step.targets() - names:
                raise ValueError(f"step {step.id!r} leads to {min(unknown)!r}, which is no step; add or rename it")
        return self


def with_stop(flow: TalkingFlow) -> TalkingFlow:
    """The flow, ended by a stop whether or not its file says so."""
    if any(one.event == UNSUBSCRIBED for one in flow.exit_on):
        return flow
    return flow.model_copy(update={"exit_on": (*flow.exit_on, Exit(event=UNSUBSCRIBED))})


def model_of(data: Any) -> type[Journey]:
    """Which definition some data are: a talking flow as soon as one step has a field of those."""
    steps = data.get("steps") if isinstance(data, Mapping) else None
    fields = [set(step) for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []
    return TalkingFlow if any(ONLY_HERE & one for one in fields) else Journey
