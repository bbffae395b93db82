"""Texts in the console: seen as somebody gets them, changed, taken back, and given back to the repository."""

import io
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import event

from shared import clock
from shared.console.words import catalogue
from shared.messages import template_sources, templates, text_checks
from shared.settings import get_settings
from shared.store import session as store
from shared.store.message_models import TemplateCopy
from shared.store.models import ActionLog, Contact
from shared.store.session import reading, transact
from shared.store.text_models import TextUse, TextVersion
from tests.functions.console.browser import Browser, Shown

TEXT = "/console/texts/broadcast_news"
NEW = "Hola, {{ first_name }}: {{ text }}\nSi no quieres más, responde BAJA."


MARKS = ("/versions/2", "/versions/1", "as it was deployed")
"""What the rows of the versions of a text say of which they are."""


def looked_at(operator: Browser, text: str = NEW) -> Shown:
    return operator.submit(operator.get(f"{TEXT}/edit").form(f"{TEXT}/edit"), text=text, do="look")


def published(operator: Browser, text: str = NEW) -> Shown:
    return operator.submit(looked_at(operator, text).form(f"{TEXT}/edit"), text=text, do="publish", note="más cálido")


def test_change_is_seen_before_it_is_published(operator):
    """The words that change, and the message as it arrives; looking publishes nothing."""
    shown = looked_at(operator)
    assert "<ins>" in shown.text
    assert "<del>" in shown.text
    assert "Hola, Ana: Ya puedes reservar" in shown.words
    assert template_sources.load("broadcast_news").version == 0


def test_published_text_goes_out_at_once_and_one_click_takes_it_back(operator):
    """With the operator's name in the action log."""
    shown = published(operator)
    assert "version 1" in shown.words
    assert "más cálido" in shown.words
    assert template_sources.load("broadcast_news").text == NEW
    operator.submit(shown.form(f"{TEXT}/restore"))
    assert template_sources.load("broadcast_news").version == 0
    with reading() as session:
        lines = session.query(ActionLog).filter(ActionLog.subject == "text:broadcast_news:es").order_by(ActionLog.id).all()
        assert [(line.actor, line.action) for line in lines] == [
            ("key:olga", "text.publish"),
            ("key:olga", "text.restore"),
        ]


def test_difference_of_a_version_is_shown(operator):
    """Against the one before it, and against what goes out now."""
    published(operator)
    published(operator, NEW + " Gracias.")
    first = operator.get(f"{TEXT}/versions/1")
    assert "<del>Para</del><ins>Si</ins> no" in first.text
    assert "Gracias." in first.words
    assert operator.get(f"{TEXT}/versions/9").status == 404


def test_mistake_is_named_and_what_was_typed_stays(operator):
    """In the language of the reader; nothing is published."""
    operator.language = "es"
    shown = looked_at(operator, "Hola {{ first_name }} {{ apellido }} {{ text }} BAJA")
    assert shown.status == 422
    assert "apellido no llega a este texto" in shown.words
    assert "{{ apellido }}" in shown.text
    assert template_sources.load("broadcast_news").version == 0


def test_two_who_edit_at_once(operator, admin):
    """The second is told, and nothing of the first is lost."""
    second = looked_at(admin, NEW + " Dos.").form(f"{TEXT}/edit")
    published(operator)
    assert admin.submit(second, text=NEW + " Dos.", do="publish").status == 409
    assert template_sources.load("broadcast_news").text == NEW


def test_file_has_the_shape_of_the_repository(operator):
    """Unpacked at the top of the project it takes the place of the files; the same text gives the same bytes."""
    published(operator)
    answer = operator.get(f"{TEXT}/file")
    assert answer.headers["content-type"] == "application/zip"


def test_archive_names_the_files(console):
    """Those that the template has, at their places in the project."""
    from functions.console import text_edits

    raw = text_edits.file("broadcast_news").body
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as archive:
        folder = "functions/broadcasts/templates/es/broadcast_news"
        assert archive.namelist() == [f"{folder}/meta.yaml", f"{folder}/body.txt"]
        assert archive.read(f"{folder}/body.txt").decode() == template_sources.of_repository("broadcast_news").text
    assert text_edits.file("broadcast_news").body == raw


def test_text_is_shown_for_a_real_person_with_addresses_masked(viewer):
    """What is not known of them comes from the sample, and is named."""
    row = Contact(manychat_id="7", first_name="Lucía", phone="+525512340147", email="lucia@example.com", search_text="lucia")
    transact(lambda session: session.add(row))
    shown = viewer.get(f"{TEXT}?person=lucia")
    assert "Hola, Lucía" in shown.words
    assert "from the sample: text" in shown.words
    assert "lucia@example.com" not in shown.text
    assert "Nobody was found" in viewer.get(f"{TEXT}?person=nadie").words


@pytest.mark.parametrize(("kept", "typed"), [("+15512340147", "5512340147"), ("+34612345678", "+34-612-345678")])
def test_text_is_shown_for_whoever_has_a_number(viewer, environment, kept, typed):
    """As numbers are typed in the country of the deployment; a plus in the address bar arrives as a blank."""
    environment.setenv("DEFAULT_PHONE_REGION", "US")
    get_settings.cache_clear()
    transact(lambda session: session.add(Contact(manychat_id="7", first_name="Lucía", phone=kept)))
    assert "Hola, Lucía" in viewer.get(f"{TEXT}?person={typed}").words


def test_text_in_notion_is_not_edited_here(operator, environment):
    """Neither by its page nor by a form that was open before."""
    form = operator.get("/console/texts/assessment_email_2/edit").form("/console/texts/assessment_email_2/edit")
    environment.setenv("NOTION_TEMPLATES_DB_ID", "db1")
    get_settings.cache_clear()
    name = template_sources.of_repository("assessment_email_2").elsewhere or "assessment_email_2"
    copy = TemplateCopy(source="notion:db1", name=name, subject="Asunto", html="<p>x</p>", fetched_at=clock.now())
    transact(lambda session: session.add(copy))
    shown = operator.get("/console/texts/assessment_email_2")
    assert "in Notion" in shown.words
    assert "/console/texts/assessment_email_2/edit?locale=es" not in shown.links()
    assert operator.submit(form, do="publish").status == 409


@pytest.mark.parametrize("what", ["edit", "restore"])
def test_viewers_change_nothing(viewer, what):
    """They see texts and no button."""
    shown = viewer.get(TEXT)
    token = shown.form("/console/sign-out").fields["token"] if "/console/sign-out" in shown.text else ""
    token = token or viewer.get("/console/me").form("/console/sign-out").fields["token"]
    fields = {"token": token, "after": "0", "number": "0", "text": NEW, "do": "publish"}
    assert viewer.post(f"{TEXT}/{what}", fields).status == 403
    assert [form.action for form in shown.forms() if form.action.startswith(TEXT) and form.method == "post"] == []


def test_everything_that_is_said_of_a_text_can_be_translated():
    """The patterns of the checks stand in the catalogue."""
    known = {message.id for message in catalogue("es")}
    assert set(text_checks.PATTERNS) <= known


def test_reason_is_empty_until_somebody_types_one(operator):
    """And is kept when the form is shown again."""
    address = "/console/texts/broadcast_news/edit"
    form = operator.get(address).form(address)
    assert form.fields["note"] == ""
    assert operator.submit(form, note="otra fecha", do="look").form(address).fields["note"] == "otra fecha"


def versions(number: int) -> None:
    """So many versions of the text, as the record has them."""
    rows = [
        TextVersion(name="broadcast_news", locale="es", number=each, text=NEW, actor="key:olga")
        for each in range(1, number + 1)
    ]
    transact(lambda session: session.add_all(rows))


def shown_versions(page: Shown) -> list[str]:
    """The versions that a page lists."""
    return [link.partition("versions/")[2].partition("?")[0] for link in page.links() if "/versions/" in link]


def test_versions_come_in_pages(viewer):
    """Newest first, none left out and none twice; the file stands at the end of the last page."""
    versions(45)
    page, found = viewer.get(TEXT), []
    while True:
        found += shown_versions(page)
        older = [link for link in page.links() if "after=" in link]
        assert ("as it was deployed" in page.words) is not bool(older)
        if not older:
            break
        page = viewer.get(older[0])
    assert found == [str(number) for number in range(45, 0, -1)]


def test_page_of_a_text_reads_one_page_of_its_versions(viewer):
    """However many there are: their texts may be long."""
    versions(45)
    statements: list[str] = []
    engine = store.get_engine()

    def note(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        viewer.get(TEXT)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    read = [one for one in statements if "text_versions.text" in one and "max(" not in one]
    assert read
    assert [one for one in read if "LIMIT" not in one and "text_versions.number = ?" not in one] == []


def test_last_use_stands_in_the_list_and_by_each_version(viewer):
    """That of the file and that of a version, each with its own time; a version that never went out has none."""
    versions(2)
    uses = {0: clock.now() - timedelta(hours=5), 1: clock.now() - timedelta(hours=2)}
    rows = [TextUse(name="broadcast_news", locale="es", version=number, last_used_at=at) for number, at in uses.items()]
    transact(lambda session: session.add_all(rows))
    times = {number: f'datetime="{at.isoformat()}"' for number, at in uses.items()}
    page, listed = viewer.get(TEXT).text, viewer.get("/console/texts?q=broadcast_news").text
    rows_of = [part.partition("</tr>")[0] for part in page.split("<tr ")[1:]]
    shown = {
        mark: [number for number, time in times.items() if any(mark in row and time in row for row in rows_of)]
        for mark in MARKS
    }
    assert shown == {"/versions/2": [], "/versions/1": [1], "as it was deployed": [0]}
    assert [time in listed for time in times.values()] == [False, True]


def test_list_of_texts_comes_in_pages_that_keep_the_search(viewer):
    """By name; an address of another list's cursor is refused."""
    first = viewer.get("/console/texts")
    (next_page,) = [link for link in first.links() if "after=" in link]
    names = [link for page in (first, viewer.get(next_page)) for link in page.links() if link.startswith("/console/texts/")]
    assert names == [f"/console/texts/{name}" for name in templates.names()]
    found = viewer.get("/console/texts?q=ticket")
    assert "after=" not in "".join(found.links())
    assert viewer.get("/console/texts?after=7~8").status == 422


def test_text_is_written_in_a_language_without_a_file(operator):
    """It begins with what goes out, is published for that language alone, and can be taken out again."""
    page = operator.get(f"{TEXT}?locale=en")
    assert "until somebody writes it" in page.words
    english = "Hi {{ first_name }}: {{ text }}\nTo leave, answer STOP."
    edit = operator.get(f"{TEXT}/edit?locale=en").form(f"{TEXT}/edit")
    assert edit.fields["locale"] == "en"
    assert "STOP" in operator.submit(edit, text="Hi {{ first_name }}: {{ text }} BAJA", do="publish").words
    shown = operator.submit(edit, text=english, do="publish")
    assert "version 1" in shown.words
    assert "Hi Ana: " in shown.words
    assert template_sources.load("broadcast_news", "en-US").text == english
    assert template_sources.load("broadcast_news", "es-MX").version == 0
    assert "en, es" in operator.get("/console/texts?q=broadcast_news").words
    assert operator.get(f"{TEXT}/file?locale=en").status == 200
    back = operator.submit(shown.form(f"{TEXT}/restore"))
    assert "until somebody writes it" in back.words
    assert template_sources.load("broadcast_news", "en").locale == "es"


def test_file_of_a_language_without_one_has_its_own_place(console):
    """Where the repository will keep it."""
    from functions.console import text_edits

    row = TextVersion(
        name="broadcast_news", locale="en", number=1, text="Hi {{ first_name }}: {{ text }} STOP", actor="key:olga"
    )
    transact(lambda session: session.add(row))
    with zipfile.ZipFile(io.BytesIO(bytes(text_edits.file("broadcast_news", "en").body))) as archive:
        folder = "functions/broadcasts/templates/en/broadcast_news"
        assert archive.namelist() == [f"{folder}/meta.yaml", f"{folder}/body.txt"]
