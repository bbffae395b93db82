"""What the team's channel in Slack reads of a meeting: booked, moved, cancelled. Once for each of them."""

from zoneinfo import ZoneInfo

from functions.meetings.tables import CANCELLED, Meeting


def in_slack(meeting: Meeting) -> None:
    """Post it as the meeting is now. Raises PuenteError."""
    from shared.vendors.slack import post

    post(text_of(meeting))


def text_of(meeting: Meeting) -> str:
    """The subject, when, who has asked for it, and how many come: no addresses of those who are invited."""
    word = "cancelada" if meeting.status == CANCELLED else "movida" if meeting.sequence else "confirmada"
    lines = [f"Reunión {word}: {meeting.subject}"]
    if meeting.starts_at is not None:
        local = meeting.starts_at.astimezone(ZoneInfo(meeting.zone))
        lines.append(f"Cuándo: {local:%Y-%m-%d %H:%M} ({meeting.zone}), {meeting.minutes} min")
    return "\n".join([*lines, f"Organiza: {meeting.organizer}", f"Personas: {len(meeting.present) + 1}"])
