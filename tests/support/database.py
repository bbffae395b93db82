"""What a test needs of the database's driver, whichever it is."""

from sqlalchemy import Engine

LOST = {
    "sqlite": ("unable to open database file",),
    "postgresql": ("server closed the connection unexpectedly",),
    "mssql": ("08S01", "[08S01] [Microsoft][ODBC Driver 18 for SQL Server]TCP Provider: Error code 0x68 (104) (SQLEndTran)"),
}


def lost_connection(engine: Engine) -> Exception:
    """The error with which the driver says that the database cannot be reached any more."""
    driver = engine.dialect.loaded_dbapi
    error: Exception = driver.OperationalError(*LOST[engine.dialect.name])
    return error
