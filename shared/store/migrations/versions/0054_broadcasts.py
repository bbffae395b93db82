"""Broadcasts: automations, schedules, executions, recipients, counts, uploaded lists; and what contacts have said of them."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0054"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "broadcast_automations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("name", sa.Unicode(length=255), nullable=False),
        sa.Column("description", sa.Unicode(length=2000), nullable=True),
        sa.Column("chatbot_id", sa.Unicode(length=36), nullable=True),
        sa.Column("flow_id", sa.Unicode(length=36), nullable=False),
        sa.Column("whatsapp_number_id", sa.Unicode(length=64), nullable=True),
        sa.Column("trigger_type", sa.Unicode(length=16), nullable=False),
        sa.Column("trigger_config", types.JsonText(), nullable=False),
        sa.Column("audience_type", sa.Unicode(length=16), nullable=False),
        sa.Column("audience_config", types.JsonText(), nullable=False),
        sa.Column("variable_mapping", types.JsonText(), nullable=False),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("max_concurrent_executions", sa.Integer(), nullable=False),
        sa.Column("rate_limit_per_hour", sa.Integer(), nullable=False),
        sa.Column("batch_delay_seconds", sa.Integer(), nullable=False),
        sa.Column("retry_failed", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("max_retries", sa.Integer(), nullable=False),
        sa.Column("execution_window_start", sa.Unicode(length=8), nullable=True),
        sa.Column("execution_window_end", sa.Unicode(length=8), nullable=True),
        sa.Column("execution_timezone", sa.Unicode(length=64), nullable=False),
        sa.Column("total_executions", sa.Integer(), nullable=False),
        sa.Column("last_executed_at", types.UtcDateTime(), nullable=True),
        sa.Column("next_scheduled_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_by", sa.Unicode(length=60), nullable=False),
        sa.Column("deleted_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_automations")),
        sa.UniqueConstraint("uuid", name=op.f("uq_broadcast_automations_uuid")),
    )
    op.create_index("ix_broadcast_automations_status_id", "broadcast_automations", ["status", "id"])

    op.create_table(
        "broadcast_count_deltas",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("execution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("replied", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("processed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("response_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_count_deltas")),
    )
    op.create_index("ix_broadcast_count_deltas_execution_id_id", "broadcast_count_deltas", ["execution_id", "id"])

    op.create_table(
        "broadcast_counts",
        sa.Column("execution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("replied", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("processed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("response_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", name=op.f("pk_broadcast_counts")),
    )
    op.create_table(
        "broadcast_uploads",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("filename", sa.Unicode(length=255), nullable=True),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("blob", sa.Unicode(length=200), nullable=True),
        sa.Column("size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("layout", types.JsonText(), nullable=True),
        sa.Column("columns", types.JsonText(), nullable=True),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("error_message", types.Note(length=500), nullable=True),
        sa.Column("created_by", sa.Unicode(length=60), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_uploads")),
        sa.UniqueConstraint("uuid", name=op.f("uq_broadcast_uploads_uuid")),
    )
    op.create_index("ix_broadcast_uploads_state_id", "broadcast_uploads", ["state", "id"])

    op.create_table(
        "broadcast_executions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("automation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_key", sa.Unicode(length=64), nullable=False),
        sa.Column("execution_type", sa.Unicode(length=16), nullable=False),
        sa.Column("triggered_by", sa.Unicode(length=60), nullable=True),
        sa.Column("triggered_by_event", sa.Unicode(length=100), nullable=True),
        sa.Column("scheduled_for", types.UtcDateTime(), nullable=True),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("test_contact_ids", types.JsonText(), nullable=True),
        sa.Column("config", types.JsonText(), nullable=False),
        sa.Column("plan_state", sa.Unicode(length=16), nullable=False),
        sa.Column("plan_cursor", types.JsonText(), nullable=True),
        sa.Column("plan_attempts", sa.Integer(), nullable=False),
        sa.Column("approval", sa.Unicode(length=16), nullable=False),
        sa.Column("approval_id", sa.Unicode(length=36), nullable=True),
        sa.Column("total_recipients", sa.Integer(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.Column("paused_at", types.UtcDateTime(), nullable=True),
        sa.Column("pause_reason", types.Note(length=200), nullable=True),
        sa.Column("resumes_at", types.UtcDateTime(), nullable=True),
        sa.Column("cancelled_at", types.UtcDateTime(), nullable=True),
        sa.Column("error_message", types.Note(length=500), nullable=True),
        sa.Column("errors", types.JsonText(), nullable=False),
        sa.Column("forecast", types.JsonText(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["broadcast_automations.id"], name=op.f("fk_broadcast_executions_automation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_executions")),
        sa.UniqueConstraint("run_key", name=op.f("uq_broadcast_executions_run_key")),
        sa.UniqueConstraint("uuid", name=op.f("uq_broadcast_executions_uuid")),
    )
    op.create_index("ix_broadcast_executions_automation_id_id", "broadcast_executions", ["automation_id", "id"])
    op.create_index("ix_broadcast_executions_status_id", "broadcast_executions", ["status", "id"])

    op.create_table(
        "broadcast_schedules",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("automation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recurrence_type", sa.Unicode(length=16), nullable=False),
        sa.Column("start_date", sa.Unicode(length=40), nullable=False),
        sa.Column("start_time", sa.Unicode(length=8), nullable=False),
        sa.Column("end_date", sa.Unicode(length=40), nullable=True),
        sa.Column("recurrence_config", types.JsonText(), nullable=False),
        sa.Column("execution_window_start", sa.Unicode(length=8), nullable=True),
        sa.Column("execution_window_end", sa.Unicode(length=8), nullable=True),
        sa.Column("execution_timezone", sa.Unicode(length=64), nullable=False),
        sa.Column("blackout_dates", types.JsonText(), nullable=False),
        sa.Column("skip_weekends", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("skip_holidays", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("weekend_policy", sa.Unicode(length=16), nullable=True),
        sa.Column("missed_policy", sa.Unicode(length=16), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("paused_at", types.UtcDateTime(), nullable=True),
        sa.Column("last_executed_at", types.UtcDateTime(), nullable=True),
        sa.Column("next_scheduled_at", types.UtcDateTime(), nullable=True),
        sa.Column("next_config", types.JsonText(), nullable=True),
        sa.Column("execution_count", sa.Integer(), nullable=False),
        sa.Column("error_message", types.Note(length=500), nullable=True),
        sa.Column("deleted_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["broadcast_automations.id"], name=op.f("fk_broadcast_schedules_automation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_schedules")),
        sa.UniqueConstraint("uuid", name=op.f("uq_broadcast_schedules_uuid")),
    )
    op.create_index(op.f("ix_broadcast_schedules_automation_id"), "broadcast_schedules", ["automation_id"])
    op.create_index("ix_broadcast_schedules_next_scheduled_at_id", "broadcast_schedules", ["next_scheduled_at", "id"])

    op.create_table(
        "broadcast_upload_problems",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("upload_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Unicode(length=16), nullable=False),
        sa.Column("reason", types.Note(length=200), nullable=False),
        sa.Column("same_as", sa.Integer(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["broadcast_uploads.id"], name=op.f("fk_broadcast_upload_problems_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_upload_problems")),
        sa.UniqueConstraint("upload_id", "line", name=op.f("uq_broadcast_upload_problems_upload_id_line")),
    )
    op.create_index("ix_broadcast_upload_problems_upload_id_id", "broadcast_upload_problems", ["upload_id", "id"])

    op.create_table(
        "broadcast_upload_rows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("upload_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("phone_number", sa.Unicode(length=20), nullable=False),
        sa.Column("variables", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["broadcast_uploads.id"], name=op.f("fk_broadcast_upload_rows_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_upload_rows")),
        sa.UniqueConstraint("upload_id", "key", name=op.f("uq_broadcast_upload_rows_upload_id_key")),
    )
    op.create_index(op.f("ix_broadcast_upload_rows_phone_number"), "broadcast_upload_rows", ["phone_number"])
    op.create_index("ix_broadcast_upload_rows_upload_id_id", "broadcast_upload_rows", ["upload_id", "id"])

    op.create_table(
        "broadcast_recipients",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("execution_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=64), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("phone_number", sa.Unicode(length=20), nullable=True),
        sa.Column("variables", types.JsonText(), nullable=False),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("reason", types.Note(length=200), nullable=True),
        sa.Column("due_at", types.UtcDateTime(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", types.UtcDateTime(), nullable=True),
        sa.Column("flow_completed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("flow_current_node", sa.Unicode(length=64), nullable=True),
        sa.Column("flow_outcome", sa.Unicode(length=60), nullable=True),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        sa.Column("delivered_at", types.UtcDateTime(), nullable=True),
        sa.Column("read_at", types.UtcDateTime(), nullable=True),
        sa.Column("replied_at", types.UtcDateTime(), nullable=True),
        sa.Column("completed_at", types.UtcDateTime(), nullable=True),
        sa.Column("error_code", sa.Unicode(length=20), nullable=True),
        sa.Column("error_message", types.Note(length=500), nullable=True),
        sa.Column("source_line", sa.Integer(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["broadcast_executions.id"], name=op.f("fk_broadcast_recipients_execution_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_recipients")),
        sa.UniqueConstraint("execution_id", "key", name=op.f("uq_broadcast_recipients_execution_id_key")),
    )
    op.create_index(op.f("ix_broadcast_recipients_contact_id"), "broadcast_recipients", ["contact_id"])
    op.create_index(op.f("ix_broadcast_recipients_delivery_id"), "broadcast_recipients", ["delivery_id"])
    op.create_index(op.f("ix_broadcast_recipients_enrolment_id"), "broadcast_recipients", ["enrolment_id"])
    op.create_index(
        "ix_broadcast_recipients_execution_id_status_due_at_id",
        "broadcast_recipients",
        ["execution_id", "status", "due_at", "id"],
    )
    op.create_index(op.f("ix_broadcast_recipients_phone_number"), "broadcast_recipients", ["phone_number"])

    op.create_table(
        "broadcast_schedule_exceptions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("schedule_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exception_type", sa.Unicode(length=16), nullable=False),
        sa.Column("start_date", sa.Unicode(length=40), nullable=False),
        sa.Column("end_date", sa.Unicode(length=40), nullable=True),
        sa.Column("reason", sa.Unicode(length=255), nullable=True),
        sa.Column("rescheduled_to", sa.Unicode(length=40), nullable=True),
        sa.Column("modified_config", types.JsonText(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["broadcast_schedules.id"], name=op.f("fk_broadcast_schedule_exceptions_schedule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_schedule_exceptions")),
        sa.UniqueConstraint("uuid", name=op.f("uq_broadcast_schedule_exceptions_uuid")),
    )
    op.create_index(op.f("ix_broadcast_schedule_exceptions_schedule_id"), "broadcast_schedule_exceptions", ["schedule_id"])

    op.create_table(
        "contact_profiles",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("uuid", sa.Unicode(length=36), nullable=False),
        sa.Column("opt_in", sa.Boolean(), nullable=True),
        sa.Column("opt_in_at", types.UtcDateTime(), nullable=True),
        sa.Column("is_blocked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attributes", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_profiles_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact_profiles")),
        sa.UniqueConstraint("uuid", name=op.f("uq_contact_profiles_uuid")),
    )
    op.create_table(
        "contact_tags",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Unicode(length=100), nullable=False),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("tag_id", sa.Unicode(length=36), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_contact_tags_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_tags")),
        sa.UniqueConstraint("contact_id", "key", name=op.f("uq_contact_tags_contact_id_key")),
    )
    op.create_index("ix_contact_tags_tag_id_contact_id", "contact_tags", ["tag_id", "contact_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("contact_tags")
    op.drop_table("contact_profiles")
    op.drop_table("broadcast_schedule_exceptions")
    op.drop_table("broadcast_recipients")
    op.drop_table("broadcast_upload_rows")
    op.drop_table("broadcast_upload_problems")
    op.drop_table("broadcast_schedules")
    op.drop_table("broadcast_executions")
    op.drop_table("broadcast_uploads")
    op.drop_table("broadcast_counts")
    op.drop_table("broadcast_count_deltas")
    op.drop_table("broadcast_automations")
