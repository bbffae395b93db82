"""Faults that a test or a person switches on for a vendor, and the draw that decides whether the next call meets one."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MODES: Mapping[str, str] = {
    "none": "Answers as it should.",
    "down": "The connection is closed at once, without an answer; with `status`, that HTTP status is answered instead.",
    "slow": "Answers rightly, after `seconds`.",
    "flaky": "A share (`rate`) of the calls fails and does nothing: half with 503, half by a cut connection.",
    "rate_limited": "Answers 429 with `Retry-After: seconds`; does nothing.",
    "garbage": "Answers 200 with an HTML page, as a proxy in between would; does nothing.",
    "moved": "Answers 301 with another address and no body, as a gateway or a renamed account does; does nothing.",
    "accept_then_drop": "Does the work, then cuts the connection without an answer.",
}


class Fault(BaseModel):
    """A fault as it is asked for: which, how often, how long. The defaults suit a person at the page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: str = Field(description="one of the shared modes or of the vendor's own")
    rate: float | None = Field(default=None, gt=0, le=1, description="share of calls that meet it; flaky 0.5, others 1")
    seconds: float = Field(default=2, ge=0, le=600, description="how long slow waits, or what Retry-After says")
    count: int | None = Field(default=None, ge=1, description="after so many calls it is over")
    seed: int | None = Field(default=None, description="makes the draw the same every time")
    status: int | None = Field(default=None, ge=500, le=599, description="for down: the status to answer")
    only: str | None = Field(default=None, min_length=1, description="only calls whose `what` contains this")

    @model_validator(mode="after")
    def _status_is_for_down(self) -> Self:
        if self.status is not None and self.mode != "down":
            raise ValueError("`status` goes with mode down only")
        return self

    @property
    def share(self) -> float:
        """The share of calls that meet it."""
        if self.rate is not None:
            return self.rate
        return 0.5 if self.mode == "flaky" else 1.0


NO_FAULT = Fault(mode="none")


@dataclass
class FaultBox:
    """The fault of one vendor, as it stands."""

    fault: Fault = NO_FAULT
    left: int | None = None
    chance: random.Random = field(default_factory=random.Random)

    def set(self, fault: Fault) -> None:
        """Put `fault` in the place of the present one; its count and its random draw start anew."""
        self.fault, self.left, self.chance = fault, fault.count, random.Random(fault.seed)

    def draw(self, what: str) -> Fault:
        """The fault that the next call meets, or `NO_FAULT`. Counts it, and ends the fault after its last call."""
        fault = self.fault
        if fault.mode == "none" or (fault.only and fault.only not in what):
            return NO_FAULT
        if self.chance.random() >= fault.share:
            return NO_FAULT
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.set(NO_FAULT)
        return fault

    def cuts(self) -> bool:
        """For flaky: whether this failure is a cut connection (else a 503)."""
        return self.chance.random() < 0.5  # noqa: PLR2004  # half and half

    def shown(self) -> dict[str, Any]:
        """As JSON: what is set, and how many calls are left of it."""
        return {**self.fault.model_dump(exclude_none=True), "rate": self.fault.share, "left": self.left}
