"""Texts of messages: found by name and language, filled in, refused rather than sent with a hole in them.

    shared/templates/<locale>/<name>/meta.yaml     what it is: channels, kind, order of WhatsApp's variables, sample values
                                     subject.txt   e-mail only
                                     body.txt      plain text; for a call, what is said, a pause between paragraphs
                                     body.html     e-mail only; values are escaped
    shared/templates/<locale>/<name>.html    a page of ours, behind a link (`page`)

Jinja runs sandboxed, strict and within bounds (`shared.messages.bounded_jinja`): a variable that is not given is an error,
never a blank, and a text that would need too much time or memory is one too.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import TemplateError, UndefinedError, nodes
from jinja2 import meta as syntax

from shared import flows
from shared.errors import PermanentError
from shared.messages import bounded_jinja, dates
from shared.messages.bounded_jinja import BoundedEnvironment
from shared.messages.message import CHANNELS
from shared.messages.plain_text import text_of_html
from shared.phrases import phrase
from shared.settings import get_settings

log = logging.getLogger("puente.messages")

FRAMES = Path(__file__).resolve().parents[1] / "templates"  # what the mails of all flows share
MARKETING, TRANSACTIONAL = "marketing", "transactional"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,59}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_FOOTERS = {
    "es": "Si prefieres no recibir más correos como este, date de baja aquí: {url}",
    "en": "If you would rather get no more mails like this one, unsubscribe here: {url}",
}


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text before it is filled in.

    `content_variables` are those of the approved WhatsApp template, in its order, each a Jinja expression over the variables.
    `manychat_type` is the network behind a ManyChat message (none: Messenger).
    `elsewhere` is its name in an outside source (Notion), where it has another one there.
    `version` is that of somebody who has edited it (`shared.messages.text_versions`); 0: as its file or Notion has it.
    """

    name: str
    locale: str
    channels: tuple[str, ...]
    kind: str
    subject: str = ""
    text: str = ""
    html: str = ""
    content_variables: tuple[str, ...] = ()
    voicemail: str | None = None
    elsewhere: str | None = None
    manychat_type: Literal["instagram", "whatsapp", "telegram"] | None = None
    sample: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def transactional(self) -> bool:
        """Whether it is part of something that the recipient asked for (a booking, a purchase)."""
        return self.kind == TRANSACTIONAL


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A text as it goes out. `html` is empty where there is none."""

    subject: str
    text: str
    html: str
    content_variables: Mapping[str, str] = field(default_factory=dict)


def roots() -> tuple[Path, ...]:
    """The folders that hold a folder for each language: each flow's, then that of the frames that all share."""
    return (*flows.folders("templates"), FRAMES)


def _folder(name: str, locale: str) -> Path | None:
    folders = (root / locale / name for root in roots())
    return next((folder for folder in folders if (folder / "meta.yaml").is_file()), None)


def folder_of(name: str, locale: str) -> Path:
    """The folder in which the repository keeps a template.

    Raises:
        PermanentError: `template-not-found`.
    """
    found = _folder(name, locale) if _NAME.fullmatch(name) else None
    if found is None:
        raise not_found(name)
    return found


def names(locale: str = "es") -> list[str]:
    """The templates of the repository in that language."""
    return sorted(path.parent.name for root in roots() for path in (root / locale).glob("*/meta.yaml"))


def by_name() -> Mapping[str, list[str]]:
    """Every template of the repository by its name, with the languages in which it has files."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for root in roots() for path in root.glob("*/*/meta.yaml")):
        found.setdefault(path.parent.name, []).append(path.parents[1].name)
    return dict(sorted(found.items()))


@lru_cache(maxsize=256)
def find(name: str, locale: str | None = None) -> Template | None:
    """The repository's template in `locale`, else in its language, else in DEFAULT_LOCALE; None where there is none."""
    if not _NAME.fullmatch(name):
        return None
    for candidate in languages(locale):
        if (folder := _folder(name, candidate)) is not None:
            return _read(name, candidate, folder)
    return None


def in_any_language(name: str) -> Template | None:
    """The repository's template of that name, in whichever language there is one; asks no setting."""
    if not _NAME.fullmatch(name):
        return None
    found = sorted(path for root in roots() for path in root.glob(f"*/{name}/meta.yaml"))
    return _read(name, found[0].parents[1].name, found[0].parent) if found else None


def not_found(name: str) -> PermanentError:
    """The error for a template that nobody has."""
    return PermanentError("template-not-found", phrase("there is no template %(name)s", name=repr(name[:60])))


def render(template: Template, variables: Mapping[str, Any], *, unsubscribe_url: str = "") -> Rendered:
    """`template`, filled in. A mail with an `unsubscribe_url` shows it in both parts, whoever wrote the template.

    Raises:
        PermanentError: `template-variable-missing`, naming it; `template-error`, it cannot be rendered.
    """
    values = dict(variables) | {"unsubscribe_url": unsubscribe_url}
    subject = " ".join(_filled(template.subject, values, template, html=False).split())  # a header is one line
    html = _filled(template.html, values, template, html=True).strip()
    text = _filled(template.text, values, template, html=False).strip() or text_of_html(html)
    if not text:
        raise PermanentError(
            "template-error", phrase("the template %(name)s is empty once it is filled in", name=template.name)
        )
    if unsubscribe_url:
        text, html = _with_footer(text, html, unsubscribe_url, template.locale)
    return Rendered(subject=subject, text=text, html=html, content_variables=_content_variables(template, values))


def page(name: str, variables: Mapping[str, Any], locale: str | None = None) -> str:
    """A page of ours for a browser, `<locale>/<name>.html`, filled in; values are escaped.

    Raises:
        PermanentError: `template-not-found`; else as `render`.
    """
    for candidate in languages(locale) if _NAME.fullmatch(name) else ():
        for file in (root / candidate / f"{name}.html" for root in roots()):
            if file.is_file():
                text = file.read_text(encoding="utf-8")
                shown = Template(name=name, locale=candidate, channels=(), kind=TRANSACTIONAL, html=text)
                return _filled(text, variables, shown, html=True).strip()
    raise not_found(name)


def variables(template: Template) -> frozenset[str]:
    """The names that its texts use, those of the frame that mails share included; what is given beyond them is not needed.

    Raises:
        PermanentError: `template-error`, it cannot be read.
    """
    trees = _trees(template)
    imported = {name for tree in trees for line in tree.find_all(nodes.FromImport) for name in line.names}  # macros
    used = {name for tree in trees for name in syntax.find_undeclared_variables(tree)}
    return frozenset(used - imported - {"unsubscribe_url"})


def optional(template: Template) -> frozenset[str]:
    """Those of its variables that it does without: the texts ask whether they are there (`is defined`)."""
    asked = [test.node for tree in _trees(template) for test in tree.find_all(nodes.Test) if test.name == "defined"]
    return frozenset(node.name for node in asked if isinstance(node, nodes.Name))


def needed_in_holes(template: Template) -> frozenset[str]:
    """Those of its optional variables without which a hole of the approved WhatsApp template would have nothing in it."""
    asked, found = optional(template), set[str]()
    given = {name: value for name, value in template.sample.items() if name not in asked}
    for expression in template.content_variables if asked else ():
        text = "{{ " + expression + " }}"
        names = syntax.find_undeclared_variables(_environment(template.locale, html=False).parse(text)) & asked
        if names and _is_blank(text, given, template):
            found |= names
    return frozenset(found)


def _is_blank(text: str, given: Mapping[str, Any], template: Template) -> bool:
    try:
        return not _filled(text, given, template, html=False).strip()
    except PermanentError:
        return True  # nor could it be sent


def _trees(template: Template) -> list[nodes.Template]:
    """What its texts say, and the files that they build on, as syntax."""
    environment, seen = _environment(template.locale, html=False), set[str]()
    pending, found = [template.subject, template.text, template.html], []
    pending += ["{{ " + expression + " }}" for expression in template.content_variables]
    try:
        while pending:
            found.append(tree := environment.parse(pending.pop()))
            frames = {name for name in syntax.find_referenced_templates(tree) if name} - seen
            seen |= frames
            pending += [environment.loader.get_source(environment, name)[0] for name in sorted(frames) if environment.loader]
    except (TemplateError, RecursionError, MemoryError) as error:
        raise PermanentError("template-error", _of(template, error)) from error
    return found


def _with_footer(text: str, html: str, url: str, locale: str) -> tuple[str, str]:
    footer = _FOOTERS.get(locale.partition("-")[0], _FOOTERS["es"])
    if url not in text:
        text += "\n\n--\n" + footer.format(url=url)
    if html and url not in html:
        link = footer.format(url=f'<a href="{url}">{url}</a>')
        html = _before_end_of_body(html, f'<p style="font-size:12px;color:#666">{link}</p>')
    return text, html


def _before_end_of_body(html: str, part: str) -> str:
    at = html.lower().rfind("</body>")
    return html + part if at < 0 else html[:at] + part + html[at:]


def _content_variables(template: Template, values: Mapping[str, Any]) -> dict[str, str]:
    """WhatsApp's numbered variables. Meta refuses an empty one and line breaks in it."""
    numbered = {}
    for number, expression in enumerate(template.content_variables, start=1):
        value = _filled("{{ " + expression + " }}", values, template, html=False)
        numbered[str(number)] = " ".join(value.split()) or "-"
    return numbered


def _filled(text: str, values: Mapping[str, Any], template: Template, *, html: bool) -> str:
    if not text:
        return ""
    try:
        return _environment(template.locale, html=html).fill(text, values)
    except UndefinedError as error:
        raise PermanentError("template-variable-missing", _of(template, error.message)) from error
    except Exception as error:  # whatever a text of somebody else's does, nothing has been sent yet
        raise PermanentError(
            "template-error",
            _of(template, f"{type(error).__name__}: {error}"),
        ) from error


@lru_cache(maxsize=16)
def _environment(locale: str, *, html: bool) -> BoundedEnvironment:
    # For the frame that the mails share; where a language has none, that of Spanish.
    folders = [root / language for language in dict.fromkeys((locale, locale.partition("-")[0], "es")) for root in roots()]
    filters: dict[str, Callable[..., Any]] = {
        "long_date": partial(dates.long_date, locale=locale),
        "clock_time": dates.clock_time,
    }
    return bounded_jinja.environment(folders, filters, autoescape=html)


def languages(locale: str | None) -> list[str]:
    """The languages in which a text is looked for, the best first, for somebody who is written to in `locale`."""
    default = get_settings().default_locale
    asked = [locale, locale.partition("-")[0]] if locale else []
    return [name for name in dict.fromkeys([*asked, default, "es"]) if name and _LOCALE.fullmatch(name)]


def _read(name: str, locale: str, folder: Path) -> Template:
    def part(file: str) -> str:
        path = folder / file
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    try:
        meta = yaml.safe_load(part("meta.yaml"))
        return _template(name, locale, meta, part("subject.txt"), part("body.txt"), part("body.html"))
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise PermanentError("template-invalid", f"{locale}/{name}/meta.yaml: {error}") from error


def _template(name: str, locale: str, meta: Mapping[str, Any], subject: str, text: str, html: str) -> Template:
    channels, kind = tuple(meta["channels"]), meta["kind"]
    if not channels or set(channels) - set(CHANNELS) or kind not in (MARKETING, TRANSACTIONAL):
        raise ValueError("`channels` or `kind` holds something unknown")
    return Template(
        name=name,
        locale=locale,
        channels=channels,
        kind=kind,
        subject=subject,
        text=text,
        html=html,
        content_variables=tuple(meta.get("content_variables", ())),
        voicemail=meta.get("voicemail"),
        elsewhere=meta.get("notion"),
        manychat_type=meta.get("manychat_type"),
        sample=meta.get("sample", {}),
    )


def _of(template: Template, error: object) -> str:
    return phrase("the template %(name)s: %(error)s", name=template.name, error=error)
