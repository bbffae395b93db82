"""A forecast as JSON, as a table and as a picture; and what happened afterwards beside it."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from functions.broadcasts.forecast import Forecast

WIDTH, LEFT, ROW, TOP = 760, 170, 18, 64
MOST_BARS = 400


def as_json(forecast: Forecast) -> dict[str, Any]:
    """The forecast with plain values; hours are in UTC, each by its beginning."""
    course, cost = forecast.course, forecast.cost
    return {
        "starts_at": forecast.starts_at.isoformat(),
        "examined": forecast.examined,
        "is_complete": True,
        "sends": course.sent,
        "duplicates": forecast.duplicates,
        "skipped": dict(forecast.skipped),
        "skipped_total": sum(forecast.skipped.values()),
        "hours": [{"hour": hour.isoformat(), "sends": number} for hour, number in sorted(course.hours.items())],
        "first_at": _text(course.first_at),
        "last_at": _text(course.last_at),
        "put_off": dict(course.put_off),
        "unsent": course.unsent,
        "collisions": {"in_journeys": dict(forecast.in_journeys), "with_other_messages": forecast.with_messages},
        "cost": {
            "currency": cost.currency,
            "category": cost.category,
            "total": f"{cost.total}",
            "unpriced_messages": cost.unpriced,
            "countries": [
                {"country": country, "messages": number, "amount": _amount(cost.amounts, country)}
                for country, number in cost.messages.items()
            ],
        },
        "rate_per_hour": forecast.rate_per_hour,
        "faults": list(forecast.faults),
        "messaging_limit": {"people": forecast.limit, "used": forecast.limit_used},
    }


def _amount(amounts: Mapping[str, Any], country: str) -> str | None:
    return f"{amounts[country]}" if country in amounts else None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def table(shown: Mapping[str, Any]) -> str:
    """The forecast as lines of text."""
    cost, happened = shown["cost"], shown.get("happened")
    lines = [
        f"starts     {shown['starts_at']}",
        f"audience   {shown['examined']} examined{'' if shown.get('is_complete', True) else ' (the first part of it)'}",
        f"sends      {shown['sends']}, at most {shown['rate_per_hour']} an hour",
        f"last       {shown['last_at'] or '-'}",
        f"cost       {cost['total']} {cost['currency']} ({cost['category']}; {cost['unpriced_messages']} without a price)",
        *_limit_line(shown.get("messaging_limit") or {}),
        *(f"fault      {one}" for one in shown.get("faults") or ()),
        "",
        *_columns("left out", shown["skipped"]),
        *_columns("put off", shown["put_off"]),
        *_columns("in another journey", shown["collisions"]["in_journeys"]),
        "hour                       sends" + ("  happened" if happened else ""),
    ]
    actual = {one["hour"]: one["sends"] for one in happened["hours"]} if happened else {}
    planned = {one["hour"]: one["sends"] for one in shown["hours"]}
    for hour in sorted(planned.keys() | actual.keys()):
        beside = f"  {actual.get(hour, 0):8}" if happened else ""
        lines.append(f"{hour:25}  {planned.get(hour, 0):5}{beside}")
    return "\n".join(lines) + "\n"


def _limit_line(limit: Mapping[str, Any]) -> list[str]:
    people = limit.get("people")
    return [] if people is None else [f"limit      {people} people in 24 hours, {limit['used']} of them used"]


def _columns(title: str, counted: Mapping[str, int]) -> list[str]:
    if not counted:
        return []
    return [title, *(f"  {name:40} {number}" for name, number in sorted(counted.items())), ""]


def picture(shown: Mapping[str, Any], title: str) -> str:
    """Bars, one for each hour: what is planned, and as a line in it what happened. Plain SVG that needs nothing else."""
    happened = shown.get("happened")
    actual = {one["hour"]: one["sends"] for one in happened["hours"]} if happened else {}
    planned = {one["hour"]: one["sends"] for one in shown["hours"]}
    hours = sorted(planned.keys() | actual.keys())
    bars = hours[:MOST_BARS]
    most = max([1, *planned.values(), *actual.values()])
    height = TOP + ROW * max(len(bars), 1) + 24
    label = f"{title}: messages in each hour"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label={quoteattr(label)}',
        '  font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(label)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
        f'<text x="12" y="44">{escape(_summary(shown))}</text>',
    ]
    for place, hour in enumerate(bars):
        parts += _bar(TOP + ROW * place, hour, planned.get(hour, 0), actual.get(hour) if happened else None, most)
    if len(hours) > len(bars):
        parts.append(f'<text x="12" y="{height - 8}">and {len(hours) - len(bars)} more hours</text>')
    return "\n".join([*parts, "</svg>"])


def progress(title: str, words: str, percent: int) -> str:
    """How far a forecast is, as a picture."""
    length = (WIDTH - 24) * percent / 100
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + ROW}" role="img"',
            f"  aria-label={quoteattr(f'{title}: {words}')}",
            '  font-family="system-ui, sans-serif" font-size="12">',
            f"<title>{escape(f'{title}: {words}')}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="12" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
            f'<text x="12" y="44">{escape(words)}</text>',
            f'<rect x="12" y="{TOP - 8}" width="{WIDTH - 24}" height="12" fill="#e3e6ea"/>',
            f'<rect x="12" y="{TOP - 8}" width="{length:.1f}" height="12" fill="#0b57d0"/>',
            "</svg>",
        )
    )


def _summary(shown: Mapping[str, Any]) -> str:
    cost = shown["cost"]
    parts = [f"{shown['sends']} messages", f"{shown['skipped_total']} left out", f"last {shown['last_at'] or '-'}"]
    return " · ".join([*(shown.get("faults") or ()), *parts, f"{cost['total']} {cost['currency']}"])


def _bar(y: int, hour: str, planned: int, actual: int | None, most: int) -> list[str]:
    length = (WIDTH - LEFT - 90) * planned / most
    words = f"{planned}" if actual is None else f"{planned} / {actual}"
    parts = [
        f'<text x="12" y="{y + 12}">{escape(hour[:16].replace("T", " "))}</text>',
        f'<rect x="{LEFT}" y="{y + 2}" width="{length:.1f}" height="12" fill="#0b57d0"/>',
        f'<text x="{LEFT + length + 6:.1f}" y="{y + 12}">{words}</text>',
    ]
    if actual is not None:
        at = LEFT + (WIDTH - LEFT - 90) * actual / most
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y}" y2="{y + 16}" stroke="#b3261e" stroke-width="2"/>')
    return parts


def compared(shown: Mapping[str, Any], hours: Counter[datetime], skipped: Counter[str]) -> dict[str, Any]:
    """The forecast with what happened beside it: messages in each hour, reasons, and by how much both differ."""
    sent = sum(hours.values())
    happened = {
        "sends": sent,
        "hours": [{"hour": hour.isoformat(), "sends": number} for hour, number in sorted(hours.items())],
        "last_hour": _text(max(hours, default=None)),
        "skipped": dict(sorted(skipped.items())),
        "sends_more_than_forecast": sent - shown["sends"],
        "skipped_more_than_forecast": sum(skipped.values()) - shown["skipped_total"],
    }
    return {**shown, "happened": happened}
