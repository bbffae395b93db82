"""The migrations on PostgreSQL."""

import os

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from shared.store.models import Base

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not os.environ.get("TEST_DATABASE_URL", "").startswith("postgresql"), reason="make test-lab"),
]


def test_migrations_make_what_the_models_say(lab: Engine) -> None:
    """Every table, column, key and index, and nothing else."""
    with lab.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
