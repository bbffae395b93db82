"""docs/cutover.md: every command on the page can be run, and every part that it names is there."""

import re
import shlex
from pathlib import Path

import pytest

from shared.importer import __main__ as importer
from shared.importer.declared import importers
from shared.journeys import __main__ as journeys
from shared.journeys import load
from shared.outbox import actions
from shared.shadow import __main__ as shadow
from shared.shadow import acts
from shared.store import migrate
from tests.support.described import openapi

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/cutover.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^\$ (.+)$", PAGE, re.MULTILINE)
IN_TEXT = re.findall(r"`((?:python -m|make) [^`]+)`", PAGE)
COMMANDS = sorted(set(BLOCKS + IN_TEXT))
PARTS = sorted(set(re.findall(r"`((?:functions|shared)/[^`]+)`", PAGE)))
ROUTES = sorted(set(re.findall(r"`GET (/api/[^`?]+)", PAGE)))
STEPS = ("Backup", "Shadow", "Compare", "Sequences in flight", "Switch", "Roll back")


def test_page_has_commands() -> None:
    """What follows tests something."""
    assert len(COMMANDS) > 12
    assert len(PARTS) > 10
    assert {"status", "compare", "next", "send"} <= {shlex.split(one)[3] for one in COMMANDS if "shared.shadow" in one}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists_with_its_options(environment: pytest.MonkeyPatch, command: str) -> None:
    """Its own parser takes it as it is written; what it names (importers, journeys, forms, targets) is there."""
    words = shlex.split(command)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[1] in targets
        named = [word.removeprefix("JOURNEY=") for word in words if word.startswith("JOURNEY=")]
        assert all(name in load.definitions() for name in named)
        return
    module, given = words[2], words[3:]
    if module == "shared.shadow":
        asked = shadow._parser().parse_args(given)
        assert getattr(asked, "format", None) in (None, *acts.readers())
        assert getattr(asked, "target", None) in (None, *actions.targets())
    elif module == "shared.importer":
        assert not given or importer._parser(importers()).parse_args(given).words[0] in importers()
    elif module == "shared.journeys":
        assert journeys._parser().parse_args(given).journey in load.definitions()
    else:
        assert (module, given) == (migrate.__name__, [])


@pytest.mark.parametrize("part", PARTS)
def test_part_is_there(part: str) -> None:
    """A file or folder of the repository."""
    assert (ROOT / part).exists()


def test_routes_are_there(environment: pytest.MonkeyPatch) -> None:
    """Each path of the API that the page names."""
    known = [path.rstrip("/") for path in openapi()["paths"]]
    for route in ROUTES:
        assert any(_fits(route.rstrip("/"), path) for path in known), route


def _fits(route: str, path: str) -> bool:
    return re.sub(r"\{\w+\}", "{}", route) == re.sub(r"\{\w+\}", "{}", path)


def test_each_step_has_a_command_and_a_check() -> None:
    """So that nobody goes on without having looked."""
    sections = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
    for step in STEPS:
        assert "```console" in sections[step], step
        assert "**Check:**" in sections[step], step
