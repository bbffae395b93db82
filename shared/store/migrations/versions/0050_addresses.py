"""Where contacts live, and the states that ManyChat reported of them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0050"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables, empty: what was reported before stands in the timeline."""
    op.create_table(
        "addresses",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("contact_id", types.BigId, nullable=False),
        sa.Column("street", sa.Unicode(255), nullable=True),
        sa.Column("district", sa.Unicode(100), nullable=True),
        sa.Column("city", sa.Unicode(100), nullable=True),
        sa.Column("state", sa.Unicode(100), nullable=True),
        sa.Column("country", sa.Unicode(100), nullable=True),
        sa.Column("fact_times", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_addresses_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_addresses_contact_id")),
    )
    op.create_table(
        "contact_states",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("contact_id", types.BigId, nullable=False),
        sa.Column("state", sa.Unicode(200), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("event_key", sa.Unicode(64), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_states_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_states")),
    )
    op.create_index(op.f("ix_contact_states_contact_id_at"), "contact_states", ["contact_id", "at"])


def downgrade() -> None:
    """Drop both, with all that is in them."""
    op.drop_table("contact_states")
    op.drop_table("addresses")
