"""Definitions: what may be written, what a mistake is answered with, and that the project's own are sound."""

import json
import time
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from shared import flows
from shared.journeys import load, schema

ROOT = Path(__file__).resolve().parents[3]
GOOD = """name: good
title: Good
enrol_on: [lead.created]
steps:
  - id: one
    channel: email
    template: hello
  - id: two
    after: one
    when: result.one == "failed"
    channel: sms
    template: hello
"""


def complaints(text):
    """What a text that is no definition is answered with."""
    with pytest.raises(load.DefinitionError) as caught:
        load.parse(text, "good.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        # misspelt
        ("channel: email", "chanel: email", "good.yaml:6: steps.0.chanel: is no field; did you mean `channel`?"),
        ("title:", "tittle:", "good.yaml:2: tittle: is no field; did you mean `title`?"),
        # missing: the line of what it is missing from
        ("    channel: email\n", "", "good.yaml:5: steps.0.channel: is missing; add it"),
        # values
        ("channel: email", "channel: fax", "good.yaml:6: steps.0.channel: 'fax' is not known; use 'email', 'whatsapp'"),
        (
            "template: hello",
            "delay: 3 days\n    template: hello",
            "good.yaml:7: steps.0.delay: '3 days' is no delay; write for",
        ),
        ("template: hello", "delay: 3\n    template: hello", "good.yaml:7: steps.0.delay: 3 is no delay; write for example 5m"),
        ("template: hello", "expires: -3h\n    template: hello", "good.yaml:7: steps.0.expires: -3h is negative"),
        ("title: Good", "title: 7", "good.yaml:2: title: 7 is no text; put it in quotes"),
        ("[lead.created]", "[created]", "good.yaml:3: enrol_on.0.event: 'created' is not a name as needed"),
        ('"failed"', "open(1)", "good.yaml:10: steps.1.when: 'open(1)' is not allowed; use and, or"),
        ("result.one", "result.uno", "good.yaml:1: journey: step 'two' asks for the result of 'uno', which is no earlier step"),
        ("after: one", "after: uno", "good.yaml:1: journey: step 'two' comes after 'uno', which is no earlier step; move or"),
        ("id: two", "id: one", "good.yaml:1: journey: two steps are called 'one'; rename one"),
        (
            "after: one",
            "after: one\n    anchor: at",
            "good.yaml:8: steps.1: a step has `after` or `anchor`, not both; remove one",
        ),
        ("after: one", "after: one\n    delay: -1h", "good.yaml:8: steps.1: with `after` the delay cannot be negative"),
        # YAML itself
        ("title: Good", "title: Good\ntitle: Better", "good.yaml:3: title: stands here twice; remove one"),
        ("title: Good", "title: &a Good\ndescription: *a", "good.yaml:3: aliases are not read; write it out"),
        ("title: Good", "title: " + "[" * 3000 + "]" * 3000, "good.yaml:2: it is nested too deeply"),
        ("title: Good", "title: [Good", "good.yaml:3: not YAML:"),
        ("title: Good", "title: 2026-99-99", "good.yaml:1: a value cannot be read (month must be in 1..12"),
    ],
)
def test_mistake_is_named_with_line_and_remedy(old: str, new: str, answer: str) -> None:
    """File, line, field, what is wrong and what to do."""
    assert any(line.startswith(answer) for line in complaints(GOOD.replace(old, new, 1))), complaints(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("a: " + "[" * 20_000, "good.yaml:1: it is nested too deeply"),
        ("{a: " * 5_000, "good.yaml:1: it is nested too deeply"),
        ("- " * 10_000, "good.yaml:1: it is nested too deeply"),
        ("? " * 10_000, "good.yaml:1: it is nested too deeply"),
        ("a: [" + "1," * 20_000 + "]", "good.yaml:1: it has too many values; 5000 are read"),
        ("x" * 60_000, "good.yaml:1: it has 60000 characters; a definition has at most 50000"),
        ("name: " + ":".join(["59"] * 3_000), "good.yaml:1: name: this number is no text; put it in quotes"),
        ("name: " + ":".join(["59"] * 3_000) + ".5", "good.yaml:1: a value cannot be read"),
        ("? [a, b]\n: 1\n", "good.yaml:1: a value cannot be read"),
        ("\n".join(f"k{number}: 1" for number in range(2_000)), "good.yaml:1: name: is missing"),
    ],
    ids=["flow", "flow-map", "block", "key", "wide", "long", "number", "float", "list-as-key", "unknown"],
)
def test_a_text_of_any_size_is_answered_soon(text: str, answer: str) -> None:
    """YAML's reader takes over a minute for 20 kB of brackets; the bounds are kept while it reads."""
    begun = time.process_time()
    lines = complaints(text)
    assert lines[0].startswith(answer)
    assert len(lines) <= load.MOST_MISTAKES
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("text", ["", "[]", "just words", "steps: []"])
def test_what_is_no_definition_at_all(text: str) -> None:
    """Always a line, never a traceback."""
    assert complaints(text)[0].startswith("good.yaml:1: ")


def test_all_mistakes_at_once() -> None:
    """Nobody has to run it five times."""
    assert len(complaints(GOOD.replace("title: Good", "titel: Good").replace("email", "fax"))) == 3


def test_own_definitions_are_sound() -> None:
    """Those of the project load, and each keeps its meaning when it is stored and read again."""
    found = load.definitions()
    planned = sorted(name for name, journey in found.items() if not journey.talks)
    assert planned == [
        "assessment",
        "booking",
        "cart_recovery",
        "employee_followup",
        "lead_followup",
        "noshow",
        "onboarding",
        "postcall",
    ]
    for journey in found.values():
        again = type(journey).model_validate_json(json.dumps(journey.dumped()))
        assert again == journey
        assert again.version() == journey.version()


def test_all_files_are_told_of_at_once(tmp_path: Path) -> None:
    """A folder with two broken files and one with a wrong name says so of all three."""
    (tmp_path / "good.yaml").write_text(GOOD.replace("title", "x"))
    (tmp_path / "other.yaml").write_text(GOOD)
    (tmp_path / "third.yaml").write_text(":")
    with pytest.raises(load.DefinitionError) as caught:
        load._read_folders((tmp_path,))
    lines = str(caught.value).splitlines()
    assert {line.split(":")[0] for line in lines} == {"good.yaml", "other.yaml", "third.yaml"}
    assert "other.yaml:1: steps.one.template: there is no template 'hello'; add it, or name another one" in lines
    assert "other.yaml:1: name: the journey is called 'good'; rename it or the file" in lines


def test_schema_for_editors_is_that_of_the_models() -> None:
    """docs/journey.schema.json is what `python -m shared.journeys.schema` writes."""
    assert json.loads((ROOT / "docs/journey.schema.json").read_text()) == json.loads(json.dumps(schema.schema()))


def test_schema_takes_what_the_models_take() -> None:
    """An editor that knows the schema accepts our files and marks the same kinds of mistake."""
    validator = Draft202012Validator(schema.schema())
    for path in (path for folder in flows.folders("journeys") for path in folder.glob("*.yaml")):
        assert list(validator.iter_errors(load.plain(path.read_text()))) == []
    for old, new in [("channel: email", "chanel: email"), ("email", "fax"), ("title: Good\n", ""), ("[lead.created]", "[x]")]:
        assert list(validator.iter_errors(yaml.safe_load(GOOD.replace(old, new, 1))))


def test_sequences_have_the_delays_of_the_systems_they_replace() -> None:
    """Mails 2 to 5 at 24, 72, 96, 120 hours; no-show at 5 minutes, 24, 48 hours; and so on; in tests 1, 2, 3, 4 minutes."""
    delays = {name: [str(step.delay) for step in journey.steps] for name, journey in load.definitions().items()}
    assert delays["assessment"] == ["0m", "24h", "72h", "96h", "120h"]
    assert delays["noshow"] == ["5m", "24h", "48h"]
    assert delays["postcall"] == ["1h", "72h", "168h"]
    assert delays["onboarding"] == ["1h", "24h", "72h"]
    tests = {name: [str(s.test_delay) for s in load.journey(name).steps if s.test_delay] for name in delays}
    assert tests["assessment"] == ["1m", "2m", "3m", "4m"]
    assert tests["noshow"] == tests["postcall"] == tests["onboarding"] == ["1m", "2m", "3m"]
