"""`make odoo-setup`: look whether a customer's Odoo has what we need, its stages being those of the stage map in the database.

The options and exit codes are those of `shared.vendors.odoo.setup`.
"""

import sys
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from shared.commands import ODOO, start
from shared.crm.stages import DEFAULT_STAGES
from shared.errors import UnavailableError
from shared.store.models import StageMapping
from shared.store.session import reading
from shared.vendors.odoo import setup
from shared.vendors.odoo.setup import Stages


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. Where the database has no stage map yet, that of a new installation is looked for."""
    stages = stages_of_database()
    if stages is None:
        stages = {stage.odoo_stage_id: stage.odoo_name for stage in DEFAULT_STAGES}
        print("note    there is no stage map in the database yet (DATABASE_URL): the stages of a new one are looked for")  # noqa: T201
    return setup.main(arguments, stages)


def stages_of_database() -> Stages | None:
    """Odoo's stages by the stage map, each with the name that its first row has for it; None where there is no map."""
    query = select(StageMapping.odoo_stage_id, StageMapping.odoo_name).order_by(StageMapping.id.desc())
    try:
        with reading() as session:
            return {row.odoo_stage_id: row.odoo_name for row in session.execute(query)} or None
    except (DBAPIError, UnavailableError):  # no such table, or nobody answers
        return None


if __name__ == "__main__":
    start(*ODOO)
    sys.exit(main())
