"""A flow that somebody new writes costs no edit of what is there; a flow that nobody wants goes with its folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared import flows
from tests.conftest import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

OUTSIDER = Path(__file__).parent / "outsider"
APP = ("functions", "shared", "function_app.py", "host.json", "alembic.ini", "pyproject.toml")
SUPPORT = ("tests/__init__.py", "tests/conftest.py", "tests/support", "tests/structure")
INDEX = (
    "import function_app; from shared import flows; from shared.journeys import load;"
    "from shared.privacy.holdings import holdings;"
    "holdings(); load.definitions(); flows.parts('routers');"
    "print(sorted(one.get_function_name() for one in function_app.app.get_functions()))"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The app and what its tests need, in a folder of its own."""
    ignored = shutil.ignore_patterns("__pycache__", "outsider")
    for name in (*APP, *SUPPORT, "devhost", "sandbox"):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy(source, target)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python program in that folder."""
    whole = ENVIRONMENT | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False)


def test_flow_of_an_outsider_needs_no_edit(copy: Path) -> None:
    """A table, a vendor client, a sync, a journey and personal data: only new files, and the flow works from end to end."""
    shutil.copytree(OUTSIDER / "loyalty", copy / "functions/loyalty")
    versions = copy / "shared/store/migrations/versions"
    newest = max(path.name for path in versions.glob("[0-9]*.py"))[:4]
    migration = (OUTSIDER / "9000_loyalty.py").read_text().replace('"HEAD"', f'"{newest}"')
    (versions / "9000_loyalty.py").write_text(migration)
    shutil.copy(OUTSIDER / "try_loyalty.py", copy / "tests/test_loyalty.py")
    done = run(copy, "-m", "pytest", "tests/test_loyalty.py", "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "2 passed" in done.stdout
    rules = ("tests/structure/test_layers.py", "tests/structure/test_plain_words.py")
    structure = run(copy, "-m", "pytest", *rules, "-q", "-p", "no:cacheprovider", "-o", "addopts=")
    assert structure.returncode == 0, structure.stdout[-3000:]


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
        ('    title="Points of a loyalty programme",\n', "title"),
        ('    handlers=MappingProxyType({"shop.points": "functions.loyalty.triggers:HANDLER"}),\n', "`handlers`"),
    ],
    ids=["privacy", "clients", "title", "handlers"],
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
