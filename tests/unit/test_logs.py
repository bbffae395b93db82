"""Log lines say what they belong to and tell of no person."""

import json
import logging

import pytest

from shared import logs


@pytest.fixture(autouse=True)
def as_before():
    """The format and the record factory of the process are put back."""
    yield
    logs.configure("INFO")


def said(caplog, line, *arguments, logger="puente.intake"):
    """What a line becomes."""
    with caplog.at_level(logging.INFO, logger="puente"):
        logging.getLogger(logger).info(line, *arguments)
    return caplog.messages[-1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ana.gomez@example.com wrote", "a***@example.com wrote"),
        ("call +52 55 1234 5678 now", "call +52***78 now"),
        (
            "event 67168612f2448ecaef5211cce178c7778804a7698ac127f7af43302d40bd",
            "event 67168612f2448ecaef5211cce178c7778804a7698ac127f7af43302d40bd",
        ),
        ("202 in 15 ms", "202 in 15 ms"),
        ("call (55) 1234 5678 now", "call (55***78 now"),
        ("?e=ana%40example.com&n=1", "?e=a***@example.com&n=1"),
        ("?p=%2B525512345678&n=1", "?p=%2B525***78&n=1"),
    ],
)
def test_people_are_unrecognisable_and_the_rest_stays(text, shown):
    """Addresses and phone numbers are masked; ids, times and counts are not."""
    assert logs.mask(text) == shown


def test_loggers_below_ours_are_masked_too(caplog):
    """A record of `puente.intake` is masked, arguments included."""
    logs.configure("INFO")
    assert said(caplog, "from %s", "ana@example.com") == "from a***@example.com"


def test_lines_of_others_are_left_alone(caplog):
    """Somebody else's record is not touched."""
    logs.configure("INFO")
    with caplog.at_level(logging.INFO, logger="somebody"):
        logging.getLogger("somebody").info("from %s", "ana@example.com")
    assert caplog.messages[-1] == "from ana@example.com"


def test_json_lines_say_what_they_belong_to(caplog):
    """With LOG_FORMAT=json a line is an object with event and function, and those of an outer scope as well."""
    logs.configure("INFO", "json")
    with logs.bound(flow="manychat.contact", event_id="e1"), logs.bound(delivery_id=7):
        line = json.loads(said(caplog, "sent to %s", "ana@example.com"))
    assert line == {
        "message": "sent to a***@example.com",
        "level": "INFO",
        "logger": "puente.intake",
        "flow": "manychat.contact",
        "event_id": "e1",
        "delivery_id": 7,
    }


def test_the_watch_line_keeps_its_form(caplog):
    """Alerts look for how it begins, so it is never wrapped."""
    logs.configure("INFO", "json")
    assert said(caplog, 'puente.watch {"a": 1}', logger="puente.watch") == 'puente.watch {"a": 1}'


def test_what_somebody_sends_makes_no_line_of_its_own(caplog):
    """A line break in it is written as two signs, and so is what moves a terminal's cursor."""
    logs.configure("INFO")
    assert said(caplog, "refused: %s", "x\nERROR lost\r\x1b[2J\u2028") == "refused: x\\nERROR lost\\r\\x1b[2J\\u2028"


def test_tracebacks_are_masked(caplog):
    """The text of an error, and the lines that it passed, name nobody."""
    logs.configure("INFO")
    try:
        int("no such person: ana@example.com, (55) 1234 5678")
    except ValueError:
        logging.getLogger("puente.intake").exception("it broke")
    shown = logging.Formatter().format(caplog.records[-1])
    assert "no such person: a***@example.com" in shown
    assert "ana@" not in shown
    assert "1234" not in shown
