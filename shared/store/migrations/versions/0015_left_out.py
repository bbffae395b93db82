"""Which fields of an event could not be read; channels are known by a key that all spellings of a name share."""

import sqlalchemy as sa
from alembic import context, op

from shared.readers import name_key
from shared.store import types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the list of the fields that were left out, with the reasons, and renew the keys of channels.

    Of two channels that are one by the new rule the older gets the key; events that name either go to it from then on. A
    script that is written without a database leaves the keys as they are; the app finds a channel by its old key as well.
    """
    op.add_column("inbox", sa.Column("left_out", types.JsonText(), nullable=True))
    if not context.is_offline_mode():
        _renew_keys()


def _renew_keys() -> None:
    connection = op.get_bind()
    channels = sa.table("channels", sa.column("id"), sa.column("key"), sa.column("name"))
    rows = connection.execute(sa.select(channels.c.id, channels.c.key, channels.c.name).order_by(channels.c.id)).all()
    taken = {row.key for row in rows}
    for row in rows:
        found = name_key.key(row.name)
        key = types.key_of(found) if found else row.key
        if key not in taken:
            connection.execute(sa.update(channels).where(channels.c.id == row.id).values(key=key))
            taken.add(key)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("inbox", "left_out")
