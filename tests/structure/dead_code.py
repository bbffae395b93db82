"""`python -m tests.structure.dead_code`: functions, methods and classes that the product itself never uses.

What only tests use counts as unused: a promise that no caller relies on is kept by nobody. Fields of models and settings are
left out, for they are read by name; unused imports are ruff's.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from vulture import Vulture

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = Path(__file__).with_suffix(".toml")
SOURCES = ["function_app.py", "functions", "shared", "devhost", "local", "sandbox", "bench", "deploy"]
CALLED_BY_A_DECORATOR = [
    "@*.get", "@*.post", "@*.put", "@*.patch", "@*.delete", "@*.route", "@*.exception_handler", "@*.middleware", "@app.*",
    "@router.*", "@rule", "@*validator", "@*field_serializer", "@event.listens_for", "@*.function_name", "@*_trigger",
]  # fmt: skip
ON_A_PAGE = re.compile(r"\.(\w+)")  # what a template of the console asks of what it is given
REFERENCE = re.compile(r'"[\w.{}]+:(\w+)"')  # `package.module:attribute`: how declarations name their parts
KINDS = {"function", "method", "class", "property"}


def found(paths: list[Path]) -> dict[str, str]:
    """Name -> where it stands, of what seems unused."""
    vulture = Vulture(ignore_decorators=CALLED_BY_A_DECORATOR)
    vulture.scavenge([str(path) for path in paths], exclude=["*/migrations/*"])
    unused: list[Any] = vulture.get_unused_code()
    named = {name for file in _files(paths, ".py") for name in REFERENCE.findall(file.read_text())}
    pages = [file for file in _files(paths, ".html") if file.parent.name == "pages"]
    named |= {name for file in pages for name in ON_A_PAGE.findall(file.read_text())}
    return {one.name: f"{one.filename}:{one.first_lineno}" for one in unused if one.typ in KINDS and one.name not in named}


def _files(paths: list[Path], kind: str) -> list[Path]:
    return [file for path in paths for file in (path.rglob(f"*{kind}") if path.is_dir() else [path]) if file.suffix == kind]


def allowed() -> set[str]:
    """The names that only seem unused."""
    groups: list[dict[str, Any]] = tomllib.loads(ALLOWED.read_text())["allowed"]
    return {name for group in groups for name in group["names"]}


def problems() -> list[str]:
    """One sentence for each name that is unused, or is allowed without need."""
    unused, known = found([ROOT / name for name in SOURCES]), allowed()
    dead = [f"{where}: nothing uses {name!r}" for name, where in unused.items() if name not in known]
    stale = [f"{ALLOWED.name}: {name!r} is used, or gone; take it out" for name in sorted(known - set(unused))]
    return dead + stale


if __name__ == "__main__":
    print("\n".join(problems()) or "no dead code")  # noqa: T201
    sys.exit(bool(problems()))
