"""The tables of invoices: what is known of each, what was paid, what holds it back, and what was sent."""

import sqlalchemy as sa
from alembic import op

from shared.store import types

revision = "0043"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    _invoices()
    _of_invoices()


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _number(), nullable=False)


def _times() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", types.UtcDateTime(), nullable=False),
    )


def _invoices() -> None:
    op.create_table(
        "invoices",
        _id(),
        sa.Column("serie_key", sa.Unicode(100), nullable=False),
        sa.Column("serie", sa.Unicode(100), nullable=False),
        sa.Column("kind", sa.Unicode(16), nullable=False),
        sa.Column("status", sa.Unicode(16), nullable=False),
        sa.Column("currency", sa.Unicode(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("subtotal_minor", sa.BigInteger(), nullable=True),
        sa.Column("taxes_minor", sa.BigInteger(), nullable=True),
        sa.Column("residual_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", types.UtcDateTime(), nullable=True),
        sa.Column("issued_on", types.Day, nullable=True),
        sa.Column("due_on", types.Day, nullable=False),
        sa.Column("customer_id", sa.Unicode(100), nullable=True),
        sa.Column("customer", sa.Unicode(200), nullable=True),
        sa.Column("email", sa.Unicode(254), nullable=True),
        sa.Column("phone", sa.Unicode(20), nullable=True),
        sa.Column("payment_url", sa.Unicode(1000), nullable=True),
        sa.Column("odoo_id", _number(), nullable=True),
        sa.Column("facts", types.JsonText(), nullable=False),
        sa.Column("person", types.JsonText(), nullable=False),
        sa.Column("residuals", types.JsonText(), nullable=False),
        sa.Column("erased_at", types.UtcDateTime(), nullable=True),
        sa.Column("looked_on", types.Day, nullable=True),
        sa.Column("held_because", sa.Unicode(40), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("serie_key", name=op.f("uq_invoices_serie_key")),
    )
    for column in ("customer_id", "email", "odoo_id"):
        op.create_index(op.f(f"ix_invoices_{column}"), "invoices", [column])
    op.create_index("ix_invoices_status_due_on", "invoices", ["status", "due_on"])


def _of_invoices() -> None:
    op.create_table(
        "invoice_payments",
        _id(),
        sa.Column("serie_key", sa.Unicode(100), nullable=False),
        sa.Column("reference", sa.Unicode(200), nullable=False),
        sa.Column("source", sa.Unicode(20), nullable=False),
        sa.Column("currency", sa.Unicode(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", types.UtcDateTime(), nullable=False),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_payments")),
        sa.UniqueConstraint("serie_key", "reference", name="uq_invoice_payments_serie_key_reference"),
    )
    op.create_table(
        "invoice_holds",
        _id(),
        sa.Column("invoice_id", _number(), nullable=False),
        sa.Column("kind", sa.Unicode(16), nullable=False),
        sa.Column("until_on", types.Day, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("note", types.Note(500), nullable=True),
        sa.Column("actor", sa.Unicode(60), nullable=False),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_holds")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_holds_invoice_id_invoices")),
    )
    op.create_index(op.f("ix_invoice_holds_invoice_id"), "invoice_holds", ["invoice_id"])
    op.create_table(
        "invoice_reminders",
        _id(),
        sa.Column("invoice_id", _number(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Unicode(16), nullable=False),
        sa.Column("template", sa.Unicode(60), nullable=False),
        sa.Column("urgency", sa.Unicode(16), nullable=False),
        sa.Column("escalated", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Unicode(16), nullable=False),
        sa.Column("reason", sa.Unicode(64), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("days_overdue", sa.Integer(), nullable=False),
        sa.Column("residual_minor", sa.BigInteger(), nullable=False),
        sa.Column("planned_on", types.Day, nullable=False),
        sa.Column("sent_at", types.UtcDateTime(), nullable=True),
        *_times(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_reminders")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_reminders_invoice_id_invoices")),
        sa.UniqueConstraint("invoice_id", "stage", "channel", name="uq_invoice_reminders_invoice_id_stage_channel"),
    )
    for column in ("planned_on", "sent_at"):
        op.create_index(op.f(f"ix_invoice_reminders_{column}"), "invoice_reminders", [column])


def downgrade() -> None:
    """Take them away."""
    for name in ("invoice_reminders", "invoice_holds", "invoice_payments", "invoices"):
        op.drop_table(name)
