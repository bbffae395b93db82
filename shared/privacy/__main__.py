"""`python -m shared.privacy --manychat-id X [--apply | --export]`: list what is stored of a person, erase it, or print it.

`--email` finds the person by their address; flows add options of their own.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Callable

from sqlalchemy import Engine

from shared import flows
from shared.commands import ODOO, STORAGE, start
from shared.errors import PuenteError
from shared.privacy.erase import Found, erase, look, person
from shared.privacy.export import everything
from shared.store.session import reading

NOTHING, FAILED = 2, 1


def main(
    arguments: list[str] | None = None, out: Callable[[str], object] = sys.stdout.write, engine: Engine | None = None
) -> int:
    """The command line: 0 found (and erased), 1 something refused, 2 there is nothing of this person.

    `engine` is the database, where it is not the one that the settings name.
    """
    asked = _parser().parse_args(arguments)
    try:
        who = person(asked.manychat_id, email=asked.email, row=_row(asked))
        if asked.export:
            with reading(engine) as session:
                out(json.dumps(everything(session, who), ensure_ascii=False, indent=2) + "\n")
            return 0
        if asked.apply:
            found = erase(who, way=asked.odoo, actor=asked.actor, engine=engine)
        else:
            found = look(who, ask_odoo=asked.odoo != "skip", engine=engine)
    except (PuenteError, ValueError) as error:
        out(f"Nothing was erased from our record: {error}\n")
        return FAILED
    for line in _report(found):
        out(f"{line}\n")
    if found.is_nothing:
        out("There is nothing of this person.\n")
        return NOTHING
    out(
        f"Erased; in our record {who.pseudonym} stands in their place. Run it again tomorrow for what was still under way.\n"
        if asked.apply
        else "Nothing was changed. Add --apply to erase all of it.\n"
    )
    return 0


def _report(found: Found) -> list[str]:
    rows = [f"{number:6} rows of {table}" for table, number in found.rows.items() if number]
    records = [f"{len(ids):6} of {model} in Odoo: {', '.join(map(str, ids))}" for model, ids in found.odoo.items() if ids]
    by_hand = [
        f"{len(ids):6} {kind}, to be deleted there: {', '.join(map(str, ids))}" for kind, ids in found.by_hand.items() if ids
    ]
    blobs = [f"{len(found.blobs):6} blobs, at most"] if found.blobs else []
    blobs += [f"{len(found.files):6} files"] if found.files else []
    same = (
        [f"{len(found.probable):6} are probably the same person, and stay: {', '.join(found.probable)}"]
        if found.probable
        else []
    )
    return rows + records + by_hand + blobs + same


def _row_options() -> dict[str, str]:
    """The options by which flows find a person, with the table whose id each takes."""
    return {option: table for data in flows.parts("privacy") for option, table in data.row_options.items()}


def _row(asked: argparse.Namespace) -> tuple[str, int] | None:
    given = ((table, getattr(asked, option.replace("-", "_"))) for option, table in _row_options().items())
    return next(((table, number) for table, number in given if number is not None), None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.privacy", description="Erase a person on request.")
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--manychat-id", default="", help="the person's id in ManyChat, as in our contacts")
    whom.add_argument("--email", default="", help="the person's e-mail address: everything that is known under it")
    for option, table in _row_options().items():
        whom.add_argument(
            f"--{option}", type=int, help=f"the id of one of their rows in `{table}`: everything under its address"
        )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--apply", action="store_true", help="erase; without it nothing is changed")
    what.add_argument("--export", action="store_true", help="print everything that is held about them, as JSON")
    parser.add_argument(
        "--odoo",
        choices=("delete", "anonymise", "skip"),
        default="delete",
        help="what becomes of the lead and partner in Odoo (default: delete)",
    )
    parser.add_argument("--actor", default=getpass.getuser(), help="who does this, for the action log")
    return parser


if __name__ == "__main__":
    start(*ODOO, *STORAGE)
    sys.exit(main())
