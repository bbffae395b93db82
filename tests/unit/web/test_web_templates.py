"""Templates over the API: what there is, what each needs, how it looks; safe to look at, whoever wrote it."""

from html.parser import HTMLParser
from typing import Any

import pytest

from shared.errors import UnavailableError
from shared.messages import notion_templates, preview, samples, template_sources, templates
from shared.messages.notion_templates import TemplatePage
from shared.messages.templates import Template
from shared.settings import get_settings
from tests.unit.web.calls import Api

PATH = "/api/v1/templates"
EVIL = '<p onclick="x()">Hola {{ first_name }}</p><script>alert(1)</script></iframe><script>alert(2)</script>'


class Reader(HTMLParser):
    """The elements of a page, and what stands in its frame."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))


def reason(answer: Any) -> tuple[int, str]:
    """Status and reason of a refusal."""
    return answer.status, answer.json["type"].removeprefix("urn:puente:problem:")


@pytest.fixture
def notion(api: Api, keys: None, environment: pytest.MonkeyPatch, test_clock) -> dict[str, Any]:
    """A Notion with one page, or what is put in its place."""
    environment.setenv("NOTION_TEMPLATES_DB_ID", "db1")
    get_settings.cache_clear()
    notion_templates.forget()
    answers: dict[str, Any] = {"page": TemplatePage("Asunto de {{ first_name }}", EVIL)}

    def fetch(_database: str, _name: str) -> TemplatePage | None:
        if isinstance(answers["page"], Exception):
            raise answers["page"]
        found: TemplatePage | None = answers["page"]
        return found

    environment.setattr(notion_templates, "_fetch_from_notion", fetch)
    return answers


class TestList:
    """GET /api/v1/templates, and one of them."""

    def test_all_are_there_with_what_they_need(self, api: Api) -> None:
        """Needed and optional variables are told apart; the sample covers what is needed."""
        items = {item["name"]: item for item in api.get(PATH, key="read-key").json}
        assert sorted(items) == templates.names()
        assert items["lead_call"]["voicemail"] == "lead_call_voicemail"
        assert items["assessment_email_4"]["optional"] == ["pdf_download_link", "spots_remaining"]
        assert items["booking_reminder"]["variables"] == [
            "first_name",
            "meeting_url",
            "reschedule_url",
            "starts_at",
            "time_zone",
        ]
        assert all(set(item["variables"]) <= set(item["sample"]) for item in items.values())

    def test_one(self, api: Api) -> None:
        """The same, for one; 404 for none."""
        assert api.get(f"{PATH}/lead_day_9").json in api.get(PATH).json
        assert reason(api.get(f"{PATH}/no_such")) == (404, "no-such-template")

    def test_language_without_texts_is_empty(self, api: Api) -> None:
        """Nothing is made up."""
        assert api.get(PATH, locale="fr").json == []

    @pytest.mark.parametrize("path", [f"{PATH}?locale=../..", f"{PATH}/lead_day_9?locale=..%2F", f"{PATH}/lead_day_9?x=1"])
    def test_strange_address_is_refused(self, api: Api, path: str) -> None:
        """A name is looked for, not walked to."""
        address, _, query = path.partition("?")
        name, _, value = query.partition("=")
        assert api.get(address, **{name: value}).status == 422


class TestFillingIn:
    """POST /api/v1/templates/{name}/preview."""

    @pytest.mark.parametrize("name", templates.names())
    def test_every_template(self, api: Api, name: str) -> None:
        """By its sample, with the scope `read`; mail has all its parts, a call its TwiML."""
        answer = api.post(f"{PATH}/{name}/preview", body={}, key="read-key")
        found, channels = answer.json, template_sources.load(name).channels
        assert (answer.status, bool(found["text"])) == (200, True)
        assert (bool(found["subject"]), bool(found["html"])) == (("email" in channels),) * 2
        assert (found["twiml"] or "").startswith("<?xml") == ("voice" in channels)
        assert bool(found["content_variables"]) == ("whatsapp" in channels)

    def test_given_values_win_over_the_sample(self, api: Api) -> None:
        """Escaped where it is HTML."""
        found = api.post(f"{PATH}/lead_day_9/preview", body={"variables": {"first_name": "Luz & <Sol>"}}).json
        assert found["subject"].startswith("Luz & <Sol>, ")
        assert "Luz &amp; &lt;Sol&gt;" in found["html"]
        assert samples.UNSUBSCRIBE_URL in found["text"]

    def test_value_that_does_not_fit_is_told(self, api: Api) -> None:
        """With the template's own word for it."""
        answer = api.post(f"{PATH}/booking_reminder/preview", body={"variables": {"starts_at": "soon"}})
        assert reason(answer) == (422, "template-error")
        assert "soon" in answer.json["detail"]

    def test_writing_key_reads_nothing(self, api: Api) -> None:
        """It needs `read`, as it changes nothing."""
        assert api.post(f"{PATH}/lead_day_9/preview", body={}, key="write-key").status == 403

    def test_notion_needs_its_database(self, api: Api) -> None:
        """And says so."""
        assert reason(api.post(f"{PATH}/lead_day_9/preview", body={"source": "notion"})) == (422, "not-configured")

    def test_text_in_notion(self, api: Api, notion: dict[str, Any]) -> None:
        """As it stands there now; with the variables of its own."""
        found = api.post(f"{PATH}/lead_day_9/preview", body={"source": "notion", "variables": {"first_name": "Luz"}}).json
        assert (found["subject"], found["text"][:8]) == ("Asunto de Luz", "Hola Luz")
        assert api.get(f"{PATH}/lead_day_9", source="notion").json["variables"] == ["first_name"]

    @pytest.mark.parametrize("text", ["{{ first_name", "{% extends 'nowhere.html' %}", "{{ 1/0 }}", "{{ unheard_of }}"])
    def test_broken_text_in_notion_is_told(self, api: Api, notion: dict[str, Any], text: str) -> None:
        """Before it parks the mails of a whole journey."""
        notion["page"] = TemplatePage("Asunto", text)
        status, why = reason(api.post(f"{PATH}/lead_day_9/preview", body={"source": "notion"}))
        assert (status, why) in ((422, "template-error"), (422, "template-variable-missing"))
        assert api.get(f"{PATH}/lead_day_9", source="notion").status == (422 if "%" in text or "}}" not in text else 200)

    def test_notion_that_is_down_is_503(self, api: Api, notion: dict[str, Any]) -> None:
        """Where there is no copy of a text of its own."""
        notion["page"] = UnavailableError("down")
        assert api.post(f"{PATH}/only_in_notion/preview", body={"source": "notion"}).status == 503


class TestLooking:
    """GET /api/v1/templates/{name}/preview."""

    @pytest.mark.parametrize("name", ["lead_day_9", "lead_day_3", "lead_call"])
    def test_page_shows_it(self, api: Api, name: str) -> None:
        """A mail in its frame, any other text as it is; under a policy that lets nothing run."""
        answer = api.get(f"{PATH}/{name}/preview", key="read-key")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "allow-" not in policy
        elements = Reader(answer.body.decode()).found
        assert [tag for tag, _attrs in elements if tag == "iframe"] == (["iframe"] if name == "lead_day_9" else [])
        assert not {tag for tag, _attrs in elements} & {"script", "form", "link", "base"}
        assert "Ana" in answer.body.decode()

    def test_what_somebody_wrote_stays_in_its_frame(self, api: Api, notion: dict[str, Any]) -> None:
        """Scripts, handlers and a closing tag are a text of the frame, which is sandboxed without any leave."""
        elements = Reader(api.get(f"{PATH}/lead_day_9/preview", source="notion").body.decode()).found
        (frame,) = [attrs for tag, attrs in elements if tag == "iframe"]
        assert frame["sandbox"] is None
        assert "<script>alert(2)</script>" in (frame["srcdoc"] or "")
        assert not {tag for tag, _attrs in elements} & {"script"}
        assert not [name for _tag, attrs in elements for name in attrs if name.startswith("on")]

    def test_saved_page_is_as_safe(self) -> None:
        """Opened from a file there is no header; the page carries the policy, too."""
        shown = preview.page(Template(name="x", locale="es", channels=("email",), kind="marketing"), _mail())
        (policy,) = [attrs["content"] for tag, attrs in Reader(shown).found if attrs.get("http-equiv")]
        assert policy is not None
        assert policy.startswith("default-src 'none'")


def _mail() -> templates.Rendered:
    return templates.Rendered(subject="<b>Asunto</b>", text="</pre><script>1</script>", html=EVIL)
