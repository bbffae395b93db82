"""Who may import whom, as docs/design.md says; and what the webhooks may not load before they are called."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A package may import those below its own line, and itself.
LAYERS = [
    {"functions"},
    {"shared.web", "shared.importer"},
    {"shared.sequences"},
    {"shared.leads"},
    {"shared.journeys"},
    {"shared.messages"},
    {"shared.crm", "shared.watch", "shared.privacy", "shared.retention"},
    {"shared.intake"},
    {"shared.alerts", "shared.discord"},
    {"shared.outbox"},
    {"shared.vendors", "shared.store", "shared.queues"},
    {"shared.settings", "shared.setting_groups", "shared.setting_types", "shared.setting_dates", "shared.setting_limits"},
    {"shared.clock", "shared.errors", "shared.faults", "shared.logs", "shared.telemetry"},
]
# Data that a lower layer needs as well: the stages that Odoo's set-up checks and the first migration writes.
SHARED_DATA = {"shared.crm.stages"}


def layer(module: str) -> tuple[int, str] | None:
    """The number of the module's line (0 is the top) and the package that stands there."""
    for number, packages in enumerate(LAYERS):
        for package in packages:
            if module == package or module.startswith(package + "."):
                return number, package
    return None


def imports(path: Path) -> Iterator[str]:
    """Every module of ours that the file imports anywhere in it, type-only imports left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def sources() -> list[Path]:
    """Every module of the app."""
    found = (path for folder in ("functions", "shared") for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if "versions" not in path.parts and path != ROOT / "shared/__init__.py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    """A module imports its own package and what lies below it, nothing above and nothing beside."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    own = layer(module)
    if own is None:
        pytest.fail(f"{module} stands in no layer: add its package to LAYERS")
    for imported in imports(path):
        other = layer(imported)
        if other is None or imported.startswith(tuple(SHARED_DATA)) or other[1] == own[1]:
            continue
        assert other[0] >= own[0], f"{module} imports {imported}, which stands above it"


def test_webhooks_start_without_the_heavy_libraries() -> None:
    """Importing the app loads neither SQL nor HTTP clients nor FastAPI nor the storage SDK."""
    heavy = ["sqlalchemy", "requests", "fastapi", "azure.storage.queue", "azure.storage.blob", "alembic", "phonenumbers"]
    code = f"import sys, function_app; print([name for name in {heavy} if name in sys.modules])"
    from tests.conftest import ENVIRONMENT

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
