"""The form by which a flow or a system is paused: for how long, and why."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Depends, Form

from shared import clock

Hours = Literal["", "1", "4", "24"]
"""For how many hours; empty: until somebody resumes it."""


class PauseForm:
    """What was filled in. `until`: when the pause ends by itself, in UTC, or None; `note`: why, or None."""

    def __init__(self, note: Annotated[str, Form(max_length=200)] = "", hours: Annotated[Hours, Form()] = "") -> None:
        self.until: datetime | None = clock.now() + timedelta(hours=int(hours)) if hours else None
        self.note = note.strip() or None


Paused = Annotated[PauseForm, Depends()]
"""The form of a request."""
