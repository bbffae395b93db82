"""The lists that people keep, changed in the console: by a row, by a file, and back to an earlier version."""

import csv
import io
import json

import pytest
from sqlalchemy import func, select

from shared.crm import stage_edits
from shared.crm.stages import DEFAULT_STAGES
from shared.outbox.execute import drain
from shared.plans import running
from shared.store.models import ActionLog, Advisor, Channel, Contact, Opportunity, StageMapping
from shared.store.plan_models import ListVersion, Plan
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser, Shown

STAGES = "/console/lists/stages"
HEADER = "manychat_name,odoo_stage_id,odoo_name\n"


def stage_names() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(StageMapping.manychat_name).order_by(StageMapping.id)))


def versions() -> list[tuple[str, str]]:
    with reading() as session:
        rows = session.scalars(select(ListVersion).order_by(ListVersion.id))
        return [(row.made_by, row.note) for row in rows]


def add(browser: Browser, kept: str, /, **fields: str) -> Shown:
    """Fill in the form of a new row."""
    page = browser.submit(browser.get(f"/console/lists/{kept}").form(f"/console/lists/{kept}/edit"), number="")
    return browser.submit(page.form(f"/console/lists/{kept}/save"), **fields)


def add_stage(browser: Browser, name: str, number: str = "40") -> Shown:
    return add(browser, "stages", manychat_name=name, odoo_stage_id=number, odoo_name="Valoración")


def imported(browser: Browser, name: str, text: str) -> Shown:
    """Choose a file, and send it."""
    return browser.upload(browser.get(f"/console/lists/{name}").form(f"/console/lists/{name}/import"), "file", text)


def approve(browser: Browser, page: Shown) -> Shown:
    return browser.submit(next(form for form in page.forms() if form.action.endswith("/approve")))


def people_in(stage: int, number: int) -> None:
    """So many opportunities in a stage."""

    def work(session) -> None:
        for each in range(number):
            person = Contact(manychat_id=f"in{stage}-{each}")
            session.add(person)
            session.flush()
            session.add(Opportunity(manychat_id=person.manychat_id, contact_id=person.id, stage_id=stage))

    transact(work)


class TestRow:
    """One row is added, changed, taken out."""

    def test_row_is_added_at_once(self, admin) -> None:
        """It is in the list, the action log has the name, and there is a version with and one without it."""
        shown = add_stage(admin, "Valoración agendada")
        assert (shown.status, shown.address) == (200, STAGES)
        assert "Valoración agendada" in stage_names()
        assert versions() == [("puente", "as it was before"), ("key:adan", "create")]
        with reading() as session:
            assert session.scalars(select(ActionLog.actor).where(ActionLog.action == "stage.create")).all() == ["key:adan"]

    def test_mistake_shows_the_form_again(self, admin) -> None:
        """With what was typed, and the field's name; nothing is changed."""
        shown = add_stage(admin, "Valoración agendada", "cuarenta")
        assert shown.status == 422
        assert "Odoo's number of the stage" in shown.words
        assert 'value="cuarenta"' in shown.text
        assert "Valoración agendada" not in stage_names()

    def test_name_that_is_there_already_is_shown_as_a_stop(self, admin) -> None:
        """Whatever its case and accents: nothing is done, and the plan says why."""
        shown = add_stage(admin, DEFAULT_STAGES[0].manychat_name.upper())
        assert shown.heading == "0 changes would be made"
        assert "stage-taken" in shown.words
        assert len(stage_names()) == len(DEFAULT_STAGES)

    def test_change_that_touches_few_is_made(self, admin) -> None:
        """Opportunities move along with their stage's number."""
        people_in(16, 2)
        row = next(form for form in admin.get(STAGES).forms() if form.action.endswith("/edit") and form.fields.get("number"))
        form = admin.submit(row).form(f"{STAGES}/save")
        assert form.fields["odoo_stage_id"] == "16"
        assert admin.submit(form, odoo_stage_id="116").address == STAGES
        drain("puente")
        with reading() as session:
            assert set(session.scalars(select(Opportunity.stage_id))) == {116}

    def test_change_that_touches_many_is_shown_first(self, admin, monkeypatch) -> None:
        """The plan counts the opportunities that move; it is carried out when somebody says so."""
        monkeypatch.setattr(running, "SMALL", 2)
        people_in(16, 3)
        row = next(form for form in admin.get(STAGES).forms() if form.action.endswith("/edit") and form.fields.get("number"))
        page = admin.submit(admin.submit(row).form(f"{STAGES}/save"), odoo_stage_id="116")
        assert page.heading == "1 change would be made"
        assert "odoo_stage_id: 16 → 116" in page.words
        with reading() as session:
            assert session.scalars(select(Plan.figures)).one()["weight"] == 4
            assert set(session.scalars(select(Opportunity.stage_id))) == {16}
        assert approve(admin, page).heading == "1 part was done as planned"
        drain("puente")
        with reading() as session:
            assert set(session.scalars(select(Opportunity.stage_id))) == {116}

    def test_row_in_use_stays(self, admin) -> None:
        """The plan says what refers to it."""
        people_in(16, 1)
        row = next(form for form in admin.get(STAGES).forms() if form.action.endswith("/remove"))
        shown = admin.submit(row)
        assert "referenced" in shown.words
        assert len(stage_names()) == len(DEFAULT_STAGES)

    def test_what_somebody_else_changed_meanwhile_is_not_overwritten(self, admin, monkeypatch) -> None:
        """The plan was made of a row as it was: now it stops, and nothing is done."""
        monkeypatch.setattr(running, "SMALL", 0)
        row = next(form for form in admin.get(STAGES).forms() if form.action.endswith("/edit") and form.fields.get("number"))
        page = admin.submit(admin.submit(row).form(f"{STAGES}/save"), odoo_name="Otra")
        transact(lambda session: setattr(session.get_one(StageMapping, 1), "odoo_name", "De otra persona"))
        shown = approve(admin, page)
        assert (shown.status, "changed-meanwhile" in shown.words) == (409, True)
        with reading() as session:
            assert session.get_one(StageMapping, 1).odoo_name == "De otra persona"

    def test_advisor_and_channel(self, admin) -> None:
        """They are kept in the same way."""
        add(admin, "advisors", name="Marta", email="marta@example.com", is_active="yes")
        add(admin, "channels", name="WhatsApp", description="The clinic's number")
        with reading() as session:
            assert session.scalars(select(Advisor.email)).all() == ["marta@example.com"]
            assert "WhatsApp" in session.scalars(select(Channel.name)).all()
        assert "marta@example.com" not in admin.get("/console/lists/advisors").text


class TestFile:
    """The whole list as a file."""

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_what_goes_out_comes_in_as_no_change(self, admin, form) -> None:
        """CSV and JSON alike; that it went out is in the action log."""
        add_stage(admin, '=HYPERLINK("x"), a')
        out = admin.submit(next(one for one in admin.get(STAGES).forms() if one.fields.get("form") == form))
        assert f'filename="stages.{form}"' in out.headers["content-disposition"]
        assert imported(admin, "stages", out.text).heading == "There is nothing to do any more"
        with reading() as session:
            assert session.scalar(select(func.count()).where(ActionLog.action == "list.export")) == 1

    def test_spreadsheet_takes_nothing_for_a_formula(self, admin) -> None:
        """A name that begins like one is written with a quote before it."""
        add_stage(admin, "=1+1 etapa")
        out = admin.submit(next(one for one in admin.get(STAGES).forms() if one.fields.get("form") == "csv"))
        assert "\n'=1+1 etapa," in out.text

    @pytest.mark.parametrize("name", ["=cmd()", "-Ana", "+525512340001", "'=cmd()", "''@x", "'ana"])
    def test_name_comes_back_as_it_was(self, admin, name) -> None:
        """By the form and by the file: whatever a spreadsheet makes of it, and although it begins with a quote of its own."""
        add(admin, "advisors", name=name, is_active="yes")
        with reading() as session:
            assert session.scalars(select(Advisor.name)).all() == [name]
        page = admin.get("/console/lists/advisors")
        out = admin.submit(next(one for one in page.forms() if one.fields.get("form") == "csv"))
        (cell,) = (row["name"] for row in csv.DictReader(io.StringIO(out.text)))
        assert cell.startswith(("'", "a"))
        assert imported(admin, "advisors", out.text).heading == "There is nothing to do any more"

    def test_difference_is_shown_before_anything_is_done(self, admin) -> None:
        """Added, changed and taken out; then done as one, and returned to with one click."""
        before = stage_names()
        kept, changed = DEFAULT_STAGES[0], DEFAULT_STAGES[1]
        text = (
            HEADER
            + f'"{kept.manychat_name}",16,{kept.odoo_name}\n"{changed.manychat_name}",17,Otro nombre\nNueva etapa,40,Nueva\n'
        )
        page = imported(admin, "stages", text)
        gone = len(DEFAULT_STAGES) - 2
        assert f"New records 1 Changed records {gone + 1} Without effect 0 Would stop 0" in page.words
        assert stage_names() == before
        approve(admin, page)
        assert stage_names() == [kept.manychat_name, changed.manychat_name, "Nueva etapa"]
        assert versions()[-1][0] == "key:adan"
        back = next(one for one in admin.get(STAGES).forms() if one.fields.get("version") == "1")
        assert admin.submit(back).address == STAGES
        assert sorted(stage_names()) == sorted(before)

    def test_every_bad_line_is_named(self, admin) -> None:
        """And nothing is done, not even with the good ones."""
        page = imported(admin, "stages", HEADER + "Una,uno,X\nDos,2,Y\n,3,Z\nDOS,4,W\n")
        assert page.status == 422
        for line in ("line 2", "line 4", "line 5"):
            assert line in page.words
        assert "line 3" not in page.words.replace("the same as in line 3", "")
        assert len(stage_names()) == len(DEFAULT_STAGES)

    @pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "[1]", "{", HEADER, "[" * 5000])
    def test_what_is_no_list_is_refused(self, admin, text) -> None:
        """With a sentence on the list's own page."""
        page = imported(admin, "stages", text)
        assert (page.status, page.heading) == (422, "Stage map")
        assert "nothing was changed" in page.words

    def test_return_to_the_file_of_the_repository(self, admin) -> None:
        """The map as it is by default, in one click."""
        add_stage(admin, "Valoración agendada")
        admin.submit(next(one for one in admin.get(STAGES).forms() if one.fields.get("version") == "file"))
        assert sorted(stage_names()) == sorted(stage.manychat_name for stage in DEFAULT_STAGES)

    def test_advisor_without_a_number_is_the_one_of_that_name(self, admin) -> None:
        """A file that somebody has typed changes the advisor, and adds none."""
        add(admin, "advisors", name="Marta", is_active="yes")
        page = imported(admin, "advisors", json.dumps([{"name": "marta", "email": "marta@example.com"}]))
        assert "New records 0 Changed records 1" in page.words
        approve(admin, page)
        with reading() as session:
            assert session.execute(select(Advisor.id, Advisor.email, Advisor.is_active)).all() == [
                (1, "marta@example.com", True)
            ]

    def test_change_over_the_api_leaves_a_version_too(self, admin) -> None:
        """Whoever makes it, and whether or not the console is used."""
        values = {"manychat_name": "Una", "odoo_stage_id": 5, "odoo_name": "A"}
        transact(lambda session: stage_edits.create(session, values, "key:api"))
        assert versions() == [("puente", "as it was before"), ("key:api", "create")]

    def test_what_was_added_otherwise_is_in_the_version_before(self, admin) -> None:
        """As events add channels: the next change can be taken back without it."""
        add_stage(admin, "Una")
        transact(lambda session: session.add(StageMapping(manychat_key="a", manychat_name="A", odoo_stage_id=5, odoo_name="A")))
        add_stage(admin, "Dos")
        assert [by for by, _note in versions()] == ["puente", "key:adan", "puente", "key:adan"]


@pytest.mark.parametrize("who", ["vera", "olga", "ana"])
@pytest.mark.parametrize("path", ["edit", "save", "remove", "import", "return", "export"])
@pytest.mark.share(6)
def test_only_admins_change_lists(console, who, path) -> None:
    """Each post of another role is refused, and no page shows them its button."""
    browser = Browser().signed_in(f"{who}-key")
    token = browser.get("/console/me").form("/console/sign-out").fields["token"]
    fields = {"token": token, "number": "1", "version": "file", "form": "csv", "manychat_name": "X"}
    assert browser.post(f"{STAGES}/{path}", fields).status == 403
    assert {form.action for form in browser.get(STAGES).forms() if form.method == "post"} == {"/console/language"}
    assert len(stage_names()) == len(DEFAULT_STAGES)


@pytest.mark.parametrize(
    ("language", "rows", "words"),
    [("es", 103, "y 3 más"), ("en", 103, "and 3 more"), ("es", 101, "y 1 más")],
)
def test_further_faults_of_a_file_are_counted_in_words(console: None, language: str, rows: int, words: str) -> None:
    """The first hundred are named, the others counted; nothing of it is English to whoever reads Spanish."""
    browser = Browser(language=language).signed_in("adan-key")
    shown = imported(browser, "stages", HEADER + "Etapa,cuarenta,Etapa\n" * rows)
    assert f"{words} " in f"{shown.words} "
    assert ("more" in shown.words.split()) == (language == "en")
