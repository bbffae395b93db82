"""Messages that follow from HubSpot's contacts, merged contacts, and states of interest still to be written there."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0040"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    _messages()
    _turns()
    _merges()
    _interests()


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _times() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
    )


def _sync(prefix: str) -> tuple[sa.Column[object], ...]:
    return (
        sa.Column(f"{prefix}_sync_status", sa.Unicode(16), nullable=True),
        sa.Column(f"{prefix}_sync_error", types.Note(1000), nullable=True),
        sa.Column(f"{prefix}_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column(f"{prefix}_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column(f"{prefix}_synced_at", types.UtcDateTime(), nullable=True),
    )


def _messages() -> None:
    op.create_table(
        "hubspot_messages",
        sa.Column("id", _number(), nullable=False),
        sa.Column("key", sa.Unicode(64), nullable=False),
        sa.Column("contact_id", sa.Unicode(20), nullable=True),
        sa.Column("kind", sa.Unicode(60), nullable=False),
        sa.Column("property_name", sa.Unicode(100), nullable=True),
        sa.Column("occurred_at", types.UtcDateTime(), nullable=False),
        sa.Column("status", sa.Unicode(8), nullable=False),
        sa.Column("reason", sa.Unicode(60), nullable=True),
        sa.Column("given", types.JsonText(), nullable=False),
        sa.Column("found", types.JsonText(), nullable=True),
        sa.Column("contact_name", sa.Unicode(200), nullable=True),
        sa.Column("manychat_user_id", sa.Unicode(100), nullable=True),
        sa.Column("product", sa.Unicode(400), nullable=True),
        sa.Column("text", types.Note(4000), nullable=True),
        sa.Column("failure", sa.Unicode(60), nullable=True),
        sa.Column("settled_at", types.UtcDateTime(), nullable=True),
        *_sync("fetch"),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hubspot_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_hubspot_messages_key")),
    )
    for column in ("contact_id", "status", "manychat_user_id", "fetch_sync_status"):
        op.create_index(op.f(f"ix_hubspot_messages_{column}"), "hubspot_messages", [column])


def _turns() -> None:
    op.create_table(
        "hubspot_turns",
        sa.Column("id", _number(), nullable=False),
        sa.Column("key", sa.Unicode(64), nullable=False),
        sa.Column("contact_id", sa.Unicode(20), nullable=False),
        sa.Column("product_key", sa.Unicode(64), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("taken_at", types.UtcDateTime(), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hubspot_turns")),
        sa.UniqueConstraint("key", name=op.f("uq_hubspot_turns_key")),
    )
    op.create_index(op.f("ix_hubspot_turns_contact_id"), "hubspot_turns", ["contact_id"])


def _merges() -> None:
    op.create_table(
        "hubspot_merges",
        sa.Column("id", _number(), nullable=False),
        sa.Column("old_id", sa.Unicode(20), nullable=False),
        sa.Column("new_id", sa.Unicode(20), nullable=False),
        sa.Column("merged_at", types.UtcDateTime(), nullable=False),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hubspot_merges")),
        sa.UniqueConstraint("old_id", name=op.f("uq_hubspot_merges_old_id")),
    )
    op.create_index(op.f("ix_hubspot_merges_new_id"), "hubspot_merges", ["new_id"])


def _interests() -> None:
    op.create_table(
        "hubspot_interests",
        sa.Column("id", _number(), nullable=False),
        sa.Column("contact_id", sa.Unicode(20), nullable=False),
        sa.Column("state", sa.Unicode(1000), nullable=False),
        *_sync("hubspot"),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hubspot_interests")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_hubspot_interests_contact_id")),
    )
    op.create_index(op.f("ix_hubspot_interests_hubspot_sync_status"), "hubspot_interests", ["hubspot_sync_status"])


def downgrade() -> None:
    """Take them away."""
    for table in ("hubspot_interests", "hubspot_merges", "hubspot_turns", "hubspot_messages"):
        op.drop_table(table)
