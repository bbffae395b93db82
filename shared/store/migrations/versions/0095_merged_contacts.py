"""Which contact another one turned out to be, so that old ids lead to it."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0095"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, empty: what was merged before is not known any more."""
    op.create_table(
        "merged_contacts",
        sa.Column("id", types.BigId, autoincrement=False, nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=True),
        sa.Column("contact_id", types.BigId, nullable=False),
        sa.Column("merged_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_merged_contacts_contact_id_contacts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merged_contacts")),
    )
    op.create_index(op.f("ix_merged_contacts_contact_id"), "merged_contacts", ["contact_id"])
    op.create_index(op.f("ix_merged_contacts_uuid"), "merged_contacts", ["uuid"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index(op.f("ix_merged_contacts_uuid"), table_name="merged_contacts")
    op.drop_index(op.f("ix_merged_contacts_contact_id"), table_name="merged_contacts")
    op.drop_table("merged_contacts")
