"""Plans of what touches many, part by part, and the versions of the lists that people keep."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0080"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "plans",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("kind", sa.Unicode(length=40), nullable=False),
        sa.Column("asked", types.JsonText(), nullable=False),
        sa.Column("asked_by", sa.Unicode(length=60), nullable=False),
        sa.Column("asker", sa.Unicode(length=60), nullable=False),
        sa.Column("state", sa.Unicode(length=16), nullable=False),
        sa.Column("place", types.JsonText(), nullable=True),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("hash", sa.Unicode(length=64), nullable=False),
        sa.Column("figures", types.JsonText(), nullable=False),
        sa.Column("goings", types.JsonText(), nullable=False),
        sa.Column("approved_hash", sa.Unicode(length=64), nullable=True),
        sa.Column("before_id", types.BigId, nullable=True),
        sa.Column("next_id", types.BigId, nullable=True),
        sa.Column("approval_id", types.BigId, nullable=True),
        sa.Column("carried_by", sa.Unicode(length=60), nullable=True),
        sa.Column("error", types.Note(length=1000), nullable=True),
        sa.Column("ready_at", types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_state_updated_at", "plans", ["state", "updated_at"])
    op.create_table(
        "plan_parts",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("plan_id", types.BigId, nullable=False),
        sa.Column("unit", sa.Unicode(length=64), nullable=False),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("title", types.Note(length=200), nullable=False),
        sa.Column("subject", sa.Unicode(length=100), nullable=True),
        sa.Column("what", sa.Unicode(length=8), nullable=False),
        sa.Column("word", sa.Unicode(length=64), nullable=True),
        sa.Column("detail", types.Note(length=400), nullable=True),
        sa.Column("caused", types.JsonText(), nullable=True),
        sa.Column("digest", sa.Unicode(length=64), nullable=False),
        sa.Column("state", sa.Unicode(length=8), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_parts_plan_id_plans")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_parts")),
    )
    op.create_index(op.f("ix_plan_parts_subject"), "plan_parts", ["subject"])
    op.create_index("ix_plan_parts_plan_id_unit", "plan_parts", ["plan_id", "unit"])
    op.create_index("ix_plan_parts_plan_id_what", "plan_parts", ["plan_id", "what", "id"])
    op.create_table(
        "list_versions",
        sa.Column("id", types.BigId, nullable=False),
        sa.Column("name", sa.Unicode(length=40), nullable=False),
        sa.Column("made_by", sa.Unicode(length=60), nullable=False),
        sa.Column("note", types.Note(length=200), nullable=False),
        sa.Column("rows", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_versions")),
    )
    op.create_index("ix_list_versions_name_id", "list_versions", ["name", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_list_versions_name_id", table_name="list_versions")
    op.drop_table("list_versions")
    op.drop_index("ix_plan_parts_plan_id_what", table_name="plan_parts")
    op.drop_index("ix_plan_parts_plan_id_unit", table_name="plan_parts")
    op.drop_index(op.f("ix_plan_parts_subject"), table_name="plan_parts")
    op.drop_table("plan_parts")
    op.drop_index("ix_plans_state_updated_at", table_name="plans")
    op.drop_table("plans")
