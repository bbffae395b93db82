"""The report of a comparison, line by line: what is missing at whom, and which fields differ; people are masked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.crm import odoo_shadow
from shared.errors import PermanentError
from shared.outbox import effects
from shared.settings import get_settings
from shared.shadow import acts, ours
from shared.shadow.compare import Counts, Difference, compare
from shared.vendors.odoo.client import OdooClient

ODOO = "odoo"
VENDORS = (ODOO,)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is compared: which effects (all), of which times, how far apart; `renamed`: names of the old system with ours."""

    only: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    tolerance: timedelta = timedelta(minutes=15)
    renamed: dict[str, str] | None = None


def with_log(path: Path, form: str, asked: Asked, counts: Counts) -> Iterator[str]:
    """Every difference from a log; empty where there is none.

    Raises:
        PermanentError: `unreadable-log`, or there is no such form.
    """
    if form not in acts.readers():
        raise PermanentError("unknown-form", f"no log is read as {form!r}; there are {', '.join(sorted(acts.readers()))}")
    theirs = acts.read(path, form, asked.renamed or {}, ours.states())

    def wanted(some: Iterable[acts.Act]) -> Iterator[acts.Act]:
        return (one for one in some if ours.is_wanted(one, asked.only, asked.since, asked.until))

    for found in compare(wanted(ours.acts()), wanted(theirs), counts, tolerance=asked.tolerance):
        yield line(found)


def with_odoo(counts: Counts, client: OdooClient | None = None) -> Iterator[str]:
    """Every record of Odoo's that is another than our record says; empty where there is none."""
    for model, manychat_id, drifts in odoo_shadow.differences(client or OdooClient.from_settings(get_settings())):
        counts.ours, counts.theirs = counts.ours + 1, counts.theirs + (not any(one.kind == "missing" for one in drifts))
        counts.same += not drifts
        counts.differences += bool(drifts)
        if not drifts:
            continue
        whom = effects.masked(manychat_id, "manychat_id")
        if drifts[0].fact is None:
            kind = "missing at theirs" if drifts[0].kind == "missing" else f"differing  {drifts[0].kind}"
            yield f"{kind}  {model}  {whom}"
            continue
        fields = "  ".join(f"{one.fact}: {_shown(one.fact, one.ours)} / {_shown(one.fact, one.theirs)}" for one in drifts)
        yield f"differing  {model}  {whom}  {fields}"


def line(found: Difference) -> str:
    """One difference as a line."""
    named = f" {found.name}" if found.name else ""
    at = f"  {found.at:%Y-%m-%d %H:%M:%S}" if found.at else ""
    fields = "".join(f"  {name}: {mine or '-'} / {other or '-'}" for name, (mine, other) in sorted(found.fields.items()))
    return f"{found.kind}  {found.effect}{named}  {found.person}  {found.place}{at}{fields}"


def total(counts: Counts) -> str:
    """The last line of a report."""
    return (
        f"{counts.ours:,} effects of ours, {counts.theirs:,} of theirs: {counts.same:,} the same, {counts.differences:,} differ"
    )


def _shown(fact: str | None, value: Any) -> str:
    return "-" if value in (None, "") else str(effects.masked(value, fact or ""))
