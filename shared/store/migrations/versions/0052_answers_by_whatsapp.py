"""What an inbound message is besides its words: its kind, the chosen option, the message it quotes, who and to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0065"
branch_labels = None
depends_on = None

TABLE = "inbound_messages"


def upgrade() -> None:
    """Add the columns; what was written before is text."""
    op.add_column(TABLE, sa.Column("kind", sa.Unicode(20), nullable=False, server_default="text"))
    op.add_column(TABLE, sa.Column("option_id", sa.Unicode(256), nullable=True))
    op.add_column(TABLE, sa.Column("option_title", sa.Unicode(100), nullable=True))
    op.add_column(TABLE, sa.Column("quoted_id", sa.Unicode(200), nullable=True))
    op.add_column(TABLE, sa.Column("user_id", sa.Unicode(150), nullable=True))
    op.add_column(TABLE, sa.Column("whatsapp_number_id", sa.Unicode(36), nullable=True))
    op.create_index("ix_inbound_messages_user_id", TABLE, ["user_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_inbound_messages_user_id", TABLE)
    op.drop_column(TABLE, "kind", mssql_drop_default=True)
    for name in ("whatsapp_number_id", "user_id", "quoted_id", "option_title", "option_id"):
        op.drop_column(TABLE, name)
