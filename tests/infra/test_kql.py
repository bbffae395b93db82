"""Every Kusto query of alerts, workbook, dashboard and runbooks is one that Azure Monitor takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra import kql
from tests.infra.conftest import INFRA, ROOT

pytestmark = pytest.mark.slow


def queries_in(value: Any) -> Iterator[str]:
    """The values of `query` anywhere in a document that are Kusto."""
    if isinstance(value, list):
        for one in value:
            yield from queries_in(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "query" and isinstance(one, str) and one.startswith("App"):
                yield one
            else:
                yield from queries_in(one)


def every_query() -> list[tuple[str, str]]:
    """File and query, as each is deployed or given to a person."""
    found = [(path.name, query) for path in sorted((INFRA / "watching").glob("*.json")) for query in queries_in(_json(path))]
    found += [(path.name, query) for path in sorted((INFRA / "watching").glob("*.yaml")) for query in queries_in(_yaml(path))]
    return found + [
        (path.name, query) for path in sorted((ROOT / "docs").glob("*.md")) for query in kql.in_words(path.read_text())
    ]


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_the_language_service_takes_every_query() -> None:
    """None is refused or warned about: `mv-expand kind = ...` was, as `kind` is a word of that operator."""
    queries = every_query()
    places = {place for place, _query in queries}
    assert {"alerts.yaml", "panels.yaml", "grafana.json", "workbook.json", "operate.md"} <= places
    found = kql.complaints([query for _place, query in queries])
    assert [(place, query, said) for (place, query), said in zip(queries, found, strict=True) if said] == []


def test_the_language_service_refuses_mistakes() -> None:
    """A column that its table lacks, a word of the language used as a name, a type that does not fit, half a query."""
    wrong = [
        "AppTraces | where Mesage == 'x'",
        "AppRequests | mv-expand kind = bag_keys(parse_json(Url)) to typeof(string) | summarize count() by kind",
        "AppTraces | where Message > 5",
        "AppTraces | summarize count( by Message",
        "AppEvents | take 1",
    ]
    assert [query for query, said in zip(wrong, kql.complaints(wrong), strict=True) if not said] == []


def test_queries_in_words_are_found() -> None:
    """Between back ticks or on a line of their own; a table that is only named is no query."""
    page = "See `AppTraces` and `AppTraces | take 1`, or\n\nAppRequests | take 2\n"
    assert kql.in_words(page) == ["AppTraces | take 1", "AppRequests | take 2"]
