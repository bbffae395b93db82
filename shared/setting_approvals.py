"""The settings of approvals."""

from collections import Counter
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.setting_groups import SettingsGroup
from shared.setting_types import Kept

Approver = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Address = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)
]


class ApprovalSettings(SettingsGroup):
    """Who is asked for an approval, and how long approvals are kept."""

    approvers: dict[Approver, Address] = Field(
        default_factory=dict,
        description="JSON object: who approves, by the name of their API key, and the address to which their links go, "
        '`{"marta": "marta@example.com"}`. A name without an API key decides by its links alone. Without anybody the '
        "operators get an alert, and approvals are decided by the API.",
    )
    retention_approval_days: Kept = Field(
        default=365,
        description="Days after which an approval that was decided, or has expired, is removed; 0 keeps it for ever.",
    )

    def faults(self) -> list[str]:
        """Two names with one address, or one name twice, would let somebody approve what they have asked for themselves."""
        names = Counter(name.casefold() for name in self.approvers)
        faults = [f"APPROVERS: {name} stands there twice" for name, count in names.items() if count > 1]
        if len(set(self.approvers.values())) < len(self.approvers):
            faults.append("APPROVERS: two names have one address; each is to be another person's")
        return faults
