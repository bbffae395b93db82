"""Erasing from a deployed environment: with the operator's own identity, and the doors shut afterwards."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from deploy import database
from deploy import erase as command
from deploy.console import DeployError
from shared.settings import get_settings
from shared.store.models import Contact
from shared.store.session import transact
from tests.infra.pretend_azure import ADDRESS, VAULT, PretendAzure


@pytest.fixture
def pretend(database: Engine, environment: pytest.MonkeyPatch) -> PretendAzure:
    """An environment whose database is this test's, reached only through the door."""
    for name, value in {
        "AZURE_SUBSCRIPTION_ID": "s",
        "AZURE_RESOURCE_GROUP": "g",
        "AZURE_SQL_SERVER_NAME": "sql-x",
        "AZURE_SQL_SERVER_ADDRESS": "sql-x.database.windows.net",
        "AZURE_SQL_DATABASE": "puente",
        "AZURE_KEY_VAULT_URL": VAULT,
        "AZURE_STORAGE_NAME": "stx",
        "AzureWebJobsStorage__accountName": "",
    }.items():
        environment.setenv(name, value)
    return PretendAzure(secrets={"api-keys": '[{"name": "crm", "key": "k"}]', "odoo-password": "from the vault"})


def test_person_is_erased_through_the_door(
    pretend: PretendAzure, database: Engine, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The firewall lets in our address, the person is gone, the firewall is as before; the password came from the vault."""

    def logged_in(*_: object) -> Engine:
        pretend.connect()
        assert pretend.sql_rules == {"puente-deployment": ADDRESS}
        return database

    environment.setattr(command.database, "logged_in", logged_in)
    environment.setattr("deploy.door.until", _until)
    transact(lambda session: session.add(Contact(manychat_id="77", first_name="Eva")))
    assert command.run(["--manychat-id", "77", "--apply", "--odoo", "skip"], pretend.azure()) == 0
    with Session(database) as session:
        assert session.scalars(select(Contact)).all() == []
    assert pretend.sql_rules == {}
    assert get_settings().odoo_password.get_secret_value() == "from the vault"
    assert "from the vault" not in capsys.readouterr().out


def _until(attempt, _seconds, *, what, pause=0):  # the door's waiting, without the waiting
    while (found := attempt()) is None:
        pass
    return found


def test_missing_secret_is_named(pretend: PretendAzure) -> None:
    """Nothing is opened where Odoo's password is not there."""
    del pretend.secrets["odoo-password"]
    with pytest.raises(DeployError, match="ODOO_PASSWORD is not in the vault"):
        command.run(["--manychat-id", "77"], pretend.azure())
    assert pretend.calls == []


def test_engine_logs_in_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver gets the address, no user, no password, and the token as its attribute."""
    asked: list[tuple[str, dict[int, bytes]]] = []

    class Driver:
        paramstyle = "qmark"

        @staticmethod
        def connect(address: str, attrs_before: dict[int, bytes], timeout: int) -> None:
            assert timeout > 0
            asked.append((address, attrs_before))
            raise ConnectionError("far enough")

    monkeypatch.setitem(__import__("sys").modules, "pyodbc", Driver)
    monkeypatch.setattr(database, "create_engine", lambda _url, creator, **_options: creator)
    with pytest.raises(ConnectionError):
        database.engine("sql-x.database.windows.net", "puente", "token")()
    ((address, attributes),) = asked
    assert "PWD" not in address.upper()
    assert "UID" not in address.upper()
    assert "Server=tcp:sql-x.database.windows.net,1433;Database=puente;Encrypt=yes" in address
    assert attributes == {database.TOKEN_ATTRIBUTE: database.packed("token")}
