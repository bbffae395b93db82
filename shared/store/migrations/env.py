"""Runs the migrations against the app's own database, or prints their SQL (`--sql`; `-x dialect=mssql` for Azure SQL)."""

from typing import Any

from alembic import context
from sqlalchemy import make_url

from shared import flows
from shared.settings import DatabaseSettings
from shared.store.models import Base
from shared.store.session import database_url, make_engine

flows.load_tables()
RENDERING: dict[str, Any] = {"user_module_prefix": "types."}


def offline() -> None:
    """Print the SQL instead of running it. Without a database at hand, `-x dialect=mssql` says for which one."""
    dialect = context.get_x_argument(as_dictionary=True).get("dialect")
    url = None if dialect else database_url(DatabaseSettings())
    # A connection would tell that the server knows NVARCHAR(max); without one the deprecated NTEXT would be written.
    is_mssql = (dialect or make_url(str(url)).get_backend_name()) == "mssql"
    options = {"deprecate_large_types": True} if is_mssql else {}
    context.configure(
        dialect_name=dialect,
        dialect_opts=options,
        url=url,
        target_metadata=Base.metadata,
        literal_binds=True,
        **RENDERING,
    )
    with context.begin_transaction():
        context.run_migrations()


def online() -> None:
    """Run the migrations, all in one transaction where the database can do that."""
    given = context.config.attributes.get("engine")
    engine = given or make_engine(database_url(DatabaseSettings()))
    try:
        with engine.connect() as connection:
            batch = engine.dialect.name == "sqlite"  # it cannot alter most of a table in place
            context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=batch, **RENDERING)
            with context.begin_transaction():
                context.run_migrations()
    finally:
        if given is None:
            engine.dispose()


if context.is_offline_mode():
    offline()
else:
    online()
