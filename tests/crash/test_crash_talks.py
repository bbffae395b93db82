"""The host dies while people answer the questions of a talking flow: each is asked once, and every answer counts once."""

import base64
import hashlib
import hmac
import http.client
import threading
import time
from typing import Any, Self
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from devhost.testing import wait_until
from sandbox.settings import app_settings
from shared import clock
from shared.journeys import talking
from shared.messages import consent
from shared.messages.digests import digest_of_address
from shared.store.journey_models import Enrolment, JourneyTalk
from shared.store.message_models import ReceivedMessage
from tests.crash.rig import QUIET_SECONDS, Rig

pytestmark = pytest.mark.slow

FLOW = "encuesta_de_interes"
PHONES = [f"+52551234{number:04d}" for number in range(6)]
ANSWERS = ("Ventas", "12", "Ahora no")
DEATHS = (
    "inbox.before_commit=kill:0.3",
    "outbox.after_call=kill:0.3",
    "inbox.after_commit=kill:0.3",
    "outbox.after_claim=kill:0.3",
    "outbox.after_record=kill:0.3",
)


class People:
    """Everybody answers each question as soon as they see it; Twilio sends an answer until it is taken, and once more."""

    def __init__(self, rig: Rig, token: str) -> None:
        self.rig, self.token = rig, token
        self.accepted: dict[str, Any] = {}
        self.given = dict.fromkeys(PHONES, 0)
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def done(self) -> bool:
        """Whether everybody has answered everything."""
        return all(count == len(ANSWERS) for count in self.given.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._given_up.is_set():
            self._report_again()
            seen = shown(self.rig)
            for phone, count in self.given.items():
                if count < min(len(ANSWERS), len(seen.get(phone, []))):
                    self._post(phone, count)
                    self.given[phone] += 1
            time.sleep(0.1)

    def _report_again(self) -> None:
        """As Twilio does with what a dead host did not take: our address of the callback asks for it (`SEND_AGAIN`)."""
        for missed in self.rig.sandbox.webhooks("twilio", state="failed"):
            self.rig.sandbox.send_again(missed["id"])

    def _post(self, phone: str, number: int) -> None:
        form = {"From": f"whatsapp:{phone}", "Body": ANSWERS[number], "MessageSid": f"SM{phone[1:]}{number}", "NumMedia": "0"}
        taken = 0
        while taken < 2 and not self._given_up.is_set():  # the second is a repetition
            taken += self._taken(form)
            time.sleep(0.02)

    def _taken(self, form: dict[str, str]) -> bool:
        url = f"{self.rig.host.base_url}/api/twilio/message"
        text = url + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.new(self.token.encode(), text.encode(), hashlib.sha1).digest()).decode()
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self.rig.host.port, timeout=30)
        try:
            connection.request("POST", "/api/twilio/message", urlencode(form), headers)
            return connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def shown(rig: Rig) -> dict[str, list[str]]:
    """What everybody has on their phone from us."""
    found: dict[str, list[str]] = {}
    for row in rig.sandbox.records("messages", vendor="twilio"):
        if row["direction"] == "outbound-api":
            found.setdefault(str(row["to"]).removeprefix("whatsapp:"), []).append(str(row["body"]))
    return found


@pytest.mark.host
def test_talks_survive_the_deaths_of_the_host(rig: Rig, environment: pytest.MonkeyPatch) -> None:
    """Everybody comes to the end, was asked each question once, and none of their answers is left."""
    found = {name: value.replace("{sandbox}", rig.sandbox.url) for name, value in app_settings("{sandbox}").items()}
    rig.environment |= {name: value for name, value in found.items() if name.startswith("TWILIO_")}
    rig.environment |= {"WHATSAPP_PROVIDER": "twilio", "PUBLIC_BASE_URL": rig.host.base_url}
    rig.environment |= {"QUIET_HOURS": "00:00-00:00", "WORKING_DAYS": "mon,tue,wed,thu,fri,sat,sun", "HOLIDAYS_COUNTRY": "XX"}
    for phone in PHONES:  # so that Twilio's window is open; the app is not up to be told
        rig.sandbox.act("twilio", "reply", **{"from": phone, "text": "Hola", "channel": "whatsapp"})
    with Session(rig.engine) as session:
        for phone in PHONES:
            consent.wrote_to_us(session, digest_of_address(phone), "whatsapp", clock.now())
            assert talking.begin(session, FLOW, f"contact:{phone}", {"phone": phone}, key=phone) is not None
        session.commit()
    with People(rig, found["TWILIO_AUTH_TOKEN"]) as people:
        rig.survive(people, DEATHS)  # type: ignore[arg-type]  # whoever sends
        wait_until(lambda: people.done and rig.is_quiet({}) and not open_talks(rig), QUIET_SECONDS, pause=0.2)
    rig.host.stop()
    assert len(rig.deaths) >= 2
    assert {phone: len(texts) for phone, texts in shown(rig).items()} == dict.fromkeys(PHONES, 4)
    with Session(rig.engine) as session:
        talks = session.scalars(select(JourneyTalk)).all()
        assert {(talk.outcome, talk.completed) for talk in talks} == {("not_interested", True)}
        assert set(session.scalars(select(ReceivedMessage.state))) == {"answered"}
        data = [row.data for row in session.scalars(select(Enrolment))]
        assert [(one["tema"], one["personas"], one["llamada"]) for one in data] == [("ventas", 12, "no")] * len(PHONES)


def open_talks(rig: Rig) -> int:
    """How many talks have not ended."""
    with Session(rig.engine) as session:
        return len(session.scalars(select(JourneyTalk.enrolment_id).where(JourneyTalk.state != "ended")).all())
