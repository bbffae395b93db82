"""Chatbots group flows and a number; their ids, and those of flows, come from their names alone."""

from pathlib import Path

import pytest

from shared.errors import RefusedError
from shared.journeys import chatbots, load
from shared.journeys.talks.definition import TalkingFlow
from shared.messages.numbers import id_of

FLOW = """
name: needy
title: Needy
steps:
  - {id: one, ask: "Hola {{ first_name }}, ¿tu {{ thing|default('idea') }}?"}
  - {id: two, set: {total: 3, copy: "{{ city }}"}}
  - {id: three, say: "{{ one }} {{ total }} {{ first_name|default('') }} {{ coupon }}"}
"""


def test_ids_are_made_of_names() -> None:
    """Outside programs keep them, so they must never change."""
    assert chatbots.flow_id("encuesta") == "0fa7a328-86ee-5d3b-8aee-791119345fa7"
    assert chatbots.Chatbot(name="ventas", title="Ventas", flows=("a",)).id == "d6cb110d-c107-5163-8687-494af2532142"


def test_every_file_of_the_project_is_sound() -> None:
    """Each chatbot names flows that are there; each flow is found by its id, in capitals too."""
    for identity, one in chatbots.chatbots().items():
        assert chatbots.chatbot(identity.upper()) is one
        assert [chatbots.flow(chatbots.flow_id(name)).name for name in one.flows] == list(one.flows)


def test_unknown_ids_are_refused() -> None:
    """An id that is none, or nobody's, is 404."""
    for look in (chatbots.chatbot, chatbots.flow):
        for identity in ("x", chatbots.flow_id("nobody")):
            with pytest.raises(RefusedError) as caught:
                look(identity)
            assert caught.value.status == 404


def test_variables_that_a_flow_needs() -> None:
    """What its texts name and no step gives; what has a default everywhere is not needed."""
    flow = load.parse(FLOW)
    assert isinstance(flow, TalkingFlow)
    assert chatbots.needs(flow) == {"first_name", "city", "coupon"}


def test_number_of_a_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flows of a chatbot go out from its number; others from the first one."""
    (tmp_path / "chatbots").mkdir()
    (tmp_path / "chatbots" / "bot.yaml").write_text("{name: bot, title: x, number: '+525511111111', flows: [one]}")
    monkeypatch.setattr(chatbots, "_read_folders", lambda _folders, read=chatbots._read_folders: read((tmp_path,)))
    assert (chatbots.number_of("one"), chatbots.number_of("two")) == (id_of("+525511111111"), None)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: other\ntitle: x\nflows: [encuesta_de_interes]", "a chatbot is called as its file"),
        ("name: bot\ntitle: x\nflows: []", "flows"),
        ("name: bot\ntitle: x\nflows: [a]\nnumber: '55 1'", "number"),
        ("name: [", "bot.yaml:1"),
    ],
)
def test_mistake_in_a_file(tmp_path: Path, text: str, fault: str) -> None:
    """The file is named, and what is wrong in it."""
    (tmp_path / "chatbots").mkdir()
    (tmp_path / "chatbots" / "bot.yaml").write_text(text)
    with pytest.raises(load.DefinitionError, match=r"bot\.yaml:1") as caught:
        chatbots._read_folders((tmp_path,))
    assert fault in str(caught.value)


def test_chatbot_with_a_flow_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of at once, not when somebody uses it."""
    (tmp_path / "chatbots").mkdir()
    (tmp_path / "chatbots" / "bot.yaml").write_text("name: bot\ntitle: x\nflows: [nowhere]")
    monkeypatch.setattr(chatbots, "_read_folders", lambda _folders, read=chatbots._read_folders: read((tmp_path,)))
    with pytest.raises(load.DefinitionError, match="no talking flow 'nowhere'"):
        chatbots.chatbots()
