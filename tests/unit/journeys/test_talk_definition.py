"""What the file of a talking flow may say, and what it is told when it says something else."""

import json

import pytest

from shared.journeys import load, talking
from shared.journeys.talks import picture
from shared.journeys.talks.asking import option_id
from shared.journeys.talks.definition import TalkingFlow

FLOW = """
name: flow
title: Flow
re_enrol: each_event
steps:
  - id: topic
    ask: {text: "¿Qué te interesa?", options: [Ventas, {id: help, title: Soporte}]}
    next: {help: bye}
  - {id: mail, ask: {text: "¿Tu correo?", reads: email}, if_no_reply: bye}
  - {id: bye, say: Gracias.}
  - {id: done, end: well}
"""


def test_file_is_read_as_a_talking_flow() -> None:
    """A step that asks makes the file a talking flow; what is stored of it is read again as the same."""
    flow = load.parse(FLOW)
    assert isinstance(flow, TalkingFlow)
    assert [(one.id, one.title) for one in flow.steps[0].ask.options] == [("ventas", "Ventas"), ("help", "Soporte")]
    assert TalkingFlow.read_pinned(json.loads(json.dumps(flow.dumped()))) == flow


def test_stop_is_always_a_way_out() -> None:
    """A file that does not name it is ended by `person.unsubscribed` all the same."""
    assert [one.event for one in load.parse(FLOW).exit_on] == ["person.unsubscribed"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("say: Gracias.", "say: Gracias., end: x", "a step does one thing"),
        ("say: Gracias.", "delay: 1h", "a step does one thing"),
        ("say: Gracias.", "tag: a, delay: 1h", "only a step that sends waits"),
        ("say: Gracias.", "say: Gracias., store: x", "`store` belongs to a question"),
        ("say: Gracias.", "say: Gracias., after: mail", "a step of a talking flow has no `after`"),
        ("say: Gracias.", "say: Gracias., nxt: mail", "is no field; did you mean `next`?"),
        ("say: Gracias.", "say: Gracias., next: nowhere", "leads to 'nowhere', which is no step"),
        ("end: well", "end: well, next: mail", "nothing follows `end`"),
        ("{help: bye}", "{helped: bye}", "names the answer 'helped', which is no option"),
        ("Ventas,", "Baja,", "whoever answers 'Baja' unsubscribes"),
        ("Ventas,", "{id: baja, title: Menos},", "whoever answers 'baja' unsubscribes"),
        ("Ventas,", "soporte,", "two options have the title 'soporte'"),
        ("reads: email", "reads: option", "`reads: option` and options belong together"),
        ("reads: email", "reads: email, least: 1", "`least` and `most` are for `reads: number`"),
        ("reads: email}", "reads: email}, store: phone", "`phone` says who the person is"),
        ("reads: email}", "reads: email}, channel: email", "nobody answers by email"),
        ("re_enrol: each_event", "repeat_after: 2d", "a talking flow has no `repeat_after`"),
        ("re_enrol: each_event", "exit_on: [{event: a.b, resume_on: c.d}]", "remove `resume_on`"),
        ("title: Flow", "title: Flow\nanchor: start_at", "a talking flow has no `anchor`"),
    ],
)
def test_mistake_is_named(old: str, new: str, fault: str) -> None:
    """What cannot work is refused when the file is read, with what to write instead."""
    with pytest.raises(load.DefinitionError, match="definition:") as caught:
        load.parse(FLOW.replace(old, new, 1))
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("title", "name"), [("Sí, claro", "si_claro"), ("1 persona", "o_1_persona"), ("¿Otra?", "otra"), ("👍", "o_")]
)
def test_id_of_an_option(title: str, name: str) -> None:
    """It is made of the words of the title."""
    assert option_id(title) == name


def test_no_is_a_word() -> None:
    """Options and answers may be called "No", which YAML's older readers take for a truth value."""
    flow = load.parse(FLOW.replace("[Ventas, {id: help, title: Soporte}]", "[Sí, No]").replace("{help: bye}", "{no: bye}"))
    assert isinstance(flow, TalkingFlow)
    assert (flow.steps[0].ask.options[1].title, flow.steps[0].next) == ("No", {"no": "bye"})


def test_template_of_a_question_must_be_there() -> None:
    """A template that is not in the repository is named, like that of any step."""
    text = FLOW.replace('text: "¿Tu correo?"', "template: not_there")
    assert "there is no template 'not_there'" in load.missing_templates(load.parse(text))[0]


def test_question_from_code_is_a_journey_of_its_own() -> None:
    """It can be looked up by name, so that its enrolments can be explained, paused and ended as others are."""
    assert load.journey("question").talks
    with pytest.raises(ValueError, match="nobody answers by voice"):
        talking.ask(None, "a", "+52", "¿Sí?", key="k", channel="voice")  # type: ignore[arg-type]


def test_picture_shows_every_branch() -> None:
    """Each way that a step names is an arrow, with the answer or the reason that leads there."""
    flow = load.parse(FLOW)
    assert isinstance(flow, TalkingFlow)
    labels = [(flow.steps[way.start].id, flow.steps[way.end].id, way.label) for way in picture.ways(flow)]
    assert labels == [
        ("topic", "mail", ""),
        ("topic", "bye", "Soporte"),
        ("mail", "bye", ""),
        ("mail", "bye", "no reply in 1d"),
        ("bye", "done", ""),
    ]
    drawn = picture.draw(flow, [])
    assert drawn.count("marker-end") == len(labels)
    assert "Soporte" in drawn


@pytest.mark.parametrize(
    ("condition", "labels"),
    [("", ["Ventas", "Soporte"]), ('    when: "data.lead == true"\n', ["Ventas", "Soporte", "otherwise"])],
)
def test_picture_shows_no_way_that_nobody_goes(condition: str, labels: list[str]) -> None:
    """Where every option leads elsewhere, the step below follows only if the question is not put at all."""
    text = FLOW.replace("next: {help: bye}", "next: {help: bye, ventas: done}\n" + condition.rstrip("\n"), 1)
    flow = load.parse(text)
    assert isinstance(flow, TalkingFlow)
    assert sorted(way.label for way in picture.ways(flow) if way.start == 0) == sorted(labels)
