"""Commands on one machine take the settings of local.settings.json, and ask only for what they use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy.exc

from shared import commands
from shared.commands import ODOO, STORAGE, use_local_settings
from shared.errors import ConfigurationError
from shared.settings import load, setting_name, settings_class
from shared.store.migrate import upgrade
from shared.store.session import make_engine

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]


def written(folder: Path, values: dict[str, str], *, is_encrypted: bool = False) -> Path:
    """A settings file."""
    path = folder / "local.settings.json"
    path.write_text(json.dumps({"IsEncrypted": is_encrypted, "Values": values}))
    return path


def test_environment_wins_over_the_file_where_it_is_not_empty(tmp_path):
    """As with `func start`."""
    file = written(tmp_path, {"ODOO_DB": "file", "ODOO_URL": "http://file"})
    found = use_local_settings(environment={"ODOO_DB": "environment", "ODOO_URL": ""}, file=file)
    assert (found["ODOO_DB"], found["ODOO_URL"]) == ("environment", "http://file")


def test_what_is_not_used_is_not_asked_for(tmp_path, monkeypatch):
    """Every required setting is replaced by one that leads nowhere, so that the settings can be read."""
    for field in settings_class().model_fields:
        monkeypatch.delenv(setting_name(field), raising=False)
    for name, text in use_local_settings(environment={}, file=tmp_path / "none").items():
        monkeypatch.setenv(name, text)
    assert load().odoo_url == "http://odoo.invalid"


def test_what_is_used_is_asked_for(tmp_path):
    """A command that calls Odoo does not start with a made-up address."""
    found = use_local_settings(*ODOO, *STORAGE, environment={}, file=tmp_path / "none")
    assert set(found) == {"API_KEYS"}


def test_managed_identity_is_left_alone(tmp_path):
    """No connection string beside it, which would win."""
    name = "AzureWebJobsStorage__accountName"
    assert "AzureWebJobsStorage" not in use_local_settings(environment={name: "puente"}, file=tmp_path / "none")


def test_encrypted_or_broken_file_is_a_clear_mistake(tmp_path):
    """Core Tools encrypt by default."""
    with pytest.raises(ConfigurationError, match="decrypt"):
        use_local_settings(environment={}, file=written(tmp_path, {}, is_encrypted=True))
    (tmp_path / "local.settings.json").write_text("[")
    with pytest.raises(ConfigurationError, match="no JSON object"):
        use_local_settings(environment={}, file=tmp_path / "local.settings.json")


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of ours in a copy of the project that has nobody's settings but those given."""
    for name in ("shared", "functions", "alembic.ini"):
        if not (folder / name).exists():
            (folder / name).symlink_to(PROJECT / name)
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= bare | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_preview_needs_no_settings(tmp_path):
    """Nobody has to know a password to read a text."""
    done = command(tmp_path, "shared.messages.preview", "lead_welcome")
    assert done.returncode == 0, done.stderr
    assert "recibimos tu solicitud" in done.stdout


def test_forecast_needs_no_settings(tmp_path):
    """What somebody who enters now would get follows from the definition alone."""
    done = command(tmp_path, "shared.journeys", "lead_followup")
    assert done.returncode == 0, done.stderr
    assert "lead_welcome" in done.stdout


def test_odoo_setup_names_what_it_needs_and_nothing_else(tmp_path):
    """Not the keys of callers, not the storage account."""
    done = command(tmp_path, "shared.crm.odoo_setup", DATABASE_URL=f"sqlite:///{tmp_path}/none.db", ODOO_USERNAME="x")
    assert done.returncode == 2
    assert {"ODOO_URL", "ODOO_DB", "ODOO_PASSWORD"} <= set(done.stdout.replace(":", " ").split())
    assert "API_KEYS" not in done.stdout
    assert "AzureWebJobsStorage" not in done.stdout


def test_stage_map_goes_out_and_in_by_command(tmp_path):
    """With the database as the only setting."""
    url = f"sqlite:///{tmp_path}/puente.db"
    engine = make_engine(url)
    upgrade(engine)
    engine.dispose()
    file = tmp_path / "stages.csv"
    assert command(tmp_path, "shared.crm.stage_map", "export", str(file), DATABASE_URL=url).returncode == 0
    file.write_text(file.read_text().replace("Terminó AE", "Fin AE"))
    printed = command(tmp_path, "shared.crm.stage_map", "diff", str(file), DATABASE_URL=url)
    assert (printed.returncode, "+ Terminó Asesoría Médica = 23 Fin AE" in printed.stdout) == (1, True)
    assert command(tmp_path, "shared.crm.stage_map", "import", str(file), DATABASE_URL=url).returncode == 0
    assert command(tmp_path, "shared.crm.stage_map", "diff", str(file), DATABASE_URL=url).returncode == 0


@pytest.mark.parametrize("command", ["shared.journeys lead_followup --all", "shared.crm.stage_map export x.yaml"])
def test_a_database_without_tables_is_explained(command, tmp_path):
    """The first command of a fresh clone says what to do, in one line and without a trace."""
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}", "PYTHONPATH": str(PROJECT)}
    words = [sys.executable, "-m", *command.split()]
    done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)  # ours
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The database has no tables yet, or not all of them: run `python -m shared.store.migrate` (`make run` does it)."
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigurationError("ODOO_URL: Field required"), "ODOO_URL: Field required"),
        (sqlalchemy.exc.ProgrammingError("SELECT", {}, Exception("(208) Invalid object name 'leads'")), "no tables yet"),
        (sqlalchemy.exc.OperationalError("SELECT", {}, Exception("disk I/O error")), None),
        (ValueError("a mistake of ours"), None),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(error, text):
    """Everything else keeps its trace."""
    found = commands.explanation(error)
    assert (found is None) if text is None else (text in found)
