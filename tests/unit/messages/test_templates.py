"""Texts: every one can be filled in, none goes out with a hole, values cannot break out."""

import re
from pathlib import Path

import pytest

from shared.errors import PermanentError, RetryableError, UnavailableError
from shared.messages import notion_templates, preview, template_sources, templates, text_checks
from shared.messages.notion_templates import TemplatePage
from shared.messages.plain_text import text_of_html
from shared.messages.templates import Template

NEEDED = {
    "lead_welcome", "lead_call", "lead_call_voicemail", "lead_missed_call", "lead_day_3", "lead_day_6", "lead_day_9",
    "lead_day_12", "booking_confirmation", "booking_reminder",
    "booking_survey", "assessment_email_2", "assessment_email_3", "assessment_email_4", "assessment_email_5",
    "noshow_recovery_email_1", "noshow_recovery_email_2", "noshow_recovery_email_3", "postcall_maybe_email_1",
    "postcall_maybe_email_2", "postcall_maybe_email_3", "onboarding_phase1_email_1", "onboarding_phase1_email_2",
    "onboarding_phase1_email_3", "call_sorry", "cart_mail_1", "cart_mail_2", "cart_mail_3", "cart_whatsapp",
    "primer_recordatorio", "vence_hoy", "vencida_7_dias", "vencida_14_dias", "vencida_30_dias", "vencida_60_dias",
    "recordatorio_general", "factura_critica", "resumen_finanzas", "hubspot_interes", "hubspot_mensaje",
    "approval_request", "approval_reminder", "broadcast_news",
    "employee_day_1", "employee_day_3", "employee_day_7", "employee_day_30", "welcome_new_employee",
    "reunion_opciones", "reunion_confirmada", "reunion_cancelada", "reunion_recordatorio", "reunion_sin_horario",
    "reunion_respuesta",
    "ticket_another", "ticket_booked", "ticket_currency", "ticket_currency_choice", "ticket_currency_missing",
    "ticket_day", "ticket_day_choice", "ticket_day_missing", "ticket_duplicate", "ticket_file_broken",
    "ticket_file_gone", "ticket_file_large", "ticket_file_password", "ticket_person",
    "ticket_several", "ticket_supplier", "ticket_supplier_choice", "ticket_supplier_missing", "ticket_total",
    "ticket_total_choice", "ticket_total_missing", "ticket_unread",
}  # fmt: skip
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "messages.md"
WAY_OUT = "https://puente.example/api/unsubscribe?t=x"


@pytest.fixture(autouse=True)
def _settings(environment) -> None:
    """Templates look for their language in the settings."""


def text(**parts) -> Template:
    return Template(**({"name": "probe", "locale": "es", "channels": ("email",), "kind": "marketing"} | parts))


def test_every_text_that_the_journeys_need_is_there() -> None:
    """None is missing, none is left over."""
    assert set(templates.names()) == NEEDED


@pytest.mark.parametrize("name", sorted(NEEDED))
class TestEachTemplate:
    """What holds for all of them."""

    def test_is_filled_in_by_its_sample(self, name: str) -> None:
        """Nothing of the template's language and no variable's absence is left in the text."""
        template = template_sources.of_repository(name, "es-MX")
        rendered = templates.render(template, template.sample)
        for part in (rendered.subject, rendered.text, rendered.html, *rendered.content_variables.values()):
            assert "{" not in re.sub(r'style="[^"]*"', "", part)
            assert "None" not in part
        assert rendered.text

    def test_has_the_parts_of_its_channels(self, name: str) -> None:
        """Mail has a subject and HTML; what goes to a phone fits into one message and has its WhatsApp variables."""
        template = template_sources.of_repository(name)
        rendered = templates.render(template, template.sample)
        if "email" in template.channels:
            assert rendered.subject
            assert rendered.html.startswith("<!doctype html>")
            assert len(rendered.subject) <= 78
        else:
            assert not rendered.html
            assert len(rendered.text) <= (480 if "sms" in template.channels else 3000)
        assert bool(rendered.content_variables) == ("whatsapp" in template.channels)

    def test_sample_has_what_the_text_needs_and_nothing_else(self, name: str) -> None:
        """So that the list of variables in docs/messages.md, made from the texts, is what a preview shows."""
        template = template_sources.of_repository(name)
        used, optional = templates.variables(template), templates.optional(template)
        assert used - optional <= set(template.sample) <= used

    def test_each_sample_value_is_needed_and_missed(self, name: str) -> None:
        """Without any one of its variables it is refused by name, except for those that only follow-ups mention."""
        template = template_sources.of_repository(name)
        for variable in template.sample:
            rest = {key: value for key, value in template.sample.items() if key != variable}
            if variable in template.subject + template.text + template.html + "".join(template.content_variables):
                with pytest.raises(PermanentError) as caught:
                    templates.render(template, rest)
                assert caught.value.reason == "template-variable-missing"
                assert variable in str(caught.value)

    def test_marketing_can_be_left(self, name: str) -> None:
        """A mail shows its link in both parts; a text to a phone says BAJA."""
        template = template_sources.of_repository(name)
        if template.transactional:
            return
        rendered = templates.render(template, template.sample, unsubscribe_url=WAY_OUT)
        if "email" in template.channels:
            assert WAY_OUT in rendered.text
            assert WAY_OUT in rendered.html
        else:
            assert text_checks.WAYS_OUT[template.locale] in rendered.text

    def test_can_be_previewed(self, name: str, capsys) -> None:
        """`python -m shared.messages.preview NAME`."""
        assert preview.main([name]) == 0
        assert name in capsys.readouterr().out


def test_values_cannot_break_out_of_html() -> None:
    """A name is a name, whatever it holds; the plain part keeps it as it is."""
    rendered = templates.render(text(text="{{ n }}", html="<p>{{ n }}</p>", subject="s"), {"n": "<script>alert(1)</script>"})
    assert "<script>" not in rendered.html
    assert rendered.text == "<script>alert(1)</script>"


def test_subject_is_one_line() -> None:
    """A line break in a value cannot add a header."""
    rendered = templates.render(text(subject="Hola {{ n }}", text="x"), {"n": "Ana\r\nBcc: todos@example.com"})
    assert rendered.subject == "Hola Ana Bcc: todos@example.com"


@pytest.mark.parametrize(
    "attack",
    ["{{ ''.__class__.__mro__ }}", "{{ n.__init__.__globals__ }}", "{% for x in range(100000000) %}{% endfor %}", "{{ 1/0 }}",
     "{% if %}", "{% include '../../settings.py' %}", "{% extends 'no_such.html' %}"],
)  # fmt: skip
def test_template_cannot_reach_out(attack: str) -> None:
    """A text that somebody wrote elsewhere runs in a sandbox; what goes wrong in it parks this one message."""
    with pytest.raises(PermanentError):
        templates.render(text(text=attack), {"n": object()})


def test_foreign_mail_gets_its_way_out_too() -> None:
    """Whoever wrote the template has not to think of it."""
    page = text(html="<html><body><p>Hola</p></body></html>", subject="s")
    rendered = templates.render(page, {}, unsubscribe_url=WAY_OUT)
    assert rendered.html.endswith("</body></html>")
    assert rendered.html.count(WAY_OUT) == 2  # the link and its words
    assert WAY_OUT in rendered.text


def test_empty_text_is_not_sent() -> None:
    """A template that comes to nothing is refused."""
    with pytest.raises(PermanentError) as caught:
        templates.render(text(text="{% if n %}x{% endif %}"), {"n": False})
    assert caught.value.reason == "template-error"


@pytest.mark.parametrize("name", ["../secrets", "", "Lead_Welcome", "no_such", "_mail.html"])
def test_no_such_template(name: str) -> None:
    """A name is looked for, not walked to."""
    with pytest.raises(PermanentError) as caught:
        template_sources.of_repository(name)
    assert caught.value.reason == "template-not-found"


@pytest.mark.parametrize("locale", [None, "es", "es-MX", "en", "../../x", "pt-BR"])
def test_language_falls_back(locale: str | None) -> None:
    """To the language of a region, then to the default one."""
    assert template_sources.of_repository("lead_day_3", locale).locale == "es"


def test_plain_text_of_html() -> None:
    """Paragraphs, lists and links survive; style and titles do not."""
    html = (
        "<html><head><title>T</title><style>p{}</style></head><body><h1>Hola</h1>"
        "<p>Uno&nbsp;y\n  dos<br>tres</p><ul><li>a</li><li>b</li></ul>"
        "<a href='https://x.example'>Entrar</a> <a href='https://y.example'>https://y.example</a></body></html>"
    )
    assert text_of_html(html) == "Hola\n\nUno y dos\ntres\n\n- a\n\n- b\n\nEntrar (https://x.example) https://y.example"


class TestNotion:
    """Texts written in Notion, with a copy for when it is down."""

    @pytest.fixture(autouse=True)
    def _empty(self, database, test_clock) -> None:
        notion_templates.forget()

    def load(self, answer, name: str = "assessment_email_2") -> Template:
        """With a Notion that answers so."""
        self.asked = []

        def fetch(_database: str, page: str) -> TemplatePage | None:
            self.asked.append(page)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return notion_templates.load(name, None, "db1", fetch)

    def test_page_wins_over_the_repository(self) -> None:
        """By the name that it has in Notion."""
        template = self.load(TemplatePage("Asunto", "<p>Hola {{ first_name }}</p>"))
        assert self.asked == ["5-Day E2"]
        assert templates.render(template, {"first_name": "Luz"}).text == "Hola Luz"
        assert template.kind == "marketing"

    def test_asked_once_in_five_minutes(self, test_clock) -> None:
        """Then again, so that edits count soon."""
        self.load(TemplatePage("Asunto", "<p>uno</p>"))
        assert self.load(TemplatePage("Asunto", "<p>dos</p>")).html == "<p>uno</p>"
        assert self.asked == []
        test_clock.advance(minutes=5)
        assert self.load(TemplatePage("Asunto", "<p>dos</p>")).html == "<p>dos</p>"

    def test_last_good_copy_when_notion_is_down(self, test_clock) -> None:
        """However long."""
        self.load(TemplatePage("Asunto", "<p>uno</p>"))
        test_clock.advance(days=3)
        assert self.load(UnavailableError("down")).html == "<p>uno</p>"

    @pytest.mark.parametrize("answer", [None, TemplatePage("", "<p>x</p>"), TemplatePage("Asunto", "  ")])
    def test_empty_page_is_no_page(self, answer) -> None:
        """All templates were empty once; then the repository's text is sent, not an empty mail."""
        assert "E2" in (self.load(answer).elsewhere or "")
        with pytest.raises(PermanentError, match="no template"):
            self.load(answer, "only_in_notion")

    def test_down_without_any_text_waits(self) -> None:
        """Notion's outage is not the mail vendor's."""
        with pytest.raises(RetryableError) as caught:
            self.load(UnavailableError("down"), "only_in_notion")
        assert type(caught.value) is RetryableError

    def test_text_only_in_notion(self) -> None:
        """A template that the repository does not have is a marketing mail."""
        template = self.load(TemplatePage("Asunto", "<p>Hola</p>"), "only_in_notion")
        assert (template.kind, template.channels) == ("marketing", ("email",))


def test_variables_are_found_wherever_they_stand() -> None:
    """In subject, text, HTML, the frame and WhatsApp's list; a macro, a loop's own name and the way out are none."""
    frame = '{% extends "_mail.html" %}{% from "_parts.html" import button %}{% block body %}'
    html = (
        frame + "{{ button(link, c) }}{% for x in d %}{{ x }}{% endfor %}{% if e is defined %}{{ e }}{% endif %}{% endblock %}"
    )
    found = text(subject="{{ a }}", text="{{ b|long_date(z) }}", html=html, content_variables=("f",))
    assert templates.variables(found) == {"a", "b", "z", "link", "c", "d", "e", "f"}
    assert templates.optional(found) == {"e"}


def test_documented_variables_are_those_of_the_texts() -> None:
    """docs/messages.md holds what `python -m shared.messages.preview --table` prints."""
    assert preview.table(templates.names()) in DOCUMENT.read_text(encoding="utf-8")


class TestPreview:
    """The command."""

    def test_table(self, capsys) -> None:
        """`--table`: every template with its variables."""
        assert preview.main(["--table"]) == 0
        assert capsys.readouterr().out.count("\n") == len(NEEDED) + 2

    def test_lists_all(self, capsys) -> None:
        """Without a name."""
        assert preview.main([]) == 0
        assert capsys.readouterr().out.split() == sorted(NEEDED)

    def test_variables_and_html(self, capsys) -> None:
        """`--var` wins over the sample."""
        assert preview.main(["lead_day_9", "--var", "first_name=Luz", "--html"]) == 0
        assert "Hola, Luz" in capsys.readouterr().out

    @pytest.mark.parametrize("arguments", [["no_such"], ["lead_day_3", "--var", "x"]])
    def test_mistake_is_told(self, capsys, arguments: list[str]) -> None:
        """In a sentence, with exit code 1."""
        assert preview.main(arguments) == 1
        assert capsys.readouterr().err
