"""Chatbots: a number of ours and the talking flows that it speaks; declared in files, `journeys/chatbots/<name>.yaml`.

    name: ventas
    title: Ventas
    number: "+525512345678"     # optional: the number of ours that its flows go out from
    flows: [encuesta_de_interes, cita_rapida]

Chatbots and flows have ids that outside programs keep: the uuid5 of their names, so they are the same in every installation.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from uuid import UUID, uuid5

import yaml
from jinja2 import TemplateError, nodes
from jinja2 import meta as syntax
from pydantic import Field, ValidationError

from shared import flows
from shared.errors import RefusedError
from shared.journeys import load
from shared.journeys.fields import Name, Strict
from shared.journeys.load import DefinitionError
from shared.journeys.talks.definition import TEXT, TalkingFlow, TalkStep
from shared.messages import bounded_jinja, templates
from shared.messages.numbers import id_of

NAMESPACE = UUID("6f1c2a56-8f0e-5c63-9d0f-3b8f7f0f2a11")
FOLDER = "chatbots"


class Chatbot(Strict):
    """A chatbot: its name, the number of ours that it speaks from, and its flows by their names."""

    name: Name
    title: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=500)
    number: str | None = Field(default=None, pattern=r"^\+[1-9]\d{7,14}$")
    flows: tuple[Name, ...] = Field(min_length=1)

    @property
    def id(self) -> str:
        """The id that outside programs know it by."""
        return str(uuid5(NAMESPACE, f"chatbot:{self.name}"))

    @property
    def whatsapp_number_id(self) -> str | None:
        """The id of its number, by which a message names where it goes out from."""
        return id_of(self.number) if self.number else None


def flow_id(name: str) -> str:
    """The id of a flow of that name."""
    return str(uuid5(NAMESPACE, f"flow:{name}"))


def chatbots() -> Mapping[str, Chatbot]:
    """Every chatbot of the project, by its id, in the order of their names.

    Raises:
        DefinitionError: a file cannot be read, or names a flow that is not there or does not talk.
    """
    found = _read_folders(flows.folders("journeys"))
    known = talking_flows()
    for one in found.values():
        if unknown := sorted(set(one.flows) - {flow.name for flow in known.values()}):
            raise DefinitionError(f"{one.name}.yaml:1: flows: there is no talking flow {unknown[0]!r}; add or rename it")
    return found


def chatbot(chatbot_id: str) -> Chatbot:
    """The chatbot of that id. Raises RefusedError: 404, there is none."""
    found = chatbots().get(chatbot_id.lower())
    if found is None:
        raise RefusedError(404, "no-such-chatbot", "There is no chatbot with this id.")
    return found


def talking_flows() -> Mapping[str, TalkingFlow]:
    """Every talking flow of the project, by its id."""
    return {flow_id(one.name): one for one in load.definitions().values() if isinstance(one, TalkingFlow)}


def flow(identity: str) -> TalkingFlow:
    """The talking flow of that id. Raises RefusedError: 404, there is none."""
    found = talking_flows().get(identity.lower())
    if found is None:
        raise RefusedError(404, "no-such-flow", "There is no flow with this id.")
    return found


def number_of(name: str) -> str | None:
    """The number of ours that a flow goes out from, by its chatbot; None where its chatbot has none, or it has no chatbot."""
    found = (one for one in _read_folders(flows.folders("journeys")).values() if name in one.flows)
    return next((one.whatsapp_number_id for one in found if one.whatsapp_number_id), None)


def needs(one: TalkingFlow) -> frozenset[str]:
    """The variables that must be given when a flow begins: what its texts name and no step of it stores or sets.

    What a text does without (`{{ name|default("") }}`) is not among them; who lacks one of these cannot be written to.
    """
    given = {name for step in one.steps for name in (*(step.set or ()), *_stored(step))}
    named = {name for step in one.steps for text in _texts(step) for name in _variables(text)}
    by_template = {name for step in one.steps for way in step.ways() for name in _of_template(way.template, step.variables)}
    return frozenset((named | by_template) - given)


def _stored(step: TalkStep) -> tuple[str, ...]:
    """The fields that the answer to a step fills."""
    name = step.store or step.id
    if step.approve is not None:
        return name, f"{name}_comment"
    return (name,) if step.ask else ()


def _texts(step: TalkStep) -> list[str]:
    """The texts of a step that stand in the definition itself."""
    asked = (step.ask.text, step.ask.retry) if step.ask else ()
    approval = (step.approve.title, *step.approve.details.values()) if step.approve else ()
    texts = (step.say, *asked, *approval, step.assign.note if step.assign else None, *(step.set or {}).values())
    return [text for text in texts if isinstance(text, str)]


def _of_template(name: str, own: Mapping[str, object]) -> frozenset[str]:
    found = templates.in_any_language(name)
    if found is None or name == TEXT:
        return frozenset()
    optional = templates.optional(found) - templates.needed_in_holes(found)
    return templates.variables(found) - optional - own.keys()


def _variables(text: str) -> frozenset[str]:
    """The variables of a text, without those that have a default wherever they stand."""
    environment = bounded_jinja.environment([], {}, autoescape=False)
    try:
        tree = environment.parse(text)
    except TemplateError:
        return frozenset()
    names = [node.name for node in tree.find_all(nodes.Name)]
    filled = [
        node.node.name for node in tree.find_all(nodes.Filter) if node.name == "default" and isinstance(node.node, nodes.Name)
    ]
    undeclared = syntax.find_undeclared_variables(tree)
    return frozenset(name for name in undeclared if names.count(name) > filled.count(name))


@cache
def _read_folders(folders: tuple[Path, ...]) -> Mapping[str, Chatbot]:
    found: dict[str, Chatbot] = {}
    paths = sorted((path for folder in folders for path in (folder / FOLDER).glob("*.yaml")), key=lambda path: path.name)
    for path in paths:
        try:
            one = Chatbot.model_validate(load.plain(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, ValidationError) as error:
            raise DefinitionError(f"{path.name}:1: {error}") from error
        if one.name != path.stem or one.id in found:
            raise DefinitionError(f"{path.name}:1: name: a chatbot is called as its file, and no other; rename one of them")
        found[one.id] = one
    return found
