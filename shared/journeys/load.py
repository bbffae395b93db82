"""Read definitions from YAML. A mistake is named with file, line and remedy; all mistakes of a file at once."""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from shared import flows
from shared.errors import ConfigurationError, RefusedError
from shared.journeys import rounds
from shared.journeys.definition import Beginning, Exit, Fallback, Journey, Step, Trigger
from shared.journeys.talks import definition as talks
from shared.journeys.talks import question
from shared.journeys.talks.asking import Ask, Option
from shared.journeys.talks.definition import Approve, Assign, TalkingFlow, TalkStep
from shared.messages import templates

# What a definition may be at most, checked while YAML's events are read one by one: its reader needs a time that grows with the
# square of the depth, and an alias stands for a tree of any size in a few letters.
LONGEST = 50_000  # characters
DEEPEST = 12
MOST_NODES = 5_000
MOST_MISTAKES = 50
LONGEST_VALUE_SHOWN = 60

PARTS: dict[str, type[BaseModel]] = {
    "steps": Step,
    "fallback": Fallback,
    "enrol_on": Beginning,
    "unless": Trigger,
    "exit_on": Exit,
    "move_on": Trigger,
    "ask": Ask,
    "options": Option,
    "assign": Assign,
    "approve": Approve,
}


class _Loader(yaml.SafeLoader):
    """YAML's safe reader in which `no`, `yes`, `on` and `off` are words, as in YAML 1.2: people answer questions with them."""


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class DefinitionError(ConfigurationError):
    """A definition that cannot be used; one line for each mistake: `file:line: field: what is wrong; what to do`."""


def definitions() -> Mapping[str, Journey]:
    """Every journey of the project, by name.

    Raises:
        DefinitionError: all mistakes of all files.
    """
    return _read_folders(flows.folders("journeys"))


def journey(name: str) -> Journey:
    """The journey of that name; `question` is that of single questions from code.

    Raises:
        RefusedError: 404, there is none.
    """
    if name == question.NAME:
        return question.flow()
    try:
        return definitions()[name]
    except KeyError:
        raise RefusedError(404, "no-such-journey", f"There is no journey {name[:50]!r}.") from None


def forget() -> None:
    """Read the files again on next use."""
    _read_folders.cache_clear()


@cache
def _read_folders(folders: tuple[Path, ...]) -> Mapping[str, Journey]:
    found: dict[str, Journey] = {}
    mistakes: list[str] = []
    for path in sorted((path for folder in folders for path in folder.glob("*.yaml")), key=lambda path: path.name):
        try:
            one = parse(path.read_text(encoding="utf-8"), path.name)
        except DefinitionError as error:
            mistakes.append(str(error))
            continue
        mistakes += missing_templates(one, path.name)
        if one.name in found or one.name == question.NAME:
            mistakes.append(f"{path.name}:1: name: another flow has a journey {one.name!r} too; rename one of them")
        if one.name != path.stem:
            mistakes.append(f"{path.name}:1: name: the journey is called {one.name!r}; rename it or the file")
        found[one.name] = one
    if mistakes:
        raise DefinitionError("\n".join(mistakes))
    return found


def parse(text: str, file: str = "definition") -> Journey:
    """The journey that a YAML text defines, with every repetition of its steps written out.

    Raises:
        DefinitionError: every mistake with its line and its remedy.
    """
    tree = _composed(text, file)
    if twice := list(_repeated(tree)):
        raise DefinitionError("\n".join(f"{file}:{line}: {key}: stands here twice; remove one" for key, line in twice))
    try:
        data = plain(text)
        model = talks.model_of(data)
        journey = model.model_validate(data)
    except ValidationError as error:
        faults = [dict(fault) for fault in error.errors(include_url=False)]
        # A list whose items are all wrong is also said to be empty; that is no mistake of its own.
        real = [fault for fault in faults if fault["type"] != "too_short" or not fault["input"]]
        raise DefinitionError("\n".join(_described(fault, tree, file, model) for fault in real[:MOST_MISTAKES])) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a date that is none, a number beyond all bounds
        raise DefinitionError(f"{file}:1: a value cannot be read ({error}); put it in quotes") from error
    try:
        rounds.check(journey)
    except ValueError as error:
        raise DefinitionError(f"{file}:1: journey: {error}") from None
    return talks.with_stop(journey) if isinstance(journey, TalkingFlow) else rounds.written_out(journey)


def plain(text: str) -> Any:
    """What a YAML text says, as plain values. Raises YAMLError or ValueError."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # made of the safe one


def missing_templates(journey: Journey, file: str = "definition") -> list[str]:
    """A line for each template that a step or fallback names and that is not there, or is not for its channel; each once.

    A template may be in Notion alone where the journey says so, and a step that somebody else sends needs none.
    """
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for step in journey.steps:
        if journey.source != "repo" or step.sent_by:
            continue
        for way in step.ways():
            if (way.channel, way.template) in seen or way.template == talks.TEXT:
                continue
            seen.add((way.channel, way.template))
            template = templates.in_any_language(way.template)
            if template is None:
                close = difflib.get_close_matches(way.template, templates.names(), n=1)
                remedy = f"did you mean {close[0]!r}?" if close else "add it, or name another one"
                found.append(f"{file}:1: steps.{step.id}.template: there is no template {way.template!r}; {remedy}")
            elif way.channel not in template.channels:
                remedy = f"it is for {', '.join(template.channels)}"
                found.append(f"{file}:1: steps.{step.id}.template: {way.template!r} is not for {way.channel}; {remedy}")
    return found


def _composed(text: str, file: str) -> yaml.Node:
    if len(text) > LONGEST:
        raise DefinitionError(f"{file}:1: it has {len(text)} characters; a definition has at most {LONGEST}")
    try:
        if (refused := _out_of_bounds(text)) is not None:
            line, why = refused
            raise DefinitionError(f"{file}:{line}: {why}")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error)
        raise DefinitionError(f"{file}:{_line_of(error)}: not YAML: {problem}; check indentation, colons and quotes") from error
    if not isinstance(tree, yaml.MappingNode):
        raise DefinitionError(f"{file}:1: a definition is a list of fields; begin with `name: ...`")
    return tree


def _out_of_bounds(text: str) -> tuple[int, str] | None:
    """The line and reason of the first thing that no definition needs; None where everything is within the bounds."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            return line, "aliases are not read; write it out"
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
            if depth > DEEPEST:
                return line, f"it is nested too deeply; {DEEPEST} levels are read"
            if nodes > MOST_NODES:
                return line, f"it has too many values; {MOST_NODES} are read"
    return None


def _line_of(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1


def _repeated(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Keys that stand twice in one mapping: YAML's reader would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            if name in seen:
                yield name, key.start_mark.line + 1
            seen.add(name)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)


def _described(fault: dict[str, Any], tree: yaml.Node, file: str, model: type[Journey]) -> str:
    where = [part for part in fault["loc"] if isinstance(part, int | str)]
    line, path = _place(tree, where)
    return f"{file}:{line}: {'.'.join(path) or 'journey'}: {_remedy(fault, where, model)}"


def _place(tree: yaml.Node, where: list[int | str]) -> tuple[int, list[str]]:
    """The line of the deepest node on the way that exists, and the way."""
    node, line, path = tree, tree.start_mark.line + 1, []
    for part in where:
        path.append(str(part))
        inner = _inner(node, part)
        if inner is None:
            break
        line, node = inner
    return line, path


def _inner(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line + 1, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def _remedy(fault: dict[str, Any], where: list[int | str], model: type[Journey]) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return _unknown(str(where[-1]), where, model)
        case "missing":
            return "is missing; add it"
        case "literal_error":
            return f"{_quoted(fault['input'])} is not known; use {fault['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"{_quoted(fault['input'])} is not a name as needed; it must match {fault['ctx']['pattern']}"
        case "string_type":
            return f"{_quoted(fault['input'])} is no text; put it in quotes"
    return str(fault["msg"]).removeprefix("Value error, ")


def _quoted(value: Any) -> str:
    """A value as a message shows it; a number with more digits than Python writes is named only."""
    try:
        text = repr(value)
    except ValueError:
        text = "this number"
    return text if len(text) <= LONGEST_VALUE_SHOWN else text[:LONGEST_VALUE_SHOWN] + "..."


def _unknown(name: str, where: list[int | str], model: type[Journey]) -> str:
    """What to write in place of a field that does not exist."""
    parts = PARTS | {"steps": TalkStep} if model is TalkingFlow else PARTS
    parents = [parts[part] for part in where[:-1] if isinstance(part, str) and part in parts]
    known = sorted((parents[-1] if parents else Journey).model_fields)
    close = difflib.get_close_matches(name, known, n=1)
    return "is no field; " + (f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}")
