"""What a WhatsApp message carries besides its text: options to choose from, a file, an approved template of the vendor's.

    Content(options=(Option(id="si", title="Sí"), Option(id="no", title="No")))        up to three: buttons
    Content(options=..., menu_label="Ver opciones")                                    up to ten: a list that a tap opens
    Content(file=WhatsAppFile(kind="document", link="https://..."))                a file; the text is its caption
    Content(template=ApprovedTemplate(name="promo", language="es_MX", components=...)) also outside the 24-hour window

A provider that has no buttons for a message without an approved template (Twilio) sends the options numbered, in the text;
`chosen` reads the answer either way. The limits are the vendor's (Meta, "interactive messages"), so that what cannot be sent is
refused when it is planned.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from shared.readers.signs import folded

type FileKind = Literal["image", "document", "video", "audio"]
FILE_KINDS: tuple[str, ...] = get_args(FileKind.__value__)

MOST_BUTTONS, MOST_ROWS = 3, 10
LONGEST_BUTTON, LONGEST_ROW, LONGEST_LABEL = 20, 24, 20
LONGEST_DESCRIPTION = 72
LONGEST_BUTTON_ID, LONGEST_ROW_ID = 256, 200
LONGEST_LINE = 60  # header and footer
LONGEST_INTERACTIVE_BODY = 1024
LONGEST_TEXT = 4096


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing to choose: `id` comes back with the answer, people see `title`, and in a list `description` below it."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class WhatsAppFile:
    """A file that goes with a message: by its public address `link`, or by the id under which the vendor has it already."""

    kind: FileKind
    link: str = ""
    media_id: str = ""
    file_name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in FILE_KINDS:
            raise ValueError(f"no kind of file {self.kind!r}; there are {', '.join(FILE_KINDS)}")
        if bool(self.link) == bool(self.media_id):
            raise ValueError("a file has a link or the vendor's id, and not both")


@dataclass(frozen=True, kw_only=True)
class ApprovedTemplate:
    """A template that the vendor has approved, filled in: `components` as Meta's API takes them (header, body, button)."""

    name: str
    language: str
    components: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.name or not self.language:
            raise ValueError("an approved template has a name and a language")


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a message by WhatsApp carries besides its text.

    `reply_to` is the vendor's id of the message that it quotes.

    Raises:
        ValueError: the vendor would refuse it: too many options, too long, two of the same title, a template with options.
    """

    options: tuple[Option, ...] = ()
    menu_label: str = ""
    header: str = ""
    footer: str = ""
    file: WhatsAppFile | None = None
    template: ApprovedTemplate | None = None
    reply_to: str = ""

    def __post_init__(self) -> None:
        if self.template is not None and (self.options or self.file):
            raise ValueError("an approved template brings its own buttons and files")
        if self.file is not None and self.options and (self.menu_label or self.file.kind == "audio"):
            raise ValueError("a list takes no file, and buttons take none that is heard")
        if max(len(self.header), len(self.footer)) > LONGEST_LINE:
            raise ValueError(f"a header and a footer have at most {LONGEST_LINE} characters")
        if self.options:
            _check_options(self.options, self.menu_label)
        json.dumps(self.payload(), allow_nan=False)

    @property
    def is_menu(self) -> bool:
        """Whether its options are a list that a tap opens; else they are buttons."""
        return bool(self.options and self.menu_label)

    def payload(self) -> dict[str, Any]:
        """It as JSON; `from_payload` makes the same again."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any] | None) -> Self | None:
        """The content that `payload` holds; what this release does not know is left out."""
        if payload is None:
            return None
        file, template = payload.get("file"), payload.get("template")
        return cls(
            options=tuple(_made(Option, option) for option in payload.get("options", ())),
            file=_made(WhatsAppFile, file) if file else None,
            template=_made(ApprovedTemplate, template | {"components": tuple(template["components"])}) if template else None,
            **{name: payload.get(name, "") for name in ("menu_label", "header", "footer", "reply_to")},
        )


def _made[M: (Option, WhatsAppFile, ApprovedTemplate)](what: type[M], payload: Mapping[str, Any]) -> M:
    return what(**{name: payload[name] for name in what.__dataclass_fields__ if name in payload})


def _check_options(options: Sequence[Option], menu_label: str) -> None:
    most = MOST_ROWS if menu_label else MOST_BUTTONS
    longest, longest_id = (LONGEST_ROW, LONGEST_ROW_ID) if menu_label else (LONGEST_BUTTON, LONGEST_BUTTON_ID)
    if len(options) > most:
        raise ValueError(f"{len(options)} options: there may be {MOST_BUTTONS} buttons, and {MOST_ROWS} in a list")
    if len(menu_label) > LONGEST_LABEL:
        raise ValueError(f"the label of a list has at most {LONGEST_LABEL} characters")
    for option in options:
        if not option.title.strip() or len(option.title) > longest or len(option.description) > LONGEST_DESCRIPTION:
            raise ValueError(f"the title of an option has 1 to {longest} characters, a description {LONGEST_DESCRIPTION}")
        if not option.id or len(option.id) > longest_id:
            raise ValueError(f"the id of an option has 1 to {longest_id} characters")
    for spelled in ([option.id for option in options], [_plain(option.title) for option in options]):
        if len(set(spelled)) < len(spelled):
            raise ValueError("two options have the same id or title")


def numbered(text: str, options: Sequence[Option]) -> str:
    """The text with its options behind it, each with the number by which it can be answered."""
    lines = [
        f"{number}. {option.title}" + (f" ({option.description})" if option.description else "")
        for number, option in enumerate(options, start=1)
    ]
    return "\n\n".join([text, "\n".join(lines)]) if lines else text


def chosen(options: Sequence[Option], *, option_id: str | None = None, text: str = "") -> Option | None:
    """The option that an answer names: by its id, else by its number or its words; None where it names none.

    Case, accents, punctuation around it and spaces do not matter: " 2) ", "sí!" and "SI" are read.
    """
    if option_id is not None:
        return next((option for option in options if option.id == option_id), None)
    answer = _plain(text)
    if answer.isdecimal() and 1 <= int(answer) <= len(options):
        return options[int(answer) - 1]
    return next((option for option in options if answer and answer in (_plain(option.title), _plain(option.id))), None)


def _plain(text: str) -> str:
    """The words in lower case without accents, punctuation and emoji; a text of nothing else stays as it is."""
    return " ".join(re.sub(r"[^\w\s]|_", " ", folded(text)).split()) or text.strip()
