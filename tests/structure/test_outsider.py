"""A flow that somebody new writes costs no edit of what is there; a flow that nobody wants goes with its folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from shared import flows
from tests.conftest import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

OUTSIDER = Path(__file__).parent / "outsider"
APP = ("functions", "shared", "function_app.py", "host.json", "alembic.ini", "pyproject.toml")
NOT_OURS = (".git", ".venv", ".local", "node_modules", "__pycache__", ".*_cache", ".hypothesis")
SUPPORT = ("tests/__init__.py", "tests/conftest.py", "tests/support", "tests/payloads", "tests/structure")
INDEX = (
    "import function_app; from shared import flows; from shared.journeys import load;"
    "from shared.privacy.holdings import holdings;"
    "holdings(); load.definitions(); flows.parts('routers');"
    "print(sorted(one.get_function_name() for one in function_app.app.get_functions()))"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The app and what its tests need, in a folder of its own."""
    for name in (*APP, *SUPPORT, "devhost", "sandbox"):
        _copy(name, tmp_path)
    return tmp_path


def _copy(name: str, folder: Path) -> None:
    source, target = ROOT / name, folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "outsider"))
    else:
        shutil.copy(source, target)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python program in that folder."""
    whole = ENVIRONMENT | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False)


def test_flow_of_an_outsider_needs_no_edit(copy: Path) -> None:
    """A table, a vendor client, a sync, a journey and personal data: only new files, and the flow works from end to end."""
    add_loyalty(copy)
    done = run(copy, "-m", "pytest", "tests/test_loyalty.py", "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "3 passed" in done.stdout
    rules = ("tests/structure/test_layers.py", "tests/structure/test_plain_words.py")
    structure = run(copy, "-m", "pytest", *rules, "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    assert structure.returncode == 0, structure.stdout[-3000:]


def test_flow_of_an_outsider_edits_only_what_is_generated(tmp_path: Path) -> None:
    """After `make docs` no other file that was there is changed, and what holds documents and template to the code passes."""
    copy = tmp_path / "project"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_OURS))
    before = _contents(copy)
    add_loyalty(copy)
    written = run(copy, "-m", "local.docs")
    assert written.returncode == 0, written.stderr[-2000:]
    after = _contents(copy)
    changed = {name for name in before if after[name] != before[name]}
    generated = {line.removesuffix(" written") for line in written.stdout.splitlines()}
    assert generated >= {"README.md", "docs/flows.md", "docs/settings.md", "docs/deploy.md", "infra/main.bicepparam"}
    assert changed <= generated
    assert "STAMPS_API_KEY: 'optional'" in (copy / "infra/main.bicepparam").read_text()
    checks = (
        "tests/docs/test_docs.py",
        "tests/flows/test_payloads.py",
        "tests/infra/test_code_and_template.py",
        "tests/infra/test_documents.py",
        "tests/structure/test_locks.py",
        "tests/flows/test_template_variables.py",
        "tests/functions/console/test_console_words.py",
        "tests/unit/intake/test_intake_auth.py",
        "tests/unit/outbox/test_shadow.py",
        "tests/unit/vendors/test_vendor_registry.py",
    )
    held = run(copy, "-m", "pytest", *checks, "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    assert held.returncode == 0, held.stdout[-3000:]


def add_loyalty(folder: Path) -> None:
    """The outsider's flow, with its migration behind the newest one and its test."""
    shutil.copytree(OUTSIDER / "loyalty", folder / "functions/loyalty", ignore=shutil.ignore_patterns("__pycache__"))
    versions = folder / "shared/store/migrations/versions"
    newest = ScriptDirectory(str(versions.parent)).get_current_head()
    migration = (OUTSIDER / "9000_loyalty.py").read_text().replace('"HEAD"', f'"{newest}"')
    (versions / "9000_loyalty.py").write_text(migration)
    shutil.copy(OUTSIDER / "try_loyalty.py", folder / "tests/test_loyalty.py")
    if (folder / "tests/lab").is_dir():
        shutil.copy(OUTSIDER / "waiting.py", folder / "tests/lab/waiting/loyalty.py")
    (folder / "tests/payloads/shop.points").mkdir()
    shutil.copy(OUTSIDER / "points.json", folder / "tests/payloads/shop.points")


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", [flow.name for flow in flows.installed() if flow.optional])
def test_optional_flow_goes_with_its_folder(copy: Path, name: str) -> None:
    """What requires it goes with it; the rest imports, indexes, and keeps the rules of the structure."""
    gone = {name}
    while more := {flow.name for flow in flows.installed() if gone & set(flow.requires)} - gone:
        gone |= more
    for one in gone:
        shutil.rmtree(copy / "functions" / one)
    index = run(copy, "-c", INDEX)
    assert index.returncode == 0, index.stderr[-2000:]
    assert "zz_web" in index.stdout
    structure = run(copy, "-m", "pytest", "tests/structure/test_layers.py", "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    assert structure.returncode == 0, structure.stdout[-3000:]


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        ('    privacy="functions.loyalty.privacy:PERSONAL_DATA",\n', "say in `privacy`"),
        ('    clients=("functions.loyalty.stamps:STAMPS",),\n', "name their clients in `clients`"),
        ('    senders=("shop",),\n', "senders=('shop',)"),
        ("    has_journeys=True,\n", "has_journeys=True"),
        ('    title="Points of a loyalty programme",\n', "title"),
        ('    handlers=MappingProxyType({"shop.points": "functions.loyalty.triggers:HANDLER"}),\n', "`handlers`"),
    ],
    ids=["privacy", "clients", "senders", "journeys", "title", "handlers"],
)
def test_what_a_declaration_lacks_fails_at_import(copy: Path, without: str, sentence: str) -> None:
    """With a sentence that says what to add."""
    shutil.copytree(OUTSIDER / "loyalty", copy / "functions/loyalty")
    declaration = copy / "functions/loyalty/flow.py"
    text = declaration.read_text()
    assert without in text
    declaration.write_text(text.replace(without, ""))
    done = run(copy, "-c", "import function_app")
    assert done.returncode != 0
    assert sentence in done.stderr
