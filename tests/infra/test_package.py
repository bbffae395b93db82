"""The package as it is deployed: what is needed and nothing else, importable with requirements.txt alone, well indexed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from deploy import package
from tests.conftest import ENVIRONMENT
from tests.infra.conftest import ROOT

WORKER = "azure-functions-runtime"
# Runs in the empty environment: Microsoft's worker library loads and indexes the package as it does in Azure.
INDEX = """
import asyncio, json
from pathlib import Path
from devhost.worker import Worker
print(json.dumps(sorted(function.name for function in asyncio.run(Worker(Path.cwd()).load()))))
"""


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, made as azd makes it: every file that .funcignore does not leave out."""
    return package.build(tmp_path_factory.mktemp("package") / "puente.zip")


@pytest.fixture(scope="session")
def names(archive: Path) -> list[str]:
    """The paths in the zip."""
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_package_holds_what_the_host_needs(names: list[str]) -> None:
    """The entry point, the host's configuration, what remote build installs, the app, its migrations."""
    for needed in ("function_app.py", "host.json", "requirements.txt", "alembic.ini", "shared/store/migrations/env.py"):
        assert needed in names
    for folder in ("functions", "shared"):
        tracked = subprocess.run(
            ["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
        assert set(tracked) <= set(names)


def test_package_holds_nothing_else(names: list[str]) -> None:
    """No test, no local data, no template, no development tool, no secret file."""
    allowed = re.compile(r"(function_app\.py|host\.json|requirements\.txt|alembic\.ini|(functions|shared)/.+)$")
    assert [name for name in names if not allowed.match(name)] == []
    assert [name for name in names if re.search(r"__pycache__|\.pyc$|(^|/)\.|\.db$|local\.settings|test_", name)] == []


def test_package_is_small_and_the_same_every_time(archive: Path, tmp_path: Path) -> None:
    """Two builds of the same files are the same bytes, so that a deployment can be told from another by its hash."""
    again = package.build(tmp_path / "again.zip")
    assert archive.read_bytes() == again.read_bytes()
    assert archive.stat().st_size < 5_000_000


def test_new_top_level_file_stays_out(tmp_path: Path) -> None:
    """What nobody has named is not deployed: notes, dumps, keys that somebody left lying about."""
    (tmp_path / ".funcignore").write_text((ROOT / ".funcignore").read_text())
    for name in ("function_app.py", "dump.sql", ".env", "shared/new.py", "shared/__pycache__/x.pyc", "tests/test_x.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert package.files(tmp_path) == [Path("function_app.py"), Path("shared/new.py")]


@pytest.fixture(scope="session")
def empty_environment() -> Path:
    """An environment with requirements.txt and the worker's library only, kept until requirements.txt changes."""
    wanted = (ROOT / "requirements.txt").read_bytes() + sys.version.encode()
    place = ROOT / ".local" / "package-env" / hashlib.sha256(wanted).hexdigest()[:16]
    python = place / "bin" / "python"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run of the tests may be making it
        if not (place / "complete").exists():
            make_environment(place, python)
    return python


def make_environment(place: Path, python: Path) -> None:
    """Install what the package may use into a new environment, and drop those of earlier requirements."""
    for old in place.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    venv.create(place, with_pip=True, clear=True)
    pin = re.search(rf"^{WORKER}==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert pin is not None, "requirements-dev.txt pins the worker's library"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", str(ROOT / "requirements.txt")], check=True)
    subprocess.run([*install, pin[0]], check=True)  # apart: beside hashes pip takes nothing without one
    (place / "complete").touch()


@pytest.fixture(scope="session")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the host finds it: unpacked, with nothing of the checkout beside it."""
    place = tmp_path_factory.mktemp("wwwroot")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(place)
    return place


def run(python: Path, code: str, place: Path, *path: Path) -> str:
    """What `code` prints, with the variables of a bare machine and the app's settings."""
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": os.pathsep.join(map(str, path))}
    whole = bare | ENVIRONMENT
    done = subprocess.run([str(python), "-c", code], cwd=place, env=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_package_is_indexed_in_an_empty_environment(empty_environment: Path, unpacked: Path, tmp_path: Path) -> None:
    """With requirements.txt alone the worker finds the functions that the README documents, no more and no fewer."""
    shutil.copytree(ROOT / "devhost", tmp_path / "devhost")  # how the worker library is called; nothing of it is in the package
    report = run(empty_environment, INDEX, unpacked, tmp_path)
    documented = re.findall(r"^\| `([a-z_0-9]+)` \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert json.loads(report.splitlines()[-1]) == sorted(documented)


@pytest.mark.slow
def test_every_module_of_the_package_imports(empty_environment: Path, unpacked: Path) -> None:
    """Also what is imported on first use only is there: no module needs a development package."""
    code = (
        "import importlib, pkgutil, functions, shared\n"
        "for p in (functions, shared):\n"
        "    for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.'):\n"
        "        if '.migrations' not in m.name and not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
    )
    run(empty_environment, code, unpacked)
