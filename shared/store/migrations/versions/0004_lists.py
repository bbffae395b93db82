"""People found by name or phone, and the indexes of the lists that may be long."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ACCENTS = dict(zip("áéíóúüñÁÉÍÓÚÜÑ", "aeiouunaeiouun", strict=True))


def upgrade() -> None:
    """Add a column and indexes; code that knows nothing of them goes on working."""
    op.add_column("contacts", sa.Column("search_text", sa.Unicode(length=450), server_default="", nullable=False))
    _fill()
    op.create_index("ix_contacts_search_text_id", "contacts", ["search_text", "id"])
    op.create_index("ix_contacts_updated_at_id", "contacts", ["updated_at", "id"])
    op.create_index("ix_opportunities_stage_id_id", "opportunities", ["stage_id", "id"])
    op.create_index("ix_opportunities_state_date_id", "opportunities", ["state_date", "id"])


def _fill() -> None:
    """For rows that are there already: near enough in one statement; each change of a person writes it exactly."""
    names = ("first_name", "last_name", "phone")
    contacts = sa.table("contacts", *(sa.column(name, sa.Unicode(450)) for name in ("search_text", *names)))
    first, last, phone = (sa.func.coalesce(contacts.c[name], "") for name in names)
    text = sa.func.lower(sa.func.ltrim(first + sa.literal(" ", sa.Unicode) + last, type_=sa.Unicode()))
    for accented, bare in ACCENTS.items():
        text = sa.func.replace(text, accented, bare, type_=sa.Unicode())
    digits = sa.func.replace(phone, "+", "", type_=sa.Unicode())
    op.execute(contacts.update().values(search_text=sa.func.rtrim(text + sa.literal(" ", sa.Unicode) + digits)))


def downgrade() -> None:
    """Take them away again."""
    for name in ("ix_opportunities_state_date_id", "ix_opportunities_stage_id_id"):
        op.drop_index(name, "opportunities")
    for name in ("ix_contacts_updated_at_id", "ix_contacts_search_text_id"):
        op.drop_index(name, "contacts")
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.drop_column("search_text", mssql_drop_default=True)
