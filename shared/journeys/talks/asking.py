"""What the definition of a question may say: its text, the options, how an answer is read, and how often it is put."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from shared.journeys.fields import DurationField, Name, Strict, Template
from shared.journeys.timing import Delay
from shared.messages import opt_out_keywords
from shared.readers.signs import folded

MOST_OPTIONS, MOST_BUTTONS, LONGEST_BUTTON = 10, 3, 20  # WhatsApp's

type Reads = Literal["option", "text", "number", "date", "email"]


def is_wish(words: str) -> bool:
    """Whether whoever answers so unsubscribes, or subscribes, by it: such words are no option, or nobody could stop by them."""
    return opt_out_keywords.wish(words) is not None


class Option(Strict):
    """An answer to choose."""

    id: Name = Field(description="What is stored, and what `next` names; made of the title if left out.")
    title: str = Field(min_length=1, max_length=24, description="What the person sees; at most 20 characters on a button.")


def option_id(title: str) -> str:
    """The id of an option that is given by its title alone: "Sí, claro" is `si_claro`."""
    name = re.sub(r"[^a-z0-9]+", "_", folded(title)).strip("_")[:48]
    return name if name[:1].isalpha() else f"o_{name}"


def _option(value: Any) -> Any:
    return {"id": option_id(value), "title": value} if isinstance(value, str) else value


OptionField = Annotated[Option, BeforeValidator(_option, json_schema_input_type=str | Option)]


class Ask(Strict):
    """A question: its text, and how the answer is read."""

    text: str | None = Field(
        default=None, min_length=1, max_length=1000, description="The question; `{{ name }}` is filled in."
    )
    template: Template | None = Field(default=None, description="In place of `text`; needed for whoever has not written to us.")
    options: tuple[OptionField, ...] = Field(default=(), max_length=MOST_OPTIONS, description="The answers to choose from.")
    options_from: Name | None = Field(
        default=None,
        description="In place of `options`: a field of the data with a list of them. "
        "Those that would be taken for a stop are left out.",
    )
    show: Literal["buttons", "list", "numbers"] | None = Field(
        default=None, description="How options are shown; if left out, up to three as buttons, more as a list."
    )
    list_title: str = Field(default="Elegir", min_length=1, max_length=20, description="What opens the list.")
    reads: Reads | None = Field(default=None, description="What the answer is; `option` where there are some, else `text`.")
    retry: str | None = Field(
        default=None, min_length=1, max_length=1000, description="Said when the answer does not fit; else the question again."
    )
    retries: Annotated[int, Field(ge=0, le=5)] = Field(default=2, description="How often it is asked again.")
    repeat_after: DurationField | None = Field(
        default=None, description="Put once more to whoever has not answered for so long; if left out, it is put once."
    )
    repeat_times: Annotated[int, Field(ge=1, le=5)] = Field(
        default=1, description="With `repeat_after`: how often it is put once more."
    )
    at_most: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description="So often it is put to one person, however they come to it; then as if nothing had fitted."
    )
    reader: Name | None = Field(
        default=None, description="A reader of answers that a flow declares, in place of `reads`; for questions from code."
    )
    least: float | None = Field(default=None, description="With numbers: not less than this.")
    most: float | None = Field(default=None, description="With numbers: not more than this.")

    @property
    def kind(self) -> Reads:
        """How the answer is read."""
        return self.reads or ("option" if self.options or self.options_from else "text")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.text is None) == (self.template is None):
            raise ValueError("a question has `text` or `template`; give one of them")
        if self.options and self.options_from:
            raise ValueError("a question has `options` or `options_from`; remove one")
        if (self.kind == "option") != bool(self.options or self.options_from):
            raise ValueError("`reads: option` and options belong together; add what is missing, or remove the other")
        if self.kind != "number" and (self.least is not None or self.most is not None):
            raise ValueError("`least` and `most` are for `reads: number`; remove them")
        if self.repeat_after is not None and not Delay() < self.repeat_after:
            raise ValueError("`repeat_after` is longer than nothing; write for example 4h")
        if self.repeat_after is None and "repeat_times" in self.model_fields_set:
            raise ValueError("`repeat_times` belongs to `repeat_after`; say after how long, or remove it")
        if self.reader is not None and self.reads is not None:
            raise ValueError("`reader` reads in place of `reads`; remove one")
        self._check_options()
        return self

    def _check_options(self) -> None:
        titles = [one.title for one in self.options] or [""]
        if self.show == "buttons" and (len(self.options) > MOST_BUTTONS or max(map(len, titles)) > LONGEST_BUTTON):
            raise ValueError(f"`show: buttons` takes {MOST_BUTTONS} options of {LONGEST_BUTTON} characters; show a list")
        for name, values in (("id", [one.id for one in self.options]), ("title", [folded(one.title) for one in self.options])):
            if twice := next((value for value in values if values.count(value) > 1), None):
                raise ValueError(f"two options have the {name} {twice!r}; change one")
        for one in self.options:
            for words in (one.title, one.id):
                if is_wish(words):
                    raise ValueError(f"whoever answers {words!r} unsubscribes (or subscribes) by it; word the option otherwise")


def _ask(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


AskField = Annotated[Ask, BeforeValidator(_ask, json_schema_input_type=str | Ask)]
