"""People: their identities in all systems, and the links that join them or keep them apart."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three tables; they fill from the next event of each person on."""
    op.create_table(
        "people",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("moved_to", types.BigId, nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.ForeignKeyConstraint(["moved_to"], ["people.id"], name=op.f("fk_people_moved_to")),
    )
    op.create_index(op.f("ix_people_moved_to"), "people", ["moved_to"])
    op.create_table(
        "identities",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("kind", sa.Unicode(length=30), nullable=False),
        sa.Column("value", sa.Unicode(length=254), nullable=False),
        sa.Column("person_id", types.BigId, nullable=True),
        sa.Column("is_proven", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("seen_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("key", name=op.f("uq_identities_key")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_identities_person_id")),
    )
    op.create_index(op.f("ix_identities_person_id"), "identities", ["person_id"])
    op.create_table(
        "identity_links",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("first_id", types.BigId, nullable=False),
        sa.Column("second_id", types.BigId, nullable=False),
        sa.Column("nature", sa.Unicode(length=10), nullable=False),
        sa.Column("source", sa.Unicode(length=60), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Unicode(length=60), nullable=True),
        sa.Column("revoked_at", types.UtcDateTime(), nullable=True),
        sa.Column("revoked_by", sa.Unicode(length=60), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_links")),
        sa.UniqueConstraint("first_id", "second_id", "nature", name=op.f("uq_identity_links_first_id_second_id_nature")),
        sa.ForeignKeyConstraint(["first_id"], ["identities.id"], name=op.f("fk_identity_links_first_id")),
        sa.ForeignKeyConstraint(["second_id"], ["identities.id"], name=op.f("fk_identity_links_second_id")),
    )
    op.create_index(op.f("ix_identity_links_second_id"), "identity_links", ["second_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("identity_links")
    op.drop_table("identities")
    op.drop_table("people")
