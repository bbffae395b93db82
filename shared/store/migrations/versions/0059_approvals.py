"""What waits for a second person's word, and who was asked for it."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0059"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "approvals",
        _id(),
        sa.Column("kind", sa.Unicode(40), nullable=False),
        sa.Column("key", sa.Unicode(200), nullable=False),
        sa.Column("subject", sa.Unicode(100), nullable=False),
        sa.Column("title", types.Note(200), nullable=False),
        sa.Column("details", types.JsonText(), nullable=True),
        sa.Column("asked_by", sa.Unicode(60), nullable=False),
        sa.Column("restricted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.Unicode(16), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(), nullable=False),
        sa.Column("remind_at", types.UtcDateTime(), nullable=True),
        sa.Column("decided_at", types.UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.Unicode(60), nullable=True),
        sa.Column("comment", types.Note(1000), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_approvals_kind_key")),
    )
    op.create_index(op.f("ix_approvals_subject"), "approvals", ["subject"])
    op.create_index("ix_approvals_state_expires_at", "approvals", ["state", "expires_at"])
    op.create_index("ix_approvals_state_remind_at", "approvals", ["state", "remind_at"])
    op.create_table(
        "approval_invitations",
        _id(),
        sa.Column("approval_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("approver", sa.Unicode(60), nullable=False),
        sa.Column("delegated_to", sa.Unicode(60), nullable=True),
        sa.Column("mails", sa.Integer(), server_default="0", nullable=False),
        *_times(),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_approval_invitations_approval_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_invitations")),
        sa.UniqueConstraint("approval_id", "approver", name=op.f("uq_approval_invitations_approval_id_approver")),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("approval_invitations")
    op.drop_table("approvals")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _times() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
    )
