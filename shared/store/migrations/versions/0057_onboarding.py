"""Onboarding of employees: the onboardings, their steps, the manager's tasks, the manuals."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0057"
down_revision = "0055"
branch_labels = None
depends_on = None


def _id(name: str, *more: sa.schema.SchemaItem) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), *more, nullable=False)


def _times() -> tuple[sa.Column[sa.DateTime], ...]:
    return (
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
    )


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "onboardings",
        _id("id"),
        sa.Column("open_key", sa.Unicode(length=280), nullable=False),
        sa.Column("email", sa.Unicode(length=254), nullable=False),
        sa.Column("login", sa.Unicode(length=254), nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("start_date", types.Day, nullable=False),
        sa.Column("dates", types.JsonText(), nullable=False),
        sa.Column("seen", types.JsonText(), nullable=False),
        sa.Column("full_name", sa.Unicode(length=200), nullable=False),
        sa.Column("first_name", sa.Unicode(length=200), nullable=True),
        sa.Column("last_name", sa.Unicode(length=200), nullable=True),
        sa.Column("manager_email", sa.Unicode(length=254), nullable=False),
        sa.Column("manager_name", sa.Unicode(length=200), nullable=True),
        sa.Column("position", sa.Unicode(length=200), nullable=True),
        sa.Column("department", sa.Unicode(length=200), nullable=True),
        sa.Column("location", sa.Unicode(length=200), nullable=True),
        sa.Column("phone", sa.Unicode(length=100), nullable=True),
        sa.Column("employee_id", sa.Unicode(length=100), nullable=True),
        sa.Column("signed_at", types.UtcDateTime(), nullable=True),
        sa.Column("hris_source", sa.Unicode(length=16), nullable=True),
        sa.Column("warnings", types.JsonText(), nullable=False),
        sa.Column("received_at", types.UtcDateTime(), nullable=False),
        sa.Column("settled_at", types.UtcDateTime(), nullable=True),
        sa.Column("closed_at", types.UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Unicode(length=200), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboardings")),
        sa.UniqueConstraint("open_key", name=op.f("uq_onboardings_open_key")),
    )
    op.create_index(op.f("ix_onboardings_email"), "onboardings", ["email"])
    op.create_index(op.f("ix_onboardings_manager_email"), "onboardings", ["manager_email"])
    op.create_index("ix_onboardings_state_start_date", "onboardings", ["state", "start_date"])
    op.create_table(
        "onboarding_steps",
        _id("id"),
        sa.Column("key", sa.Unicode(length=40), nullable=False),
        _id("onboarding_id"),
        sa.Column("name", sa.Unicode(length=20), nullable=False),
        sa.Column("target", sa.Unicode(length=30), nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("wanted", sa.Unicode(length=16), nullable=False),
        sa.Column("act", sa.Unicode(length=20), nullable=True),
        sa.Column("detail", sa.Unicode(length=60), nullable=True),
        sa.Column("reason", sa.Unicode(length=64), nullable=True),
        sa.Column("external_id", sa.Unicode(length=200), nullable=True),
        sa.Column("confirmed", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", types.JsonText(), nullable=False),
        sa.Column("settled_at", types.UtcDateTime(), nullable=True),
        sa.Column("step_sync_status", sa.Unicode(length=16), nullable=True),
        sa.Column("step_sync_error", types.Note(length=1000), nullable=True),
        sa.Column("step_sync_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("step_sync_at", types.UtcDateTime(), nullable=True),
        sa.Column("step_synced_at", types.UtcDateTime(), nullable=True),
        *_times(),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_onboarding_steps_onboarding_id_onboardings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboarding_steps")),
        sa.UniqueConstraint("key", name=op.f("uq_onboarding_steps_key")),
    )
    op.create_index(op.f("ix_onboarding_steps_onboarding_id"), "onboarding_steps", ["onboarding_id"])
    op.create_index(op.f("ix_onboarding_steps_step_sync_status"), "onboarding_steps", ["step_sync_status"])
    op.create_table(
        "onboarding_tasks",
        _id("id"),
        sa.Column("key", sa.Unicode(length=60), nullable=False),
        _id("onboarding_id"),
        sa.Column("code", sa.Unicode(length=30), nullable=False),
        sa.Column("task_type", sa.Unicode(length=20), nullable=False),
        sa.Column("day_number", sa.Integer(), nullable=False),
        sa.Column("due_on", types.Day, nullable=False),
        sa.Column("title", sa.Unicode(length=200), nullable=False),
        sa.Column("description", sa.Unicode(length=500), nullable=False),
        sa.Column("priority", sa.Unicode(length=10), nullable=False),
        sa.Column("assignee", sa.Unicode(length=254), nullable=False),
        sa.Column("status", sa.Unicode(length=16), nullable=False),
        sa.Column("done_at", types.UtcDateTime(), nullable=True),
        *_times(),
        sa.ForeignKeyConstraint(
            ["onboarding_id"], ["onboardings.id"], name=op.f("fk_onboarding_tasks_onboarding_id_onboardings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboarding_tasks")),
        sa.UniqueConstraint("key", name=op.f("uq_onboarding_tasks_key")),
    )
    op.create_index(op.f("ix_onboarding_tasks_onboarding_id"), "onboarding_tasks", ["onboarding_id"])
    op.create_index(op.f("ix_onboarding_tasks_assignee"), "onboarding_tasks", ["assignee"])
    op.create_table(
        "onboarding_manuals",
        _id("id"),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("reference", sa.Unicode(length=200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("uploaded_by", sa.Unicode(length=60), nullable=False),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onboarding_manuals")),
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("onboarding_manuals", "onboarding_tasks", "onboarding_steps", "onboardings"):
        op.drop_table(table)
