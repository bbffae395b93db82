"""What `make run` installs: only what is missing, both kinds at once, with its progress, and a clear end where it fails."""

import json
import re
import sys
from pathlib import Path

import pytest

from local import install
from local.install import InstallError, Task

LOCK = {"packages": {"": {}, "node_modules/a": {"version": "1.0.0"}, "node_modules/b": {"version": "2.0.0", "optional": True}}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one Python package and one npm package, nothing of it installed."""
    monkeypatch.setattr(install, "ROOT", tmp_path)
    (tmp_path / "requirements-run.txt").write_text("# pins\nSome.Package==1.2\n    # via -r requirements-run.in\n")
    (tmp_path / "package-lock.json").write_text(json.dumps(LOCK))
    return tmp_path


def have_python(project: Path, version: str) -> None:
    """A virtual environment with that version of the package."""
    site = project / ".venv" / "lib" / "python3.13" / "site-packages"
    for name in ("pip", f"some_package-{version}.dist-info"):
        (site / name).mkdir(parents=True, exist_ok=True)


def have_npm(project: Path, version: str = "1.0.0") -> None:
    """What npm leaves behind; it does not list optional packages of other systems."""
    (project / "node_modules").mkdir()
    packages = {"packages": {"node_modules/a": {"version": version}}}
    (project / "node_modules" / ".package-lock.json").write_text(json.dumps(packages))


def test_nothing_is_run_where_all_is_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second `make run` starts at once and prints nothing of this."""
    have_python(project, "1.2")
    have_npm(project)
    assert install.main(["requirements-run.txt"]) == 0
    assert capsys.readouterr().out == ""


def test_only_what_is_missing_is_installed(project: Path) -> None:
    """A changed pin means pip and not npm; a changed lock file npm and not pip."""
    requirements = project / "requirements-run.txt"
    have_python(project, "1.1")
    have_npm(project)
    (packages,) = install.python_packages(requirements)
    assert packages.command[1:4] == ["-m", "pip", "install"]
    assert install.azurite() == []
    (project / "package-lock.json").write_text(json.dumps(LOCK).replace("1.0.0", "1.0.1"))
    (azurite,) = install.azurite()
    assert azurite.command[:2] == ["npm", "ci"]


def test_no_npm_is_said_in_one_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything else is begun."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InstallError, match=r"Node\.js 20"):
        install.azurite()


def test_progress_is_counted(project: Path) -> None:
    """What pip fetches by its lines, what is installed by what is there."""
    have_python(project, "1.1")
    (packages,) = install.python_packages(project / "requirements-run.txt")
    assert packages.progress([]) == "0 of 1 fetched"
    assert packages.progress(["Collecting Some.Package==1.2"]) == "1 of 1 fetched"
    assert packages.progress(["Installing collected packages: x"]) == "0 of 1 installed"
    have_python(project, "1.2")
    assert packages.progress(["Installing collected packages: x"]) == "1 of 1 installed"


def test_tasks_run_side_by_side_and_show_how_far_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each waits for the other here, so one after the other would never end."""
    monkeypatch.setattr(install, "LOG_SECONDS", 0.05)
    program = (
        "import pathlib, sys, time\nmine, other = map(pathlib.Path, sys.argv[1:])\nmine.touch()\n"
        "while not other.exists(): time.sleep(0.01)\n"
    )
    names = [str(tmp_path / name) for name in ("a", "b")]
    tasks = [Task(pair[0][-1], [sys.executable, "-c", program, *pair], lambda _lines: "half") for pair in (names, names[::-1])]
    install.watch(tasks)
    lines = capsys.readouterr().out.splitlines()
    assert "a: half; b: half" in lines[0]
    assert "a: ready; b: ready" in lines[-1]


def test_failure_tells_what_the_program_printed_and_ends_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason stands in the last lines of pip or npm."""
    failing = Task("a", [sys.executable, "-c", "print('no such version'); raise SystemExit(3)"], lambda _lines: "")
    endless = Task("b", [sys.executable, "-c", "import threading; threading.Event().wait()"], lambda _lines: "")
    with pytest.raises(InstallError, match="no such version"):
        install.watch([endless, failing])
    assert endless.process.wait(30) != 0


def test_run_needs_none_of_the_tools_of_the_tests() -> None:
    """The pins of `make run` are those of the app and of the host; the tests' come on top, in the same versions."""
    root = Path(__file__).resolve().parents[3]
    app, run, tests = (
        install.pins((root / f"requirements{name}.txt").read_text(encoding="utf-8")) for name in ("", "-run", "-dev")
    )
    assert app < run < tests
    assert not {"pytest", "mypy", "ruff", "hypothesis", "stripe"} & {name for name, _ in run}


@pytest.mark.parametrize("name", ["", "-run", "-dev"])
def test_every_pinned_package_has_its_hashes(name: str) -> None:
    """A package that was changed after it was pinned is not installed; no index stands in the file."""
    text = (Path(__file__).resolve().parents[3] / f"requirements{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE))
    assert len(install.pins(text)) == len([block for block in blocks if "--hash=sha256:" in block]) > 20
    assert not re.search(r"^--|://", text, re.MULTILINE)
