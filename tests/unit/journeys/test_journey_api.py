"""Journeys over the API: what there is, why somebody did not get it and when they will, pause, resume, forecast."""

from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from shared import clock
from shared.journeys import engine, load
from shared.settings import get_settings
from shared.store.models import ActionLog
from shared.store.session import reading, transact
from tests.conftest import ROOT, START
from tests.support.journeys import Post, dispatch, run
from tests.unit.web.calls import Api

LIST = "/api/v1/journeys"
ANA = {"email": "ana@example.com", "phone": "+525512345678", "time_zone": "America/Mexico_City"}


@pytest.fixture
def call(vendors: Post, environment: pytest.MonkeyPatch) -> Api:
    """The API over the same database."""
    import json

    from tests.unit.web.calls import KEYS

    environment.setenv("API_KEYS", json.dumps(KEYS))
    get_settings.cache_clear()
    return Api()


@pytest.fixture
def quiet(environment: pytest.MonkeyPatch) -> None:
    """Quiet from 20 to 9 o'clock, where the person lives."""
    environment.setenv("QUIET_HOURS", "20:00-09:00")
    get_settings.cache_clear()


def signal(event: str, data: dict[str, Any] = ANA, key: str = "e1") -> list[int]:
    """An event of one lead."""
    return transact(lambda session: engine.signal(session, event, ["lead:1"], data, event_key=key))


def steps(answer: Any) -> dict[str, Any]:
    """The steps of an enrolment by name."""
    return {step["step"]: step for step in answer["steps"]}


class TestBeginning:
    """Who waits for the pause before a journey to be over."""

    def test_list_and_count(self, call: Api, define: Any, test_clock: clock.TestClock) -> None:
        """Who waits, until when, and afterwards by which enrolment they entered; they are no enrolment before."""
        define(
            "name: cart\ntitle: Cart\nenrol_on: [{event: cart.updated, settle: 1h, unless: [order.placed]}]\n"
            "steps: [{id: one, channel: email, template: a}]\n"
        )
        signal("cart.updated")
        (found,) = call.get(f"{LIST}/cart/beginnings?state=waiting&person=lead:1").json["items"]
        assert (found["state"], found["due_at"], found["enrolment_id"]) == ("waiting", "2026-03-02T10:00:00Z", None)
        assert (call.get(f"{LIST}/cart").json["waiting"], call.get(f"{LIST}/cart").json["enrolments"]) == (1, {})
        assert (
            call.post(f"{LIST}/cart/forecast", body={"everybody": True}).json["lines"][0]["goes_at"] == "2026-03-02T10:00:00Z"
        )
        run(test_clock, hours=2)
        (found,) = call.get(f"{LIST}/cart/beginnings").json["items"]
        assert (found["state"], found["enrolment_id"]) == ("begun", 1)
        assert call.get(f"{LIST}/cart").json["waiting"] == 0
        assert call.get(f"{LIST}/nope/beginnings").status == 404


class TestEnrolment:
    """The question that people ask: why did Ana not get it, and when will she?"""

    def test_when_will_she(self, call: Api, quiet: None, test_clock: clock.TestClock) -> None:
        """Due times, put off to where her window opens, with a sentence for each step."""
        signal("lead.created")  # 09:00 UTC is 03:00 in Mexico
        found = call.get(f"{LIST}/lead_followup/enrolments/1").json
        day_3 = steps(found)["day_3"]
        assert (found["state"], found["person"], found["is_newest_version"]) == ("active", "lead:1", True)
        assert day_3["due_at"] == "2026-03-05T09:00:00Z"
        assert day_3["goes_at"] == "2026-03-05T15:00:00Z"
        assert day_3["answer"] == "It goes out on 2026-03-05 at 15:00 UTC."

    def test_what_was_moved_says_by_what(self, call: Api, quiet: None, test_clock: clock.TestClock) -> None:
        """The call waits for the morning; the decision names quiet hours."""
        signal("lead.created")
        run(test_clock, hours=1)
        found = call.get(f"{LIST}/lead_followup/enrolments/1").json
        assert "It was put off: quiet-hours." in steps(found)["call"]["answer"]
        moved = [one for one in found["decisions"] if one["step"] == "call" and one["kind"] == "moved"]
        assert moved[0]["reason"].startswith("quiet-hours, to 2026-03-02T15:00")
        assert steps(found)["welcome_email"]["answer"].startswith("It was sent; the last word of the vendor is 'sent'")

    def test_why_not(self, call: Api, vendors: Post, test_clock: clock.TestClock) -> None:
        """Booked: everything else was cancelled, and may be taken up again."""
        signal("lead.created")
        dispatch()
        signal("booking.created", ANA | {"booking_uid": "b", "start_at": "2026-03-10T15:00:00Z"})
        found = call.get(f"{LIST}/lead_followup/enrolments/1").json
        assert (found["state"], found["reason"]) == ("suspended", "booking.created")
        assert steps(found)["day_6"]["answer"] == "It was cancelled: booking.created. It may be taken up again."
        assert [one["kind"] for one in found["decisions"] if one["step"] is None] == ["enrolled", "exited"]

    def test_no_phone(self, call: Api, test_clock: clock.TestClock) -> None:
        """A step that nobody could receive names what is missing."""
        signal("lead.created", {"email": "ana@example.com"})
        answer = steps(call.get(f"{LIST}/lead_followup/enrolments/1").json)["day_3"]["answer"]
        assert answer == "It was not sent (skipped): no phone is known."

    def test_step_that_waits_for_a_date_and_one_sent_by_another(self, call: Api, test_clock: clock.TestClock) -> None:
        """Neither is a mistake; both say what they are."""
        signal("booking.created", ANA | {"booking_uid": "b", "start_at": "2026-03-10T15:00:00Z"})
        signal("assessment.completed", ANA | {"email_1_sent_at": START.isoformat()}, key="a")
        booked, assessed = (
            steps(call.get(f"{LIST}/{name}/enrolments/{n}").json) for name, n in (("booking", 1), ("assessment", 2))
        )
        assert booked["survey"]["answer"] == "It waits: there is no end_at to count from yet."
        assert assessed["email_1"]["answer"] == "It was sent by somebody else: sent_by_website."

    @pytest.mark.parametrize("path", ["nothing/enrolments/1", "booking/enrolments/1", "lead_followup/enrolments/99"])
    def test_what_is_not_there(self, call: Api, test_clock: clock.TestClock, path: str) -> None:
        """404, also for an enrolment in another journey."""
        signal("lead.created")
        assert call.get(f"{LIST}/{path}").status == 404

    def test_list_of_who_is_in_it(self, call: Api, test_clock: clock.TestClock) -> None:
        """By person and by state."""
        signal("lead.created")
        assert call.get(f"{LIST}/lead_followup/enrolments", person="lead:1", state="active").json["total"] == 1
        assert call.get(f"{LIST}/lead_followup/enrolments", person="lead:2").json["total"] == 0


class TestLeaving:
    """An operator lets somebody leave, who has said so to a person."""

    @pytest.mark.parametrize("event", ["lead.created", "booking.created"])
    def test_nothing_more_goes_out(self, call: Api, vendors: Post, test_clock: clock.TestClock, event: str) -> None:
        """Also of one that a booking holds; with the name of who did it, in the journey and in the action log."""
        for one in ("lead.created", event):
            signal(one, ANA | {"booking_uid": "b", "start_at": "2026-03-10T15:00:00Z"}, key=one)
        left = call.post(f"{LIST}/lead_followup/enrolments/1/exit", key="write-key").json
        assert (left["state"], left["reason"], left["left_at"]) == ("exited", "by key:robot", "2026-03-02T09:00:00Z")
        run(test_clock, days=14)
        assert {one.enrolment for one in vendors.sent} <= {2}
        with reading() as session:
            logged = session.query(ActionLog).filter_by(action="enrolment.exit").one()
        assert (logged.actor, logged.subject, logged.detail) == ("key:robot", "lead:1", "lead_followup")

    def test_only_once_and_only_whoever_is_in_it(self, call: Api, test_clock: clock.TestClock) -> None:
        """409 when they have left; 404 for another journey's number. They may enter again."""
        signal("lead.created")
        path = f"{LIST}/lead_followup/enrolments/1/exit"
        assert [call.post(path).status for _ in range(2)] == [200, 409]
        assert call.post(f"{LIST}/booking/enrolments/1/exit").status == 404
        assert call.post(f"{LIST}/lead_followup/enrolments/9/exit").status == 404
        assert signal("lead.created", key="e2") == [2]


class TestJourneys:
    """What there is; pause and resume."""

    def test_list_and_one(self, call: Api, test_clock: clock.TestClock) -> None:
        """Version, number of people by standing, definition."""
        signal("lead.created")
        listed = {one["name"]: one for one in call.get(LIST).json}
        assert sorted(listed) == sorted(load.definitions())
        assert listed["lead_followup"]["enrolments"] == {"active": 1}
        one = call.get(f"{LIST}/booking").json
        assert one["version"] == load.journey("booking").version()
        assert one["definition"]["steps"][1]["delay"] == "-24h"
        assert call.get(f"{LIST}/nothing").status == 404

    def test_pause_and_resume(self, call: Api, test_clock: clock.TestClock) -> None:
        """Twice is refused; what is paused says so, everywhere."""
        signal("lead.created")
        path = f"{LIST}/lead_followup"
        assert call.post(f"{path}/pause").json["paused_at"] == "2026-03-02T09:00:00Z"
        assert call.post(f"{path}/pause").status == 409
        assert call.get(path).json["paused_at"] is not None
        answer = steps(call.get(f"{path}/enrolments/1").json)["day_3"]
        assert (answer["goes_at"], answer["answer"]) == (None, "It waits: the journey is paused since 2026-03-02 09:00 UTC.")
        test_clock.advance(days=1)
        assert call.post(f"{path}/resume").json == {"journey": "lead_followup", "paused_at": None, "moved": 1}
        assert call.post(f"{path}/resume").status == 409
        assert steps(call.get(f"{path}/enrolments/1").json)["day_3"]["due_at"] == "2026-03-06T09:00:00Z"

    def test_only_who_may_write_pauses(self, call: Api, test_clock: clock.TestClock) -> None:
        """A key for reading reads."""
        assert call.post(f"{LIST}/booking/pause", key="read-key").status == 403


class TestForecast:
    """Who would get what and when; what a changed definition would change."""

    def ask(self, call: Api, name: str = "lead_followup", **body: Any) -> Any:
        """The forecast."""
        answer = call.post(f"{LIST}/{name}/forecast", body=body)
        assert answer.status == 200, answer.body
        return answer.json

    @pytest.mark.slow
    def test_forecast_is_what_happens(self, call: Api, vendors: Post, quiet: None, test_clock: clock.TestClock) -> None:
        """The year is run for real afterwards: the same steps at the same times, windows included."""
        answered = self.ask(call, data=ANA, at=START.isoformat(), assume={"call": "no-answer"})
        expected = [(line["step"], line["goes_at"][:16]) for line in answered["lines"] if line["goes_at"]]
        signal("lead.created")
        dispatch()
        for _hour in range(24 * 14):
            test_clock.advance(hours=1)
            dispatch()
            if "call" in vendors.steps() and "missed_call" not in vendors.steps():
                vendors.says("call", "no-answer")
                dispatch()
        happened = [(one.step, one.at.isoformat()[:16]) for one in vendors.sent]
        assert dict(happened) == dict(expected)
        assert len(happened) == len(expected)

    def test_forecast_of_those_who_are_in_it(self, call: Api, vendors: Post, test_clock: clock.TestClock) -> None:
        """What was sent is told as sent; what is left, when it goes."""
        signal("lead.created")
        run(test_clock, days=4)
        lines = {line["step"]: line for line in self.ask(call, everybody=True)["lines"]}
        assert lines["day_3"]["what"] == "sent"
        assert (lines["day_6"]["what"], lines["day_6"]["goes_at"]) == ("goes", "2026-03-08T09:00:00Z")
        one = self.ask(call, enrolment=1)["lines"]
        assert one == list(lines.values())
        assert call.post(f"{LIST}/lead_followup/forecast", body={"enrolment": 9}).status == 404

    def test_changed_definition_is_compared(self, call: Api, test_clock: clock.TestClock) -> None:
        """Moved, gone and new steps, for each person."""
        text = (ROOT / "functions/leads/journeys/lead_followup.yaml").read_text()
        changed = text.replace("delay: 6d", "delay: 7d").replace("id: day_9", "id: day_8").replace("delay: 9d", "delay: 8d")
        changes = {one["step"]: one for one in self.ask(call, data=ANA, definition=changed)["changes"]}
        assert sorted(changes) == ["day_6", "day_8", "day_9"]
        assert changes["day_6"]["after"] == "email lead_day_6 2026-03-09 03:00 (America/Mexico_City)"
        assert changes["day_8"]["before"] == changes["day_9"]["after"] == "no such step"
        assert self.ask(call, data=ANA, definition=text)["changes"] == []

    def test_wrong_definition_is_refused_with_its_lines(self, call: Api, test_clock: clock.TestClock) -> None:
        """422, each mistake with line and remedy."""
        answer = call.post(f"{LIST}/booking/forecast", body={"definition": "name: x\nstep: 1"})
        assert answer.status == 422
        assert any("definition:2: step: is no field; did you mean `steps`?" in one["message"] for one in answer.json["errors"])

    @pytest.mark.parametrize(
        ("template", "why"),
        [
            ("lead_dy_3", "there is no template 'lead_dy_3'; did you mean 'lead_day_3'?"),
            ("lead_day_6", "'lead_day_6' is not for sms; it is for email"),
        ],
    )
    def test_a_definition_that_names_a_missing_template_is_refused(self, call: Api, template: str, why: str) -> None:
        """And one whose template is not for the channel: nobody finds out by a message that does not go."""
        steps = f"\n  - {{id: one, channel: sms, template: {template}}}"
        answer = call.post(f"{LIST}/booking/forecast", body={"definition": f"name: x\ntitle: X\nsteps:{steps}"})
        assert answer.status == 422
        assert [one["message"] for one in answer.json["errors"]] == [f"definition:1: steps.one.template: {why}"]

    def test_steps_are_listed_by_time(self, call: Api, test_clock: clock.TestClock) -> None:
        """Whatever their order in the definition; one that has no time stands last."""
        steps = "".join(
            f"\n  - {{id: {name}, delay: {delay}, channel: sms, template: lead_day_3{more}}}"
            for name, delay, more in (("late", "9d", ""), ("never", "0m", ", anchor: start_at"), ("soon", "1d", ""))
        )
        lines = self.ask(call, data=ANA, definition=f"name: x\ntitle: X\nsteps:{steps}")["lines"]
        assert [line["step"] for line in lines] == ["soon", "late", "never"]

    def test_people_in_several_zones_are_shown_in_one(self, call: Api, test_clock: clock.TestClock) -> None:
        """The default one, as no zone is everybody's; the picture's times are of the same."""
        for number, zone in enumerate(("America/Mexico_City", "Europe/Madrid")):
            data = ANA | {"time_zone": zone}
            transact(
                lambda s, number=number, data=data: engine.enrol(
                    s, "lead_followup", f"lead:{number}", START, data, f"k{number}"
                )
            )
        answered = self.ask(call, everybody=True)
        assert answered["table"].endswith(f"Times: {get_settings().default_time_zone}")
        assert "Europe/Madrid" not in answered["svg"]

    def test_picture_and_table(self, call: Api, test_clock: clock.TestClock) -> None:
        """The picture is well-formed and safe, whatever a person is called; every step is in both."""
        transact(lambda s: engine.enrol(s, "lead_followup", '<script>"&', START, ANA, "x"))
        answered = self.ask(call, everybody=True)
        root = ET.fromstring(answered["svg"])  # noqa: S314  # our own
        words = "".join(root.itertext())
        assert "<script>" not in answered["svg"]
        for step in load.journey("lead_followup").steps:
            assert step.id in words
            assert step.id in answered["table"]

    def test_daily_cap(self, call: Api, environment: pytest.MonkeyPatch, test_clock: clock.TestClock) -> None:
        """The second message of a day goes the next, and says why."""
        environment.setenv("MESSAGES_PER_PERSON_PER_DAY", "1")
        get_settings.cache_clear()
        steps = "".join(f"\n  - {{id: s{n}, delay: {n}h, channel: sms, template: lead_day_3}}" for n in (1, 2))
        lines = self.ask(call, "onboarding", data=ANA, definition=f"name: x\ntitle: X\nsteps:{steps}")["lines"]
        assert [(line["what"], line["reason"], line["goes_at"][:10]) for line in lines] == [
            ("goes", None, "2026-03-02"),
            ("moved", "daily-cap", "2026-03-03"),
        ]

    @pytest.mark.parametrize(
        "data",
        [
            {"start_at": "9999-12-31T23:59:59Z"},
            {"start_at": "0001-01-01T00:00:00+14:00"},
            {"start_at": {"a": 1}, "phone": ["x"], "country": 7, "time_zone": "../../etc", "locale": []},
            {"time_zone": "Mars/Olympus", "phone": "no"},
        ],
    )
    def test_odd_data_is_no_failure(self, call: Api, test_clock: clock.TestClock, data: dict[str, Any]) -> None:
        """Dates beyond reason are none; what is no text is not taken for one."""
        assert [line["step"] for line in self.ask(call, "booking", data=data)["lines"]] == [
            "confirmation",
            "reminder",
            "survey",
        ]


class TestCommandLine:
    """`make forecast JOURNEY=...`."""

    def test_table_picture_and_comparison(self, vendors: Post, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
        """Text to read, a picture in a file, a comparison with a changed file."""
        from shared.journeys.__main__ import main

        changed, svg = tmp_path / "x.yaml", tmp_path / "x.svg"
        changed.write_text((ROOT / "functions/christmas/journeys/noshow.yaml").read_text().replace("24h", "36h"))
        at = datetime(2026, 3, 28, 12, tzinfo=START.tzinfo) + timedelta(0)
        assert main(["noshow", "--at", at.isoformat(), "--definition", str(changed), "--svg", str(svg)]) == 0
        printed = capsys.readouterr().out
        assert (
            "email_2  email noshow_recovery_email_2 2026-03-29 06:00 (America/Mexico_City)  "
            "email noshow_recovery_email_2 2026-03-29 18:00 (America/Mexico_City)" in printed
        )
        assert "Times: America/Mexico_City" in printed
        assert svg.read_text().startswith("<svg")

    @pytest.mark.parametrize(
        "arguments",
        [["nothing"], ["noshow", "--definition", "/nowhere.yaml"], ["noshow", "--assume", "x"], ["noshow", "--enrolment", "9"]],
    )
    def test_mistake_is_one_line(self, vendors: Post, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """No traceback."""
        from shared.journeys.__main__ import main

        assert main(arguments) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
