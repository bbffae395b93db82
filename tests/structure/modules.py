"""The modules of the app and what each of them imports, read from their source."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("functions", "shared")

# From the top: a package may import those below its own line, and itself. docs/design.md shows the same as a table.
LAYERS = [
    {"functions"},
    {"shared.bootstrap"},
    {"shared.console"},
    {"shared.plans"},
    {"shared.web", "shared.importer", "shared.shadow"},
    {"shared.journeys"},
    {"shared.approvals"},
    {"shared.messages"},
    {"shared.crm", "shared.watch", "shared.privacy", "shared.retention", "shared.retention_rules"},
    {"shared.people"},
    {"shared.intake"},
    {"shared.alerts", "shared.discord", "shared.slack", "shared.teams", "shared.openai", "shared.sheets", "shared.model_use"},
    {"shared.outbox"},
    {"shared.kept_files"},
    {"shared.vendors", "shared.store", "shared.queues"},
    {
        "shared.settings",
        "shared.setting_groups",
        "shared.setting_types",
        "shared.setting_campaigns",
        "shared.setting_approvals",
        "shared.setting_offices",
        "shared.setting_dates",
        "shared.setting_limits",
        "shared.secret_faults",
        "shared.page_headers",
        "shared.commands",
    },
    {"shared.jobs"},
    {"shared.flows"},
    {"shared.flow", "shared.references", "shared.environment"},
    {"shared.money", "shared.problems"},
    {"shared.readers"},
    {
        "shared.clock",
        "shared.comparison",
        "shared.errors",
        "shared.faults",
        "shared.logs",
        "shared.once",
        "shared.phrases",
        "shared.shadow_mode",
        "shared.stopping",
        "shared.telemetry",
        "shared.warming",
    },
]


def sources(root: Path = ROOT) -> list[Path]:
    """Every module of the app, migrations left out: they must not change with the code."""
    found = (path for folder in PACKAGES for path in (root / folder).rglob("*.py"))
    return sorted(path for path in found if "migrations" not in path.parts)


def name_of(path: Path, root: Path = ROOT) -> str:
    """The module's dotted name; a package's is that of its folder."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """A module's source, parsed once for all tests of `tests/structure` in this process; nobody changes it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Every module of ours that a file imports anywhere in it, each with whether that is for types only."""
    nodes = list(ast.walk(tree(path)))
    for_types = {
        id(node)
        for block in nodes
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    return tuple((name, id(node) in for_types) for node in nodes for name in _names(node))


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names if one.name.partition(".")[0] in PACKAGES)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0 and node.module.partition(".")[0] in PACKAGES:
        yield from (f"{node.module}.{one.name}" for one in node.names)


def graph(root: Path = ROOT) -> Mapping[str, set[str]]:
    """For each module the modules that it imports, in whatever way: at the top, inside a function, for types."""
    modules = {name_of(path, root): path for path in sources(root)}
    return {name: {_module(one, modules) for one, _typed in imports(path)} - {name, ""} for name, path in modules.items()}


def _module(imported: str, modules: Mapping[str, Path]) -> str:
    """The module of an imported name: itself, or that in which the name stands; none for what is not ours."""
    if imported in modules:
        return imported
    parent = imported.rpartition(".")[0]
    return parent if parent in modules else ""


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan), each sorted."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found
