"""Who may import whom, as docs/design.md says; that no import goes round in a circle; what starts without what."""

import ast
import collections.abc
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from shared import flows
from shared.flow import Flow
from shared.intake.endpoint import webhook_routes
from shared.settings import fields_of, setting_name
from shared.store.models import Base
from tests.conftest import ENVIRONMENT, ROOT
from tests.structure.modules import LAYERS, circles, graph, imports, name_of, sources

# Data that a lower layer needs as well: the stages that Odoo's set-up checks and the first migration writes.
SHARED_DATA = {"shared.crm.stages"}
# What optional flows call something, and shared code something of its own: Odoo's leads, our campaigns, the texts in Notion,
# the sign-in by Entra, the ways in which shops and Stripe write money.
WORDS_OF_OTHERS = {"campaign", "lead", "notion", "entra", "stripe", "shopify"}
HEAVY = ("sqlalchemy", "requests", "fastapi", "azure.storage.queue", "azure.storage.blob", "alembic", "phonenumbers")


def layer(module: str) -> tuple[int, str] | None:
    """The number of the module's line (0 is the top) and the package that stands there."""
    for number, packages in enumerate(LAYERS):
        for package in packages:
            if module == package or module.startswith(package + "."):
                return number, package
    return None


def test_imports_point_down() -> None:
    """A module imports its own package and what lies below it, nothing above and nothing beside."""
    assert [fault for path in sources() for fault in _upwards(path)] == []


def _upwards(path: Path) -> Iterator[str]:
    """What is wrong with where a module stands, and with what it imports."""
    module = name_of(path)
    own = layer(module)
    if own is None:
        if module != "shared":
            yield f"{module} stands in no layer: add its package to LAYERS"
        return
    for imported, is_for_types in imports(path):
        other = layer(imported)
        if other is None or is_for_types or imported.startswith(tuple(SHARED_DATA)) or other[1] == own[1]:
            continue
        if other[0] < own[0]:
            yield f"{module} imports {imported}, which stands above it"


def test_import_from_above_is_found() -> None:
    """The search itself: a module of a low layer that imports the flows, and one of no layer."""
    wrong = ROOT / "shared" / "clock.py"
    assert list(_upwards(wrong)) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "imports", lambda _path: (("functions.leads", False), ("functions.web", True)))
        assert list(_upwards(wrong)) == ["shared.clock imports functions.leads, which stands above it"]
    assert list(_upwards(ROOT / "shared" / "unknown.py")) == ["shared.unknown stands in no layer: add its package to LAYERS"]


def test_no_imports_in_circles() -> None:
    """However a module is imported: at the top of a file, inside a function, for types only; inside a package as well."""
    assert circles(graph()) == []


def test_circle_is_found() -> None:
    """The search itself: two circles, one of them within what the other reaches."""
    edges = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert sorted(circles(edges)) == [["a", "b", "c"], ["d", "e"]]


def test_flows_import_each_other_only_where_they_say_so() -> None:
    """One flow's code uses another's only where its declaration requires that flow."""
    owners = {
        next(iter(flow.functions), f"functions.{flow.name}:").split(":")[0].split(".")[1]: flow for flow in flows.installed()
    }
    for module, used in graph().items():
        own = _owner(module, owners)
        for other in (found for one in used if own is not None and (found := _owner(one, owners)) is not None):
            assert other is own or other.name in own.requires, f"{module} uses the flow {other.name}; name it in `requires`"


def _owner(module: str, owners: dict[str, Flow]) -> Flow | None:
    parts = module.split(".")
    return owners.get(parts[1]) if parts[0] == "functions" and len(parts) > 1 else None


def test_shared_code_knows_no_optional_flow() -> None:
    """No file in `shared/` imports one, or names its queues, settings or events: it can be deleted with its folder."""
    optional = [flow for flow in flows.installed() if flow.optional]
    names = {name for flow in optional for name in (*flow.queues, *flow.events, f"functions.{flow.name}")}
    declared = [flows.resolve(flow.settings) for flow in optional if flow.settings is not None]
    names |= {name for group in declared for name in fields_of(group)}
    names |= {setting_name(name) for group in declared for name in fields_of(group)}
    names |= {kind for flow in optional for kind in flow.handlers} | {f'"{job.name}"' for flow in optional for job in flow.jobs}
    of_core = {name for flow in flows.installed() if not flow.optional for name in _systems(flow)} | WORDS_OF_OTHERS
    names |= {f'"{name}"' for flow in optional for name in _systems(flow) if name not in of_core}
    for mapped in _tables(optional):
        names |= {f'"{mapped.__tablename__}"', mapped.__name__} - set(dir(collections.abc))
    assert len(names) >= 6 * len(optional)
    assert [fault for path in sources() if "shared" in path.parts for fault in _named_in(path, names)] == []


def _systems(flow: Flow) -> Iterator[str]:
    """Its own name, and those under which it knows its systems and people."""
    yield from (flow.name, *flow.targets, *flow.senders, *flow.comparisons, *flow.logs, *flow.plans, *flow.answer_readers)
    yield from (kind.name for kind in flow.identities)


def _named_in(path: Path, names: set[str]) -> Iterator[str]:
    """Each name as a word of its own; most names are nowhere in a file, and that is quickly seen."""
    text = path.read_text(encoding="utf-8")
    for name in sorted(name for name in names if name in text):
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            yield f"{path.relative_to(ROOT)}: {name}"


def test_name_is_found_as_a_word_of_its_own() -> None:
    """The search itself: not within a longer word."""
    file = ROOT / "shared" / "clock.py"
    assert list(_named_in(file, {"frozen", "froze", "no such name"})) == ["shared/clock.py: frozen"]


def _tables(some: list[Flow]) -> list[type[Any]]:
    flows.load_tables()
    modules = {module for flow in some for module in flow.tables}
    return [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__module__ in modules]


def test_webhooks_start_without_the_heavy_libraries() -> None:
    """Importing the app loads neither SQL nor HTTP clients nor FastAPI nor the storage SDK."""
    assert _after_import(f"[name for name in {list(HEAVY)} if name in sys.modules]") == "[]"


def test_app_starts_with_declarations_and_triggers_alone() -> None:
    """Nothing that a declaration names as a string is imported before it is used, but for the triggers and the settings.

    Nor is what a webhook names; a flow of one page has its payload there, beside its triggers.
    """
    named = {module for flow in flows.installed() for module in _named(flow)} | set(_named_by_webhooks())
    assert len(named) > 3 * len(flows.installed())
    loaded = set(ast.literal_eval(_after_import("sorted(sys.modules)")))
    assert sorted(named & loaded) == []


def _named_by_webhooks() -> Iterator[str]:
    for route in webhook_routes(flows.parts("functions")):
        for webhook in (*route.webhooks.values(), *route.also):
            yield from (reference.partition(":")[0] for reference in webhook.references())


def _named(flow: Flow) -> set[str]:
    """The modules in which the parts of a flow lie."""
    at_the_start = {*flow.functions, flow.settings}
    given = [getattr(flow, one.name) for one in fields(flow)]
    lists = [list(one.values()) if isinstance(one, Mapping) else one for one in given if isinstance(one, Mapping | tuple)]
    parts = [getattr(part, "run", part) for several in lists for part in several] + [flow.privacy]
    modules = {part.partition(":")[0] for part in parts if isinstance(part, str) and part.startswith(("functions.", "shared."))}
    return modules - {part.partition(":")[0] for part in at_the_start if part}


def _after_import(expression: str) -> str:
    code = f"import sys, function_app; print({expression})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
