"""The database around a deployment: a user for the app's identity, and migrations under the identity of who deploys.

The app may read and write rows; tables are changed from here only.
"""

import ast
import re
import struct
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from deploy.azure import Azure
from deploy.console import DeployError, say
from shared.store import migrate
from shared.store.session import LOGIN_SECONDS

TOKEN_ATTRIBUTE = 1256  # SQL_COPT_SS_ACCESS_TOKEN of msodbcsql.h
SQL_SCOPE = "https://database.windows.net/.default"
ROLES = ("db_datareader", "db_datawriter")
NUMBERED_BY_OTHERS = ("advisors", "campaigns")  # rows may come with a number of their own: SET IDENTITY_INSERT needs ALTER
DESTRUCTIVE = ("drop_column", "drop_table", "drop_constraint", "alter_column", "rename_table")
_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")


def engine(server: str, database: str, token: str) -> Engine:
    """An engine that logs in with a Microsoft Entra token; each connection is new, for the token lives an hour."""
    import pyodbc  # type: ignore[import-not-found]  # compiled, without types

    address = f"Driver={{ODBC Driver 18 for SQL Server}};Server=tcp:{server},1433;Database={database};Encrypt=yes"

    def connect() -> Any:
        return pyodbc.connect(address, timeout=LOGIN_SECONDS, attrs_before={TOKEN_ATTRIBUTE: packed(token)})

    return create_engine("mssql+pyodbc://", creator=connect, poolclass=NullPool, hide_parameters=True)


def packed(token: str) -> bytes:
    """A token as the driver takes it: its length in bytes, then UTF-16 in little-endian order."""
    encoded = token.encode("utf-16-le")
    return struct.pack(f"<I{len(encoded)}s", len(encoded), encoded)


def user_statements(name: str, client_id: str) -> list[str]:
    """T-SQL that makes the app's identity a user who reads and writes rows. Running it again changes nothing.

    The user is named by its client id (as SID), so that the server need not look it up in Microsoft Entra, which it may
    not without a directory role. An identity that was made anew under the same name replaces its predecessor.

    Raises:
        DeployError: the name is none of ours.
    """
    if not _NAME.fullmatch(name):
        raise DeployError(f"{name!r} is no name of an identity")
    sid = "0x" + uuid.UUID(client_id).bytes_le.hex().upper()
    of_name = f"SELECT 1 FROM sys.database_principals WHERE name = N'{name}'"  # noqa: S608  # checked above
    return [
        f"IF EXISTS ({of_name} AND sid <> {sid}) DROP USER [{name}]",
        f"IF NOT EXISTS ({of_name}) CREATE USER [{name}] WITH SID = {sid}, TYPE = E",
        *(f"ALTER ROLE {role} ADD MEMBER [{name}]" for role in ROLES),
    ]


def number_statements(name: str) -> list[str]:
    """T-SQL that lets the app insert rows under numbers that others gave, in the tables where that happens, and only there.

    Raises:
        DeployError: the name is none of ours.
    """
    if not _NAME.fullmatch(name):
        raise DeployError(f"{name!r} is no name of an identity")
    return [f"GRANT ALTER ON OBJECT::dbo.{table} TO [{name}]" for table in NUMBERED_BY_OTHERS]


def allow_numbers(bind: Engine, name: str) -> None:
    """Grant the app what `number_statements` says; the tables must be there. Running it again changes nothing."""
    with bind.connect() as connection:
        for statement in number_statements(name):
            connection.execute(text(statement))
        connection.commit()


def ensure_user(connection: Connection, name: str, client_id: str) -> None:
    """Make the app's identity a user of the database."""
    for statement in user_statements(name, client_id):
        connection.execute(text(statement))
    connection.commit()
    say(f"{name} may read and write rows")


def pending(connection: Connection, scripts: ScriptDirectory | None = None) -> list[Script]:
    """The migrations that the database lacks, oldest first."""
    directory = scripts or ScriptDirectory.from_config(Config(migrate.ALEMBIC_INI))
    current = MigrationContext.configure(connection).get_current_revision()
    return list(reversed(list(directory.iterate_revisions("head", current or "base"))))


def breaks_expand_contract(scripts: Iterable[Script], *, is_new: bool = False) -> list[str]:
    """What is wrong with deploying these migrations together, one sentence each; empty where nothing is.

    While a deployment runs, the old code works on the new schema. So what a migration takes away must have been out of use
    in the code *before* this deployment: it names, as `contracts = "<revision>"`, the earlier migration that came with the
    code that stopped using it, and that one must be in the database already; in a new database no old code runs.
    """
    listed = list(scripts)
    waiting = {script.revision for script in listed}
    faults = []
    for script in listed:
        if not (taken := takes_away(Path(script.path))):
            continue
        prepared = getattr(script.module, "contracts", None)
        if prepared is None:
            faults.append(f"{script.revision} uses {', '.join(taken)} and names no `contracts`")
        elif prepared in waiting and not is_new:
            faults.append(f"{script.revision} takes away what the code before {prepared} uses: deploy {prepared} first")
    return faults


def takes_away(path: Path) -> list[str]:
    """The operations in a migration's `upgrade` that old code may not survive."""
    tree = ast.parse(path.read_text("utf-8"))
    upgrades = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    named = {node.attr for upgrade in upgrades for node in ast.walk(upgrade) if isinstance(node, ast.Attribute)}
    return sorted(named.intersection(DESTRUCTIVE))


def bring_up_to_date(bind: Engine, name: str, client_id: str) -> None:
    """The user, all pending migrations, then the rights that need tables. Running it again changes nothing.

    Raises:
        DeployError: the migrations would break the code that runs now; nothing was migrated.
    """
    with bind.connect() as connection:
        ensure_user(connection, name, client_id)
        waiting = pending(connection)
        is_empty = MigrationContext.configure(connection).get_current_revision() is None
    if faults := breaks_expand_contract(waiting, is_new=is_empty):
        raise DeployError("the migrations cannot go out together:\n  " + "\n  ".join(faults))
    migrate.upgrade(bind)
    allow_numbers(bind, name)
    say(f"{len(waiting)} migrations applied" if waiting else "the database is up to date")


def logged_in(azure: Azure, server: str, database: str) -> Engine:
    """An engine as who deploys, proven by one connection.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refuses, or cannot be reached.
    """
    made = engine(server, database, azure.token(SQL_SCOPE))
    with made.connect():
        return made
