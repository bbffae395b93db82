"""`python -m local.words`: bring the console's catalogues in step with its texts.

Texts that a catalogue lacks are added with an empty translation, those that nobody says any more go. Each folder of pages has
catalogues of its own, `pages/<language>.po`; texts of `shared/console` stand in the frame's, and so do the refusals of all of
`shared/`, by their reasons, and the sentences of the engine (`shared.phrases`). Of the flows those have refusals in their
catalogues whose routers are the console's.

What a flow declares has a context of its own: its title and description (`flow`), what its settings mean (`setting`), what the
members of its webhooks' bodies are (`field`) and the titles and descriptions of its journeys (`journey`). It stands in the
flow's catalogue; in the frame's that of the flows that cannot be deleted and have no pages, and the meanings of the settings
that every app has. An optional flow without pages has no catalogue, and is shown as it is written. Journeys are written in the
language of their authors, so their texts stand in the catalogues of every language, `en.po` as well.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from pydantic.fields import FieldInfo

from functions.console import trial_form
from shared import flows
from shared.console import words
from shared.flow import Flow
from shared.journeys import load
from shared.journeys.talks import question
from shared.settings import Settings, fields_of

ROOT = Path(__file__).resolve().parents[1]
PHRASES = {"phrase": 1, "pattern": 1, "counted_phrase": 2}
"""What makes sentences (`shared.phrases`), with how many of its arguments are texts."""
CALLS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None, "mark_counted": (1, 2)}
PAGES = ("**.html", "jinja2.ext:babel_extract")
OF_THE_CONSOLE = [("**.py", "python"), PAGES]
OF_OTHER_FLOWS = [("console.py", "python"), PAGES]  # elsewhere `mark` may be any function
OPTIONS = {"**.html": {"trimmed": "true", "extensions": "jinja2.ext.do", "silent": "false"}}
LINE = 120

REFUSES = "RefusedError"
PLACE_OF_REASON = 1

type Text = str | list[str] | tuple[str, ...]


def folders() -> dict[Path, Path]:
    """Each folder of code with pages, and the folder of its catalogues."""
    of_flows = {pages.parent: pages for pages in flows.folders("pages")}
    return {words.OWN.parent: words.OWN} | of_flows


def everything(folder: Path, language: str) -> Iterator[tuple[str, str | None, Text]]:
    """All that a folder's catalogue of a language has: where it stands, its context, the text or the reason of a refusal."""
    yield from (() if language == words.CODE else ((where, None, text) for where, text in texts_of(folder)))
    yield from in_contexts(folder, language)


def texts_of(folder: Path) -> Iterator[tuple[str, Text]]:
    """Every text in the code and the pages of a folder, with where it stands."""
    methods = OF_THE_CONSOLE if folder.name == "console" else OF_OTHER_FLOWS
    for file, line, text, _comments, _context in extract_from_dir(str(folder), methods, OPTIONS, CALLS):
        yield f"{folder.relative_to(ROOT).as_posix()}/{file}:{line}", text


def refusals(folder: Path) -> Iterator[tuple[str, str]]:
    """Every reason for which the code of a folder refuses something in the console, with where it stands."""
    own = folder == words.OWN.parent
    if not own and not any("ConsoleRoute" in path.read_text() for path in folder.glob("*.py")):
        return
    for path in sorted((folder.parent if own else folder).rglob("*.py")):
        for call in _calls(path, REFUSES):
            if _reason(call) is not None:
                yield f"{path.relative_to(ROOT).as_posix()}:{call.lineno}", str(_reason(call))
    for reason in words.PUT_TOGETHER if own else ():
        yield "PUT_TOGETHER", reason


def phrases(folder: Path) -> Iterator[tuple[str, Text]]:
    """Every sentence that the code of a folder makes, with where it stands; of the frame, all of `shared/` and the core's."""
    own = folder == words.OWN.parent
    for path in sorted([*folder.parent.rglob("*.py"), *(ROOT / "functions").glob("*.py")] if own else folder.rglob("*.py")):
        for call in _calls(path, "phrase"):
            if texts := PHRASES.get(_name(call)):
                forms = tuple(str(one.value) for one in call.args[:texts] if isinstance(one, ast.Constant))
                if len(forms) == texts:
                    yield f"{path.relative_to(ROOT).as_posix()}:{call.lineno}", forms[0] if texts == 1 else forms


def declared(folder: Path) -> Iterator[tuple[str, str, str]]:
    """What the flows whose catalogue is that of a folder declare: where it stands, its context, the text."""
    for flow in _flows_of(folder):
        where = f"flow {flow.name}"
        yield from ((where, words.FLOW, text) for text in (flow.title, flow.about))
        yield from ((where, words.JOURNEY, text) for text in _journeys(flow))
        yield from ((where, words.FIELD, hint) for hint in trial_form.hints(flow.name))
        if flow.settings is not None:
            yield from ((where, words.SETTING, meaning) for meaning in _meanings(fields_of(flows.resolve(flow.settings))))
    if folder == words.OWN.parent:
        yield "question", words.JOURNEY, question.flow().title
        yield from (("Settings", words.SETTING, meaning) for meaning in _meanings(Settings.model_fields))


def _flows_of(folder: Path) -> list[Flow]:
    with_pages = {name: pages.parent for name, pages in flows.folders_by_flow("pages").items()}
    of_frame = [one for one in flows.installed() if not one.optional and one.name not in with_pages]
    return of_frame if folder == words.OWN.parent else [one for one in flows.installed() if with_pages.get(one.name) == folder]


def _journeys(flow: Flow) -> Iterator[str]:
    """The titles and descriptions of its journeys."""
    if flow.has_journeys:
        defined = load.definitions()
        for name in sorted(path.stem for path in flows.folders_by_flow("journeys")[flow.name].glob("*.yaml")):
            yield from filter(None, (defined[name].title, defined[name].description))


def _meanings(fields: Mapping[str, FieldInfo]) -> list[str]:
    return [field.description for field in fields.values() if field.description]


def in_contexts(folder: Path, language: str) -> Iterator[tuple[str, str, Text]]:
    """Everything of a folder's catalogue that has a context: where it stands, the context, the text or reason."""
    if language == words.CODE:
        yield from (one for one in declared(folder) if one[1] == words.JOURNEY)
        return
    by_reason = sorted(refusals(folder), key=lambda one: one[1])
    yield from ((where, words.REFUSAL, reason) for where, reason in by_reason)
    by_text = sorted(phrases(folder), key=lambda one: key(one[1]))
    yield from ((where, words.PHRASE, text) for where, text in by_text)
    yield from declared(folder)


def _calls(path: Path, part: str) -> Iterator[ast.Call]:
    """The calls of a module's code, where it has that part of a name at all."""
    source = path.read_text(encoding="utf-8")
    if part in source:
        yield from (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call))


def _reason(call: ast.Call) -> str | None:
    """The reason of a refusal that is made here, where it is written out and its sentence is not one of the catalogue's."""
    if _name(call) != REFUSES or any(isinstance(one, ast.Call) and _name(one) == "mark" for one in call.args):
        return None
    given = call.args[PLACE_OF_REASON : PLACE_OF_REASON + 1]
    return next((str(one.value) for one in given if isinstance(one, ast.Constant)), None)


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def key(text: Text) -> str:
    """By what a catalogue finds a text: the form for one, where it counts something."""
    return text if isinstance(text, str) else text[0]


def bring_in_step(language: str) -> int:
    """Write the catalogues of a language anew; how many of their texts have no translation."""
    return sum(_in_step(code, pages / f"{language}.po", language) for code, pages in folders().items())


def _in_step(code: Path, file: Path, language: str) -> int:
    known = _known(file, language)
    catalogue, lacking = Catalog(locale=language, fuzzy=False), 0
    for (context, _key), text in {(context, key(text)): text for _where, context, text in everything(code, language)}.items():
        given = known.get((context, key(text)), "" if isinstance(text, str) else ("", ""))
        catalogue.add(text, given, context=context)
        lacking += not (given and all(given))
    if len(catalogue) or file.is_file():
        with file.open("wb") as opened:
            write_po(opened, catalogue, width=LINE, omit_header=True, no_location=True)
    return lacking


def _known(file: Path, language: str) -> dict[tuple[str | None, str], Text]:
    """The translations that a catalogue has."""
    if not file.is_file():
        return {}
    with file.open("rb") as opened:
        found = read_po(opened, locale=language)
    return {(one.context, key(one.id)): one.string or "" for one in found if one.id}


if __name__ == "__main__":
    for each in sorted(words.LANGUAGES):
        sys.stdout.write(f"{each}: {bring_in_step(each)} texts without a translation\n")
