"""The tables of the core, and the first fill of the stage map."""

import sqlalchemy as sa
from alembic import op

from shared.crm.stages import DEFAULT_STAGES, stage_key
from shared.store import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "action_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Unicode(length=60), nullable=False),
        sa.Column("action", sa.Unicode(length=110), nullable=False),
        sa.Column("subject", sa.Unicode(length=100), nullable=True),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("dead_letter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("result", sa.Unicode(length=32), nullable=False),
        sa.Column("detail", sa.Unicode(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_log")),
    )
    with op.batch_alter_table("action_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_action_log_delivery_id"), ["delivery_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_action_log_subject"), ["subject"], unique=False)

    op.create_table(
        "advisors",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Unicode(length=200), nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=True),
        sa.Column("phone", sa.Unicode(length=20), nullable=True),
        sa.Column("odoo_user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advisors")),
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("description", sa.Unicode(length=255), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("key", name=op.f("uq_channels_key")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("original_queue", sa.Unicode(length=63), nullable=False),
        sa.Column("original_event", sa.UnicodeText(), nullable=False),
        sa.Column("event_id", sa.Unicode(length=255), nullable=True),
        sa.Column("source", sa.Unicode(length=100), nullable=True),
        sa.Column("type", sa.Unicode(length=100), nullable=True),
        sa.Column("subject", sa.Unicode(length=100), nullable=True),
        sa.Column("reason", sa.Unicode(length=64), nullable=False),
        sa.Column("error_message", sa.Unicode(length=1000), nullable=False),
        sa.Column("error_time", types.UtcDateTime(), nullable=False),
        sa.Column("trace", sa.UnicodeText(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("replay_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.Column("replayed_at", types.UtcDateTime(), nullable=True),
        sa.Column("resolved_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("key", name=op.f("uq_dead_letters_key")),
    )
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.create_index("ix_dead_letters_state", ["state", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dead_letters_subject"), ["subject"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Unicode(length=16), nullable=False),
        sa.Column("target", sa.Unicode(length=50), nullable=False),
        sa.Column("action", sa.Unicode(length=50), nullable=False),
        sa.Column("subject", sa.Unicode(length=100), nullable=False),
        sa.Column("payload", types.JsonText(), nullable=True),
        sa.Column("dedupe_key", sa.Unicode(length=64), nullable=True),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("due_at", types.UtcDateTime(), nullable=False),
        sa.Column("not_after", types.UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Unicode(length=36), nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Unicode(length=1000), nullable=True),
        sa.Column("reason", sa.Unicode(length=64), nullable=True),
        sa.Column("result", types.JsonText(), nullable=True),
        sa.Column("event_key", sa.Unicode(length=64), nullable=True),
        sa.Column("retry_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_due",
            ["target", "due_at", "id"],
            unique=False,
            mssql_where=sa.text("state = 'pending'"),
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_deliveries_leased",
            ["lease_until"],
            unique=False,
            mssql_where=sa.text("state = 'sending'"),
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.create_index("ix_deliveries_state", ["state", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_subject"), ["subject"], unique=False)
        batch_op.create_index(
            "uq_deliveries_dedupe_key",
            ["dedupe_key"],
            unique=True,
            mssql_where=sa.text("dedupe_key IS NOT NULL"),
            sqlite_where=sa.text("dedupe_key IS NOT NULL"),
            postgresql_where=sa.text("dedupe_key IS NOT NULL"),
        )

    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("event_id", sa.Unicode(length=255), nullable=False),
        sa.Column("source", sa.Unicode(length=100), nullable=False),
        sa.Column("type", sa.Unicode(length=100), nullable=False),
        sa.Column("subject", sa.Unicode(length=100), nullable=True),
        sa.Column("occurred_at", types.UtcDateTime(), nullable=False),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("handled_at", types.UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.Unicode(length=32), nullable=False),
        sa.Column("replay_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("data", types.JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("key", name=op.f("uq_inbox_key")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbox_handled_at"), ["handled_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_inbox_subject"), ["subject"], unique=False)

    op.create_table(
        "stage_map",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("manychat_key", sa.Unicode(length=100), nullable=False),
        sa.Column("manychat_name", sa.Unicode(length=100), nullable=False),
        sa.Column("odoo_stage_id", sa.Integer(), nullable=False),
        sa.Column("odoo_name", sa.Unicode(length=100), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_map")),
        sa.UniqueConstraint("manychat_key", name=op.f("uq_stage_map_manychat_key")),
    )
    with op.batch_alter_table("stage_map", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stage_map_odoo_stage_id"), ["odoo_stage_id"], unique=False)

    op.create_table(
        "targets",
        sa.Column("name", sa.Unicode(length=50), nullable=False),
        sa.Column("circuit", sa.Unicode(length=16), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("closed_until", types.UtcDateTime(), nullable=True),
        sa.Column("batch_cap", sa.Integer(), nullable=True),
        sa.Column("next_call_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Unicode(length=1000), nullable=True),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_targets")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("manychat_id", sa.Unicode(length=50), nullable=False),
        sa.Column("first_name", sa.Unicode(length=200), nullable=True),
        sa.Column("last_name", sa.Unicode(length=200), nullable=True),
        sa.Column("email", sa.Unicode(length=254), nullable=True),
        sa.Column("phone", sa.Unicode(length=20), nullable=True),
        sa.Column("phone_original", sa.Unicode(length=100), nullable=True),
        sa.Column("subscribed_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_event_at", types.UtcDateTime(), nullable=True),
        sa.Column("initial_state", sa.Unicode(length=200), nullable=True),
        sa.Column("last_state", sa.Unicode(length=200), nullable=True),
        sa.Column("channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fact_times", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("odoo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("odoo_linked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("odoo_sync_status", sa.Unicode(length=16), nullable=True),
        sa.Column("odoo_sync_error", sa.Unicode(length=1000), nullable=True),
        sa.Column("odoo_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("odoo_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("odoo_synced_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_contacts_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("manychat_id", name=op.f("uq_contacts_manychat_id")),
    )
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contacts_channel_id"), ["channel_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_contacts_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_contacts_odoo_sync_status"), ["odoo_sync_status"], unique=False)
        batch_op.create_index(batch_op.f("ix_contacts_phone"), ["phone"], unique=False)

    op.create_table(
        "target_slots",
        sa.Column("target", sa.Unicode(length=50), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Unicode(length=36), nullable=True),
        sa.Column("held_until", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["target"], ["targets.name"], name=op.f("fk_target_slots_target")),
        sa.PrimaryKeyConstraint("target", "slot", name=op.f("pk_target_slots")),
    )
    op.create_table(
        "opportunities",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("manychat_id", sa.Unicode(length=50), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=True),
        sa.Column("state_date", types.UtcDateTime(), nullable=True),
        sa.Column("summary", sa.UnicodeText(), nullable=True),
        sa.Column("entry_date", types.UtcDateTime(), nullable=True),
        sa.Column("medical_advisor_id", sa.Integer(), nullable=True),
        sa.Column("commercial_advisor_id", sa.Integer(), nullable=True),
        sa.Column("fact_times", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.Column("odoo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("odoo_linked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("odoo_sync_status", sa.Unicode(length=16), nullable=True),
        sa.Column("odoo_sync_error", sa.Unicode(length=1000), nullable=True),
        sa.Column("odoo_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("odoo_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("odoo_synced_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_opportunities_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunities")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_opportunities_contact_id")),
        sa.UniqueConstraint("manychat_id", name=op.f("uq_opportunities_manychat_id")),
    )
    with op.batch_alter_table("opportunities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opportunities_odoo_sync_status"), ["odoo_sync_status"], unique=False)

    op.create_table(
        "stage_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opportunity_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("state_date", types.UtcDateTime(), nullable=False),
        sa.Column("summary", sa.UnicodeText(), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("event_key", sa.Unicode(length=64), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["opportunity_id"], ["opportunities.id"], name=op.f("fk_stage_history_opportunity_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_history")),
    )
    with op.batch_alter_table("stage_history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stage_history_opportunity_id"), ["opportunity_id"], unique=False)

    _fill_stage_map()


def _fill_stage_map() -> None:
    """Plain INSERTs, so that `--sql` prints them for every database."""
    columns = "manychat_key, manychat_name, odoo_stage_id, odoo_name, created_at, updated_at"
    for stage in DEFAULT_STAGES:
        key = stage_key(stage.manychat_name)
        texts = f"N'{key}', N'{stage.manychat_name}', {stage.odoo_stage_id}, N'{stage.odoo_name}'"
        statement = f"INSERT INTO stage_map ({columns}) VALUES ({texts}, '2026-11-21 00:00:00', '2026-11-21 00:00:00')"  # noqa: S608
        prefix_less = statement.replace("N'", "'") if op.get_context().dialect.name == "sqlite" else statement
        op.execute(prefix_less)


def downgrade() -> None:
    """Drop everything."""
    with op.batch_alter_table("stage_history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stage_history_opportunity_id"))

    op.drop_table("stage_history")
    with op.batch_alter_table("opportunities", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_opportunities_odoo_sync_status"))

    op.drop_table("opportunities")
    op.drop_table("target_slots")
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contacts_phone"))
        batch_op.drop_index(batch_op.f("ix_contacts_odoo_sync_status"))
        batch_op.drop_index(batch_op.f("ix_contacts_email"))
        batch_op.drop_index(batch_op.f("ix_contacts_channel_id"))

    op.drop_table("contacts")
    op.drop_table("targets")
    with op.batch_alter_table("stage_map", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stage_map_odoo_stage_id"))

    op.drop_table("stage_map")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbox_subject"))
        batch_op.drop_index(batch_op.f("ix_inbox_handled_at"))

    op.drop_table("inbox")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_deliveries_dedupe_key",
            mssql_where=sa.text("dedupe_key IS NOT NULL"),
            sqlite_where=sa.text("dedupe_key IS NOT NULL"),
            postgresql_where=sa.text("dedupe_key IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_deliveries_subject"))
        batch_op.drop_index("ix_deliveries_state")
        batch_op.drop_index(
            "ix_deliveries_leased",
            mssql_where=sa.text("state = 'sending'"),
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index(
            "ix_deliveries_due",
            mssql_where=sa.text("state = 'pending'"),
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    op.drop_table("deliveries")
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dead_letters_subject"))
        batch_op.drop_index("ix_dead_letters_state")

    op.drop_table("dead_letters")
    op.drop_table("channels")
    op.drop_table("advisors")
    with op.batch_alter_table("action_log", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_action_log_subject"))
        batch_op.drop_index(batch_op.f("ix_action_log_delivery_id"))

    op.drop_table("action_log")
