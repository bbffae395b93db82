"""A talking flow as a picture: each step a box, each way an arrow with the answer that leads there; SVG that needs no more.

The steps that a forecast reaches are drawn in colour, with their time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from shared.approvals import APPROVED
from shared.journeys import timing
from shared.journeys.forecast_lines import Line
from shared.journeys.speech import DAY_AND_TIME, ENGLISH, Speech
from shared.journeys.talks.definition import TalkingFlow, TalkStep
from shared.phrases import phrase

LEFT, BOX, ROW, TOP, BOTTOM, WIDTH = 24, 420, 64, 56, 24, 980
HEIGHT = 40
LINE = 16  # of the sentences under the steps
LANE = 26  # between two arrows that pass other steps
LONGEST = 58  # characters of a text that a box shows
COLOURS = {"ask": "#0b57d0", "send": "#1a7f37", "do": "#6e7781", "end": "#9a6700"}


@dataclass(frozen=True)
class Way:
    """One way from a step to another, and the answer or reason by which it is taken."""

    start: int
    end: int
    label: str


def ways(flow: TalkingFlow) -> list[Way]:
    """Every way that the flow has; that to the step below comes first for each step."""
    places = {step.id: place for place, step in enumerate(flow.steps)}
    return [Way(places[step.id], places[target], label) for step in flow.steps for target, label in _ways_of(flow, step)]


def _ways_of(flow: TalkingFlow, step: TalkStep) -> Iterator[tuple[str, str]]:
    below = flow.below(step.id)
    follows = below if not isinstance(step.next, str) else step.next
    if step.end is None and follows is not None and not _leads_away(step):
        yield follows, ""
    if isinstance(step.next, dict):
        titles = {one.id: one.title for one in step.ask.options} if step.ask else {}
        yield from ((target, titles.get(answer, answer)) for answer, target in step.next.items())
    if step.when is not None and below is not None and (isinstance(step.next, str) or _leads_away(step)):
        yield below, phrase("otherwise")
    if step.if_no_reply is not None:
        yield step.if_no_reply, _silence(step)
    if step.if_not_understood is not None:
        yield step.if_not_understood, phrase("not understood")


def _leads_away(step: TalkStep) -> bool:
    """Whether every option of a question, or an approval, leads to a step of its own, so that none leads to the step below."""
    options = {one.id for one in step.ask.options} if step.ask else {APPROVED} if step.approve else set[str]()
    return bool(options) and isinstance(step.next, dict) and options <= step.next.keys()


def _silence(step: TalkStep) -> str:
    if step.ask is None or step.ask.repeat_after is None:
        return phrase("no reply in %(time)s", time=step.wait_at_most)
    return phrase(
        "no reply in %(time)s, asked again %(times)s x after %(again)s",
        time=step.wait_at_most,
        times=step.ask.repeat_times,
        again=step.ask.repeat_after,
    )


def draw(flow: TalkingFlow, lines: Sequence[Line], speech: Speech = ENGLISH) -> str:
    """The picture; of several people in a forecast the first one's times are shown."""
    always = [speech.words(one) for one in _always(flow)]
    title = speech.title(flow.title)
    label = f"{title}: {speech.words(phrase('steps and branches'))}"
    height = TOP + ROW * len(flow.steps) + BOTTOM + LINE * len(always)
    person = lines[0].person if lines else ""
    known = {line.step: line for line in lines if line.person == person and line.goes_at is not None}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        f'  aria-label={quoteattr(label)} font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        (
            '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#57606a"/></marker></defs>'
        ),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{escape(title)}</text>',
    ]
    for place, step in enumerate(flow.steps):
        parts += _box(place, step, known.get(step.id), speech)
    lane = 0
    for way in ways(flow):
        passes = way.end != way.start + 1 or bool(way.label)
        parts += _arrow(way, lane, speech) if passes else _down(way)
        lane += passes
    under = _y(len(flow.steps)) + 4
    parts += [
        f'<text x="{LEFT}" y="{under + LINE * place}" fill="#57606a">{escape(text)}</text>' for place, text in enumerate(always)
    ]
    return "\n".join([*parts, "</svg>"])


def _always(flow: TalkingFlow) -> list[str]:
    """What holds at every question, as sentences under the steps."""
    defaults = {phrase("no reply"): flow.if_no_reply, phrase("not understood"): flow.if_not_understood}
    named = {reason: target for reason, target in defaults.items() if target is not None}
    words = {f"“{word}”": action for word, action in flow.keywords.items()}
    return [
        phrase("At every question: %(answer)s → %(target)s", answer=answer, target=target)
        for answer, target in (named | words).items()
    ]


def _y(place: int) -> int:
    return TOP + ROW * place


def _box(place: int, step: TalkStep, line: Line | None, speech: Speech) -> list[str]:
    kind, text = _content(step, speech)
    y, colour = _y(place), COLOURS[kind]
    goes_at = timing.local(line.goes_at, line.zone) if line is not None and line.goes_at is not None else None
    at = f" · {speech.at(goes_at, DAY_AND_TIME)}" if goes_at else ""
    condition = f" ({speech.words(phrase('when %(condition)s', condition=step.when))})" if step.when else ""
    return [
        (
            f"<g><title>{escape(f'{step.id}: {text}{condition}')}</title>"
            f'<rect x="{LEFT}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="6" fill="{"#f0f6ff" if line else "#f6f8fa"}"'
            f' stroke="{colour}" stroke-width="{2 if line else 1}"/>'
        ),
        f'<text x="{LEFT + 10}" y="{y + 16}" font-weight="600" fill="{colour}">{escape(step.id)}{escape(at)}</text>',
        f'<text x="{LEFT + 10}" y="{y + 32}">{escape(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")}</text></g>',
    ]


def _content(step: TalkStep, speech: Speech) -> tuple[str, str]:
    """The kind of a step, and what it says or does."""
    if step.approve is not None:
        return "ask", speech.words(phrase("approval: %(what)s", what=" ".join(step.approve.title.split())))
    if step.ask is not None:
        return "ask", " ".join((step.ask.text or f"[{step.ask.template}]").split())
    if step.sends:
        return "send", " ".join((step.say or f"[{step.channel} {step.template}]").split())
    if step.end is not None:
        return "end", f"→ {step.end}"
    return "do", speech.words(_deed(step))


def _deed(step: TalkStep) -> str:
    if step.tag is not None:
        return phrase("tag: %(tags)s", tags=", ".join(step.tag))
    if step.assign is not None:
        advisor = step.assign.advisor or phrase("nobody")
        return phrase("assign to %(advisor)s: %(note)s", advisor=advisor, note=step.assign.note)
    return phrase("set: %(values)s", values=", ".join(f"{name} = {value}" for name, value in (step.set or {}).items()))


def _down(way: Way) -> list[str]:
    x = LEFT + 60
    return [
        f'<path d="M{x} {_y(way.start) + HEIGHT} V{_y(way.end)}" stroke="#57606a" fill="none" marker-end="url(#to)"/>',
    ]


def _arrow(way: Way, lane: int, speech: Speech) -> list[str]:
    """An arrow on the right of the boxes, in a lane of its own as far as there is room, with its label where it begins."""
    x, out = LEFT + BOX, 60 + LANE * (lane % 14)
    start, end = _y(way.start) + 10 + 7 * (lane % 4), _y(way.end) + HEIGHT // 2
    words = escape(speech.words(way.label))
    label = f'<text x="{x + 6}" y="{start - 3}" font-size="10" fill="#24292f">{words}</text>' if words else ""
    return [
        f'<path d="M{x} {start} H{x + out} V{end} H{x}" stroke="#57606a" fill="none" marker-end="url(#to)"/>{label}',
    ]
