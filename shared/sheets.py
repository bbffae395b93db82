"""Google Sheets as targets of the outbox: a `RecordSync` of a flow's own writes rows (`shared.vendors.sheet_script`). Light."""

from shared.outbox.policy import TargetPolicy


def policy() -> TargetPolicy:
    """One row at a time: a script takes one lock for its whole sheet, and a run takes seconds."""
    return TargetPolicy(slots=1, batches_per_second=1)
