"""The app's user of the database, migrations in the right order, tokens as the driver takes them."""

from __future__ import annotations

import struct
import sys
import textwrap
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from deploy import database
from deploy.console import DeployError
from shared.store import migrate, widening
from shared.store import session as store
from shared.store.models import Base
from tests.support.described import openapi

CLIENT = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
VERSIONS = sorted((Path(migrate.__file__).parent / "migrations/versions").glob("*.py"))


def test_user_is_named_by_its_client_id_in_the_server_s_byte_order() -> None:
    """SQL Server writes a GUID's first three parts in little-endian order; read back it is the client id."""
    create = database.user_statements("id-puente-prod-x", CLIENT)[1]
    sid = create.partition("SID = 0x")[2].partition(",")[0]
    assert uuid.UUID(bytes_le=bytes.fromhex(sid)) == uuid.UUID(CLIENT)
    assert sid.startswith("FF19966F868B11D0")


def test_user_may_read_and_write_rows_and_nothing_more() -> None:
    """No right to change tables, none to grant."""
    statements = database.user_statements("id-puente-prod-x", CLIENT)
    assert [line for line in statements if line.startswith("ALTER ROLE")] == [
        "ALTER ROLE db_datareader ADD MEMBER [id-puente-prod-x]",
        "ALTER ROLE db_datawriter ADD MEMBER [id-puente-prod-x]",
    ]
    assert not any(word in " ".join(statements) for word in ("db_owner", "db_ddladmin", "GRANT"))


@pytest.mark.slow
def test_numbers_of_others_may_be_inserted_where_the_api_takes_them(environment: pytest.MonkeyPatch) -> None:
    """A new advisor or campaign may come with its number, and SET IDENTITY_INSERT needs ALTER on its table; no other grant."""
    assert database.number_statements("id-puente-prod-x") == [
        "GRANT ALTER ON OBJECT::dbo.advisors TO [id-puente-prod-x]",
        "GRANT ALTER ON OBJECT::dbo.campaigns TO [id-puente-prod-x]",
    ]
    bodies = openapi()["components"]["schemas"]
    assert {name for name in bodies if name.startswith("New") and "id" in bodies[name]["properties"]} == {
        "NewAdvisor",
        "NewCampaign",
    }


@pytest.mark.parametrize("name", ["x]; DROP TABLE contacts; --", "o'brien", ""])
def test_name_that_is_none_is_refused(name: str) -> None:
    """The name goes into statements that take no parameters, so nothing but a plain name is let in."""
    with pytest.raises(DeployError):
        database.user_statements(name, CLIENT)
    with pytest.raises(DeployError):
        database.number_statements(name)


def test_a_login_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver takes no time-out from its connection string; it is an argument of its own."""
    given: list[tuple[str, dict[str, object]]] = []
    driver = SimpleNamespace(connect=lambda address, **named: given.append((address, named)))
    monkeypatch.setitem(sys.modules, "pyodbc", driver)
    monkeypatch.setattr(database, "create_engine", lambda _url, creator, **_named: creator())
    database.engine("server", "puente", "token")
    ((address, named),) = given
    assert "imeout" not in address
    assert named["timeout"] == store.LOGIN_SECONDS


def test_token_is_packed_as_the_driver_reads_it() -> None:
    """Four bytes of length, then the text in UTF-16."""
    whole = database.packed("abc")
    (length,) = struct.unpack("<I", whole[:4])
    assert whole[4:].decode("utf-16-le") == "abc"
    assert length == len(whole) - 4


def test_empty_database_gets_the_newest_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """User first, then every migration; a second deployment finds nothing to do."""
    lines: list[str] = []
    users: list[tuple[str, str]] = []
    monkeypatch.setattr(database, "say", lines.append)
    monkeypatch.setattr(database, "ensure_user", lambda _connection, *user: users.append(user))
    allowed: list[set[str]] = []
    monkeypatch.setattr(database, "allow_numbers", lambda bind, _name: allowed.append(tables(bind)))
    engine = store.make_engine(f"sqlite:///{tmp_path / 'new.db'}")
    for _ in range(2):
        database.bring_up_to_date(engine, "id-x", CLIENT)
    assert users == [("id-x", CLIENT)] * 2
    assert lines == [f"{len(VERSIONS)} migrations applied", "the database is up to date"]
    assert "contacts" in tables(engine)
    assert all(set(database.NUMBERED_BY_OTHERS) <= there for there in allowed)
    engine.dispose()


def tables(engine: Engine) -> set[str]:
    """The tables of a database."""
    from sqlalchemy import inspect

    return set(inspect(engine).get_table_names())


def script(folder: Path, name: str, upgrade: str, contracts: str | None = None) -> Any:
    """A migration as Alembic lists it."""
    path = folder / f"{name}.py"
    path.write_text(
        "def upgrade() -> None:\n" + textwrap.indent(upgrade, "    ") + "\ndef downgrade() -> None:\n    op.drop_table('x')\n"
    )
    return SimpleNamespace(
        revision=name, path=str(path), module=SimpleNamespace(**({"contracts": contracts} if contracts else {}))
    )


def test_adding_is_always_allowed(tmp_path: Path) -> None:
    """The code that runs meanwhile does not see what is new; what a downgrade does is no concern."""
    assert database.breaks_expand_contract([script(tmp_path, "0002", "op.create_table('x')\nop.add_column('y', 'z')")]) == []


def test_a_longer_text_takes_nothing_away(tmp_path: Path) -> None:
    """Old code survives it; every other change of a column it may not."""
    wider = "widening.widen('contacts', 'city', sa.Unicode(20), sa.Unicode(64), nullable=True)"
    assert database.breaks_expand_contract([script(tmp_path, "0002", wider)]) == []
    with pytest.raises(ValueError, match=r"contacts\.city: 20 letters are not more than 64"):
        widening.widen("contacts", "city", sa.Unicode(64), sa.Unicode(20), nullable=True)


def test_taking_away_needs_an_earlier_deployment(tmp_path: Path) -> None:
    """A column that this very release stops using must not go before the old code has gone."""
    expand = script(tmp_path, "0002", "op.add_column('contacts', 'full_name')")
    contract = script(tmp_path, "0003", "with op.batch_alter_table('contacts') as b:\n    b.drop_column('first_name')", "0002")
    assert database.breaks_expand_contract([contract]) == []
    (fault,) = database.breaks_expand_contract([expand, contract])
    assert "deploy 0002 first" in fault


def test_taking_away_without_saying_since_when_is_refused(tmp_path: Path) -> None:
    """Whoever takes away says which migration prepared it."""
    (fault,) = database.breaks_expand_contract([script(tmp_path, "0004", "op.drop_table('old')")])
    assert "drop_table" in fault
    assert "contracts" in fault


def test_nothing_is_migrated_where_the_order_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal comes before the first migration."""
    wrong = script(tmp_path, "0009", "op.drop_table('contacts')")
    monkeypatch.setattr(database, "ensure_user", lambda *_: None)
    monkeypatch.setattr(database, "pending", lambda _connection: [wrong])
    monkeypatch.setattr(migrate, "upgrade", lambda _engine: pytest.fail("migrated"))
    engine = store.make_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(DeployError, match="cannot go out together"):
        database.bring_up_to_date(engine, "id-x", CLIENT)
    engine.dispose()


def test_our_own_migrations_keep_to_the_order() -> None:
    """Every migration after the first that takes something away names what prepared it, an earlier one."""
    directory = ScriptDirectory.from_config(Config(migrate.ALEMBIC_INI))
    revisions = [one.revision for one in reversed(list(directory.walk_revisions()))]
    for one in directory.walk_revisions():
        if database.takes_away(Path(one.path)):
            prepared = getattr(one.module, "contracts", None)
            assert prepared in revisions[: revisions.index(one.revision)], f'{one.revision}: say `contracts = "<revision>"`'


def test_migrated_schema_is_the_models(tmp_path: Path) -> None:
    """What the deployment makes is what the code expects: no table more or less."""
    engine = store.make_engine(f"sqlite:///{tmp_path / 'x.db'}")
    migrate.upgrade(engine)
    assert tables(engine) - {"alembic_version"} == set(Base.metadata.tables)
    engine.dispose()
