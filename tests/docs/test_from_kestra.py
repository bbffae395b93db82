"""docs/from-kestra.md names what there is: flows by the ids that they had, settings, functions and tests."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from shared.settings import setting_name, settings_class
from shared.web import flow_catalogue

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/from-kestra.md").read_text()
CODE = re.compile(r"`([^`]+)`")


def rows(title: str) -> list[list[str]]:
    """The rows of the first table below that title, cell by cell."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_flow_is_found_by_the_id_that_it_had() -> None:
    """In the folder that the page names."""
    for known_as, here, *_more in rows("Flows"):
        for flow_id in CODE.findall(known_as):
            assert f"functions/{flow_catalogue.find(flow_id).id}" in CODE.findall(here), flow_id


def test_every_id_of_the_replaced_system_is_on_the_page() -> None:
    """Whoever looks for a flow by its old id finds it."""
    named = {flow_id for row in rows("Flows") for flow_id in CODE.findall(row[0])}
    known = {flow_id for flow in flow_catalogue.list_flows().items for flow_id in flow.replaces}
    assert known <= named


def test_settings_exist() -> None:
    """Each under the name that it has in the environment."""
    known = {setting_name(name) for name in settings_class().model_fields}
    for was, now, *_more in rows("Variables and secrets"):
        assert set(CODE.findall(now)) <= known, was


@pytest.mark.parametrize("row", rows("Library"), ids=lambda row: row[1][:40])
def test_promise_is_kept_by_a_function_and_shown_by_a_test(row: list[str]) -> None:
    """Both are there by the names that the page gives."""
    module, _, name = CODE.findall(row[2])[0].partition(":")
    assert hasattr(importlib.import_module(module), name)
    path, _, shown_by = CODE.findall(row[3])[0].partition("::")
    tree = ast.parse((ROOT / path).read_text())
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert not shown_by or shown_by in defined
