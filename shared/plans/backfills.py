"""The plan of a backfill: what a comparison with another system finds lacking is mended, record by record.

The comparison is walked over again, page by page, for the plan and when it is carried out; of what it finds then, exactly what
was approved is mended.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from shared.crm import reconciliations
from shared.crm.reconcile import Repair, Report
from shared.errors import RefusedError
from shared.phrases import pattern
from shared.plans.kinds import APPLIED, CREATE, UPDATE, Applied, Asked, Page, Place, Step, Unit, What
from shared.store.models import Reconciliation
from shared.store.types import key_of

NAME = "backfill"
LONGEST_SHOWN = 60


def asked(session: Session, number: int) -> Asked:
    """What a comparison found lacking, as a plan is asked for it.

    Raises:
        RefusedError: 404, there is no such comparison; 409, it has not been carried out.
    """
    row = session.get(Reconciliation, number)
    if row is None:
        raise RefusedError(404, "no-such-reconciliation", "There is no such comparison, or no longer.")
    if row.state != reconciliations.DONE:
        raise RefusedError(409, "not-compared", "This comparison has not come to its end.")
    return {"system": row.system, "comparison": number}


@dataclass(frozen=True)
class _Backfills:
    role: str = "operator"
    here: str = "reports"

    def title(self, asked: Asked) -> tuple[str, Mapping[str, Any]]:
        """From which system."""
        return pattern("Backfill from %(system)s"), {"system": asked["system"]}

    def back(self, asked: Asked) -> str:
        """The comparison."""
        return f"/console/reports/comparison/{asked['comparison']}"

    def link(self, name: str) -> str | None:
        """Records of other systems have no page here."""
        del name
        return None

    def total(self, session: Session, asked: Asked) -> int | None:
        """Nobody knows before the comparison is at its end."""
        del session, asked
        return None

    def page(self, asked: Asked, place: Place | None) -> Page:
        """What the next page of the comparison finds: of one person together, in the order in which it is found.

        Raises:
            PuenteError: the other system is away, or nothing is compared with it any more.
        """
        goes, behind = (place["goes"], place["behind"]) if place is not None else (None, "")
        report = Report(repairs=[])
        following = reconciliations.comparison_with(asked["system"])(report, goes, True)
        distinct = {repair.key: repair for repair in report.repairs or ()}
        of_one: dict[str, list[Repair]] = defaultdict(list)
        for repair in distinct.values():
            of_one[repair.subject or repair.key].append(repair)
        units = [_unit(name, of_one[name], goes) for name in sorted(of_one) if name > behind]
        return Page(units=units, following=None if following is None else {"goes": following, "behind": ""})


def _unit(name: str, repairs: Sequence[Repair], goes: Any) -> Unit:
    steps = [
        Step(name=key_of(one.key), title=one.title, subject=one.subject, apply=partial(_apply, repair=one)) for one in repairs
    ]
    return Unit(key=key_of(NAME, name), steps=steps, after={"goes": goes, "behind": name})


def _apply(session: Session, _actor: str, *, repair: Repair) -> Applied:
    word = repair.apply(session)
    what: What | None = (CREATE if repair.creates else UPDATE) if word == APPLIED else None
    return Applied(word=word, what=what, detail=_shown(repair.facts), facts=repair.facts)


def _shown(facts: Any) -> str:
    """What differs, shortly."""
    return "; ".join(
        " ".join(str(part)[:LONGEST_SHOWN] for part in one) if isinstance(one, list) else str(one) for one in facts
    )


BACKFILLS = _Backfills()
