"""The demonstration's meeting: two calendars are read, the first hour free in both is booked, people are told."""

from datetime import UTC, datetime

from local.part import PostingPart, Row

PATH = "/api/v1/meetings"
ORGANIZER, GUEST = "juan@empresa.example", "maria@empresa.example"


class Demo(PostingPart):
    """Asks for the meeting as somebody in the office would."""

    def show(self) -> bool:
        """Ask for it, and wait until it has its time and its event; whether both came."""
        subject = f"Revisión {datetime.now(UTC):%d%H%M%S}"
        print(f"\n  POST {PATH}  ({subject}, {ORGANIZER} and {GUEST})")
        answer = self._post(PATH, {"organizer_email": ORGANIZER, "attendees": [GUEST], "subject": subject})
        if "meeting" not in answer:
            print(f"    refused: {answer}")
            return False
        number = answer["meeting"]["id"]
        self.step(f"asked     meeting {number}; the calendars of both are read")
        missing = "meeting: did not come in time"
        return self.came(f"{PATH}?email={ORGANIZER}", lambda row: row["id"] == number and _is_booked(row), _shown, missing)


def _is_booked(row: Row) -> bool:
    return (row["status"], row["calendar_sync_status"]) == ("confirmed", "success")


def _shown(row: Row) -> str:
    start = datetime.fromisoformat(row["start_time"])
    return f"booked    {start:%Y-%m-%d %H:%M} UTC ({row['reason']}), one event in {row['calendar_provider']}"
