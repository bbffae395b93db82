"""`python -m shared.store.migrate`: bring the database to the newest schema. Running it again changes nothing."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from shared.commands import start

ALEMBIC_INI = Path(__file__).resolve().parents[2] / "alembic.ini"


def upgrade(engine: Engine | None = None, revision: str = "head") -> None:
    """Apply all migrations up to `revision` to `engine`, or to the database that the settings name."""
    config = Config(ALEMBIC_INI)
    config.attributes["engine"] = engine
    command.upgrade(config, revision)


if __name__ == "__main__":
    start()
    upgrade(revision=sys.argv[1] if len(sys.argv) > 1 else "head")
