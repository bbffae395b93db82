"""A forecast as a picture: one row for each person, one mark for each step, in SVG that needs nothing else."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from shared.journeys import timing
from shared.journeys.definition import Journey
from shared.journeys.forecast_lines import Line, span, zone_of
from shared.journeys.speech import DAY, ENGLISH, TIME, Speech
from shared.journeys.talks import picture as talks
from shared.journeys.talks.definition import TalkingFlow
from shared.phrases import counted_phrase, phrase

type Scale = tuple[datetime, timedelta] | None

LEFT, WIDTH, ROW, TOP, BOTTOM = 190, 980, 56, 56, 30
MOST_ROWS = 60
TICKS = 8
LETTER = 10  # so wide is a letter of the title at most, about
# Told apart by shape as well as by colour.
MARKS = {
    "sent": ("#1a7f37", "circle"),
    "goes": ("#0b57d0", "circle"),
    "moved": ("#9a6700", "diamond"),
    "recorded": ("#6e7781", "circle"),
    "skipped": ("#b3261e", "cross"),
    "waits": ("#6e7781", "cross"),
}


def picture_of(journey: Journey, lines: Sequence[Line], speech: Speech = ENGLISH) -> str:
    """The forecast of a journey as a picture; of a talking flow, its steps and branches with the times of the forecast."""
    if isinstance(journey, TalkingFlow):
        return talks.draw(journey, lines, speech)
    return draw(speech.title(journey.title), lines, speech)


def draw(title: str, lines: Sequence[Line], speech: Speech = ENGLISH) -> str:
    """The picture, at most MOST_ROWS people high; what is left out is said in it."""
    people = list(dict.fromkeys(line.person for line in lines))
    shown = people[:MOST_ROWS]
    height = TOP + ROW * len(shown) + BOTTOM
    label = f"{title}: {speech.words(phrase('who gets what and when'))}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 40} {height}" role="img"',
        f'  aria-label={quoteattr(label)} font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(label)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
        *_legend(max(LEFT, 12 + LETTER * len(title)), speech),
        *_axis(lines, height, speech),
    ]
    for place, person in enumerate(shown):
        parts += _row(place, person, lines, span(lines), speech)
    if left := len(people) - len(shown):
        more = counted_phrase("and %(count)s more person", "and %(count)s more people", left)
        parts.append(f'<text x="12" y="{height - 8}">{escape(speech.words(more))}</text>')
    return "\n".join([*parts, "</svg>"])


def _legend(x: int, speech: Speech) -> list[str]:
    """What the marks mean, beside the title."""
    parts = []
    for what in ("sent", "goes", "moved", "skipped"):
        words = speech.words(what)
        parts += [_mark(what, x, 18), f'<text x="{x + 10}" y="22">{escape(words)}</text>']
        x += max(80, 30 + LETTER * len(words))
    return parts


def _axis(lines: Sequence[Line], height: int, speech: Speech) -> list[str]:
    found = span(lines)
    if found is None:
        return []
    start, length = found
    zone, parts = zone_of(lines), []
    for tick in range(TICKS + 1):
        moment, x = start + length * tick / TICKS, LEFT + WIDTH * tick / TICKS
        label = speech.at(timing.local(moment, zone), TIME if length < timedelta(days=TICKS) else DAY)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 8}" y2="{height - BOTTOM}" stroke="#e3e6ea"/>')
        parts.append(f'<text x="{x:.0f}" y="{TOP - 14}" text-anchor="middle" fill="#57606a">{escape(label)}</text>')
        if not length:
            break
    return parts


def _row(place: int, person: str, lines: Sequence[Line], scale: Scale, speech: Speech) -> list[str]:
    y = TOP + ROW * place + 18
    zone = zone_of(lines)
    parts = [
        f'<text x="12" y="{y + 4}" font-weight="600">{escape(speech.words(person)[:26])}</text>',
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#c9ced6"/>',
    ]
    for number, line in enumerate(line for line in lines if line.person == person):
        at = line.goes_at or line.due_at
        if at is None:
            continue
        x = _x(at, scale)
        what = ", ".join(map(speech.words, filter(None, (line.what, line.reason))))
        title = f"{line.step} ({line.channel}, {line.template}): {what}, "
        title += f"{timing.local(at, zone):%Y-%m-%d %H:%M} {zone}"
        below = y + 18 + 11 * (number % 2)
        parts.append(f"<g><title>{escape(title)}</title>{_mark(line.what, x, y)}")
        parts.append(f'<text x="{x:.0f}" y="{below}" text-anchor="middle" font-size="10">{escape(line.step)}</text></g>')
    return parts


def _x(at: datetime, scale: Scale) -> float:
    if scale is None or not scale[1]:
        return LEFT
    return LEFT + WIDTH * ((at - scale[0]) / scale[1])


def _mark(what: str, x: float, y: float) -> str:
    colour, shape = MARKS[what]
    if shape == "circle":
        return f'<circle cx="{x:.0f}" cy="{y}" r="5" fill="{colour}"/>'
    if shape == "diamond":
        return f'<path d="M{x:.0f} {y - 6} l6 6 l-6 6 l-6 -6 z" fill="{colour}"/>'
    return f'<path d="M{x - 4:.0f} {y - 4} l8 8 m0 -8 l-8 8" stroke="{colour}" stroke-width="2" fill="none"/>'
