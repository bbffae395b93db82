"""Campaigns, the people in them, and what advisors are."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; nothing that runs now is in their way."""
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Unicode(length=100), nullable=False),
        sa.Column("date_start", types.UtcDateTime(), nullable=False),
        sa.Column("date_end", types.UtcDateTime(), nullable=True),
        sa.Column("budget", types.TwoDecimals(), nullable=True),
        sa.Column("status", sa.Unicode(length=20), nullable=True),
        sa.Column("channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_campaigns_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaigns_channel_id"), ["channel_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_campaigns_name"), ["name"], unique=False)

    op.create_table(
        "campaign_contacts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("commercial_advisor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("medical_advisor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("registration_date", types.UtcDateTime(), nullable=False),
        sa.Column("commercial_assignment_date", types.UtcDateTime(), nullable=True),
        sa.Column("commercial_process_start_date", types.UtcDateTime(), nullable=True),
        sa.Column("medical_assignment_date", types.UtcDateTime(), nullable=True),
        sa.Column("medical_process_start_date", types.UtcDateTime(), nullable=True),
        sa.Column("medical_process_end_date", types.UtcDateTime(), nullable=True),
        sa.Column("quotation_start_date", types.UtcDateTime(), nullable=True),
        sa.Column("sale_order_date", types.UtcDateTime(), nullable=True),
        sa.Column("successful_sale_date", types.UtcDateTime(), nullable=True),
        sa.Column("conversation_closed_date", types.UtcDateTime(), nullable=True),
        sa.Column("last_state", sa.Unicode(length=200), nullable=True),
        sa.Column("lead_state", sa.Unicode(length=50), nullable=True),
        sa.Column("summary", sa.UnicodeText(), nullable=True),
        sa.Column("fact_times", types.JsonText(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_contacts_campaign_id")),
        sa.ForeignKeyConstraint(
            ["commercial_advisor_id"], ["advisors.id"], name=op.f("fk_campaign_contacts_commercial_advisor_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_campaign_contacts_contact_id")),
        sa.ForeignKeyConstraint(["medical_advisor_id"], ["advisors.id"], name=op.f("fk_campaign_contacts_medical_advisor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_contacts")),
        sa.UniqueConstraint("contact_id", "campaign_id", name=op.f("uq_campaign_contacts_contact_id_campaign_id")),
    )
    with op.batch_alter_table("campaign_contacts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_contacts_campaign_id"), ["campaign_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_campaign_contacts_commercial_advisor_id"), ["commercial_advisor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_campaign_contacts_medical_advisor_id"), ["medical_advisor_id"], unique=False)

    op.create_table(
        "campaign_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", types.UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Unicode(length=60), nullable=False),
        sa.Column("event_key", sa.Unicode(length=64), nullable=False),
        sa.Column("said", types.JsonText(), nullable=False),
        sa.Column("changed", types.JsonText(), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_contact_id"], ["campaign_contacts.id"], name=op.f("fk_campaign_history_campaign_contact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_history")),
    )
    with op.batch_alter_table("campaign_history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_history_campaign_contact_id"), ["campaign_contact_id"], unique=False)

    with op.batch_alter_table("advisors", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.Unicode(length=50), nullable=True))
        batch_op.add_column(sa.Column("status", sa.Unicode(length=20), nullable=True))
        batch_op.add_column(sa.Column("genre", sa.Unicode(length=20), nullable=True))
        batch_op.add_column(sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.create_index(batch_op.f("ix_advisors_email"), ["email"], unique=False)


def downgrade() -> None:
    """Take them away again."""
    with op.batch_alter_table("advisors", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_advisors_email"))
        batch_op.drop_column("is_active", mssql_drop_default=True)
        batch_op.drop_column("genre")
        batch_op.drop_column("status")
        batch_op.drop_column("role")

    with op.batch_alter_table("campaign_history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_history_campaign_contact_id"))

    op.drop_table("campaign_history")
    with op.batch_alter_table("campaign_contacts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaign_contacts_medical_advisor_id"))
        batch_op.drop_index(batch_op.f("ix_campaign_contacts_commercial_advisor_id"))
        batch_op.drop_index(batch_op.f("ix_campaign_contacts_campaign_id"))

    op.drop_table("campaign_contacts")
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaigns_name"))
        batch_op.drop_index(batch_op.f("ix_campaigns_channel_id"))

    op.drop_table("campaigns")
