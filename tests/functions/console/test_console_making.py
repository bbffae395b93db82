"""Making a broadcast in the console: for whom, which text, how fast and when, and then its start; as the API would."""

import pytest
from sqlalchemy import select

from functions.broadcasts import planning, schedule_runs
from functions.broadcasts.tables import Automation, Execution, Recipient, Schedule, UploadRow
from shared import clock
from shared.journeys import chatbots
from shared.messages import template_sources, text_versions
from shared.settings import get_settings
from shared.store.models import Contact, DeadLetter
from shared.store.session import reading, transact
from tests.functions.console.browser import Browser, Shown

LIST = "/console/broadcasts"
NEWS = chatbots.flow_id("novedades")
BOUNDARY = "------form-of-tests"


@pytest.fixture(autouse=True)
def people(console: None, environment: pytest.MonkeyPatch, test_clock) -> None:
    """Three contacts, one of whom has no number; all want messages."""
    environment.setenv("TWILIO_WHATSAPP_SENDER", "+14155238886")
    get_settings.cache_clear()

    def work(session) -> None:
        for place in range(3):
            number = f"+5255123456{place:02}" if place else None
            row = Contact(manychat_id=str(place), first_name="Ana", email="ana@example.com", phone=number)
            row.subscribed_at = clock.now()
            session.add(row)

    transact(work)


def posted(operator: Browser, form, file: str = "", **changes: str) -> Shown:
    """A form with a file, as a browser sends it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (form.fields | changes).items()
        if name != "file"
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{"lista.csv" if file else ""}"\r\n'
    parts += [f"{head}Content-Type: text/csv\r\n\r\n{file}\r\n--{BOUNDARY}--\r\n"]
    body, kind = "".join(parts).encode(), {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return operator._follow("POST", form.action, body, kind)


def made(operator: Browser, **audience: str) -> str:
    """The address of a new broadcast."""
    form = operator.get(f"{LIST}/new").form(f"{LIST}/new")
    shown = posted(operator, form, name="Jornada", **({"audience": "all"} | audience))
    assert shown.address.endswith("/text"), shown.words
    return shown.address.removesuffix("/text")


def worded(operator: Browser, where: str, **changes: str) -> Shown:
    given = {"variable.first_name": "{{contact.first_name|amigo}}", "variable.text": "Hay lugares.", "do": "keep"} | changes
    return operator.submit(operator.get(f"{where}/text?flow_id={NEWS}").form(f"{where}/text"), **given)


def paced(operator: Browser, where: str, **changes: str) -> Shown:
    return operator.submit(operator.get(f"{where}/pace").form(f"{where}/pace"), **changes)


def started(operator: Browser, where: str, start: Shown | None = None) -> Shown:
    """The page of the run after its plan was approved, with its recipients."""
    plan = operator.submit((start or operator.get(f"{where}/start")).form(f"{where}/start"))
    (form,) = [one for one in plan.forms() if one.action.endswith("/approve")]
    operator.submit(form)
    planning.plan_all()
    with reading() as session:
        run = session.scalars(select(Execution).order_by(Execution.id.desc())).first()
    return operator.get(f"{LIST}/executions/{run.uuid}")


def automation() -> Automation:
    with reading() as session:
        return session.scalars(select(Automation).order_by(Automation.id.desc())).first()


def test_made_and_started_without_a_script(operator):
    """Four forms: for whom, the text, the pace, and the start on the real audience."""
    where = made(operator)
    assert "As it is received by Ana Hola, Ana. Hay lugares." in worded(operator, where, do="look").words
    assert automation().variable_mapping == {}
    assert worded(operator, where).address == f"{where}/pace"
    start = paced(operator, where, rate_limit_per_hour="500")
    assert start.address == f"{where}/start"
    assert "2 people of 3 get it. 1 person is left out." in start.words
    started(operator, where, start)
    with reading() as session:
        rows = session.scalars(select(Recipient).where(Recipient.reason.is_(None))).all()
        assert [row.variables["text"] for row in rows] == ["Hay lugares."] * 2
    assert automation().rate_limit_per_hour == 500


@pytest.mark.parametrize(
    ("audience", "kind", "config"),
    [
        ({"audience": "custom", "contact_ids": "1, 2\n3"}, "custom", {"contact_ids": [1, 2, 3]}),
        ({"audience": "tags", "tags": "VIP, dental"}, "tags", {"tag_ids": ["VIP", "dental"]}),
        (
            {"audience": "segment", "field_1": "email", "operator_1": "contains", "value_1": "example"},
            "segment",
            {"filters": {"email": {"contains": "example"}}},
        ),
        (
            {"audience": "segment", "field_1": "opt_in", "value_1": "no"}
            | {"field_2": "state", "operator_2": "in", "value_2": "a, b"},
            "segment",
            {"filters": {"opt_in": {"eq": False}, "state": {"in": ["a", "b"]}}},
        ),
        ({"audience": "all"}, "all", {}),
    ],
)
def test_audience_is_what_the_api_would_take(operator, audience, kind, config):
    """In its names and shapes; opening the form again shows what is kept."""
    where = made(operator, **audience)
    assert (automation().audience_type, automation().audience_config) == (kind, config)
    shown = operator.get(f"{where}/audience")
    assert f'value="{kind}" checked' in shown.text
    assert "Who gets it" in shown.words
    posted(operator, shown.form(f"{where}/audience"), audience=kind)
    assert automation().audience_config == config


def test_numbers_and_a_file_become_lists(operator):
    """What was wrong with how many lines is said; variables are the file's columns; without a new file the list stays."""
    where = made(operator, audience="numbers", phone_numbers="55 1234 5601\nnope\n+52 55 1234 5601")
    assert "1 numbers taken, 1 repeated, 1 that cannot be read" in operator.get(f"{where}/audience").words
    form = operator.get(f"{where}/audience").form(f"{where}/audience")
    posted(operator, form, file="phone,nombre\n5512345602,Luz\n", audience="uploaded")
    shown = operator.get(f"{where}/audience")
    assert "lista.csv 1 numbers taken" in shown.words
    assert "nombre" in shown.words
    before = automation().audience_config
    posted(operator, shown.form(f"{where}/audience"), audience="uploaded")
    assert automation().audience_config == before
    with reading() as session:
        assert session.scalars(select(UploadRow.phone_number)).all() == ["+525512345601", "+525512345602"]


def test_mistakes_are_named_and_what_was_typed_stays(operator):
    """With the words of the API; nothing is kept."""
    form = operator.get(f"{LIST}/new").form(f"{LIST}/new")
    shown = posted(operator, form, name="Mal", audience="segment", field_1="zodiac", value_1="leo")
    assert shown.status == 422
    assert "is not known; known are" in shown.words
    assert 'value="zodiac"' in shown.text
    assert automation() is None
    where = made(operator)
    assert "braces that do not close" in worded(operator, where, **{"variable.text": "{{contact.name"}).words
    assert "must be 1000000 or less" in paced(operator, where, rate_limit_per_hour="2000000").words
    assert (automation().variable_mapping, automation().rate_limit_per_hour) == ({}, 100)


def test_schedule_rests_until_somebody_lets_it_begin(operator, test_clock):
    """Its next runs are shown with what moved them; only then it goes by itself."""
    where = made(operator)
    worded(operator, where)
    given = {"begins": "monthly", "start_date": "2026-03-08", "start_time": "09:00", "day": "31", "on_free_days": "after"}
    shown = paced(operator, where, **given)
    assert "they do not begin yet" in shown.words
    assert "that day does not exist in that month" in shown.words
    start = operator.get(f"{where}/start")
    with reading() as session:
        assert session.scalars(select(Schedule)).one().is_active is False
    operator.submit(start.form(f"{where}/arm"))
    with reading() as session:
        row = session.scalars(select(Schedule)).one()
        assert (row.is_active, row.weekend_policy, automation().status) == (True, "after", "active")
    operator.submit(operator.get(f"{where}/pace").form(f"{where}/rest"))
    paced(operator, where, begins="by_hand")
    with reading() as session:
        assert session.scalars(select(Schedule)).one().deleted_at is not None


def test_schedule_that_was_set_aside_is_mended_where_it_is_edited(operator):
    """The page says why it stands still and where its stopped event is; kept again, it begins as any that was edited."""
    where = made(operator)
    worded(operator, where)
    paced(operator, where, begins="daily", start_date="2026-03-02", start_time="09:00", interval="1")
    operator.submit(operator.get(f"{where}/start").form(f"{where}/arm"))

    def rot(session) -> None:
        row = session.scalars(select(Schedule)).one()
        row.execution_timezone, row.next_scheduled_at = "Nowhere/Land", clock.now()

    transact(rot)
    schedule_runs.run_due()
    shown = operator.get(f"{where}/pace")
    assert shown.status == 200
    assert "is set aside" in shown.words
    assert "Nowhere/Land" in shown.words
    assert operator.get("/console/stopped?type=broadcast.run").words.count("invalid-zone") > 0
    paced(operator, where, begins="daily", start_date="2026-03-02", start_time="09:00", interval="1")
    with reading() as session:
        assert session.scalars(select(Schedule)).one().error_message is None
    operator.submit(operator.get(f"{where}/start").form(f"{where}/arm"))
    with reading() as session:
        assert session.scalars(select(Schedule)).one().is_active
        assert [letter.state for letter in session.scalars(select(DeadLetter))] == ["resolved"]
    assert "is set aside" not in operator.get(f"{where}/pace").words


def test_schedule_that_never_comes_is_refused(operator):
    """As by the API."""
    where = made(operator)
    shown = paced(operator, where, begins="cron", expression="0 9 30 2 *", start_date="2026-03-08", start_time="09:00")
    assert shown.status == 422
    with reading() as session:
        assert session.scalars(select(Schedule)).all() == []


def test_sender_is_chosen_where_there_are_several_numbers(operator, environment):
    """By its number; the choice is kept."""
    environment.setenv("META_NUMBERS", '{"111": "+525500000001", "222": "+525500000002"}')
    get_settings.cache_clear()
    where = made(operator)
    page = operator.get(f"{where}/text?flow_id={NEWS}")
    assert page.status == 200
    assert "+525500000002" in page.words


def test_test_goes_to_one_contact_alone(operator):
    """By a telephone number or an id; a number that nobody has is refused."""
    where = made(operator)
    worded(operator, where)
    form = operator.get(f"{where}/text").form(f"{where}/test")
    operator.submit(form, contact="55 1234 5601")
    with reading() as session:
        run = session.scalars(select(Execution)).one()
        assert (run.is_test, run.test_contact_ids) == (True, [2])
    assert operator.submit(form, contact="55 9999 9999").status == 422


def test_number_of_a_test_is_one_of_the_country_of_the_deployment(operator, environment):
    """As it is typed there, without the country's code."""
    environment.setenv("DEFAULT_PHONE_REGION", "ES")
    get_settings.cache_clear()
    transact(lambda session: session.add(Contact(manychat_id="9", phone="+34612345678")))
    where = made(operator)
    worded(operator, where)
    operator.submit(operator.get(f"{where}/text").form(f"{where}/test"), contact="612 345 678")
    with reading() as session:
        assert session.scalars(select(Execution)).one().test_contact_ids == [4]


def test_copy_is_a_draft_that_says_the_same(operator):
    """With a name of its own, and no runs."""
    where = made(operator)
    worded(operator, where)
    shown = operator.submit(operator.get(where).form(f"{where}/duplicate"))
    assert shown.address != f"{where}/audience"
    copy = automation()
    assert (copy.name, copy.status, copy.total_executions) == ("Jornada (2)", "draft", 0)
    assert copy.variable_mapping == {"first_name": "{{contact.first_name|amigo}}", "text": "Hay lugares."}


def test_running_broadcast_is_not_changed(operator):
    """The form says why."""
    where = made(operator)
    worded(operator, where)
    started(operator, where)
    assert worded(operator, where, **{"variable.text": "Otra cosa."}).status == 400
    assert automation().variable_mapping["text"] == "Hay lugares."


@pytest.mark.parametrize("step", ["audience", "text", "pace", "arm", "rest", "test", "duplicate"])
def test_viewers_see_the_steps_and_change_nothing(operator, viewer, step):
    """No form is shown to them, and a post is refused."""
    where = made(operator)
    if step in ("audience", "text", "pace"):
        shown = viewer.get(f"{where}/{step}")
        assert shown.status == 200
        assert [form.action for form in shown.forms() if form.action.startswith(LIST)] == []
    token = viewer.get("/console/me").form("/console/sign-out").fields["token"]
    assert viewer.post(f"{where}/{step}", {"token": token, "contact": "1"}).status == 403
    assert viewer.post(f"{LIST}/new", {"token": token, "name": "x"}).status == 403


def test_text_that_changed_meanwhile_is_shown_again(operator):
    """Published anew, or with other variables: what was approved stands beside what would go out now, and nothing begins."""
    where = made(operator)
    worded(operator, where)
    plan = operator.submit(operator.get(f"{where}/start").form(f"{where}/start"))
    file = template_sources.of_repository("broadcast_news")
    wording = text_versions.Wording(text=f"{file.text.strip()} Gracias.")
    transact(lambda session: text_versions.publish(session, file, wording, 0, "key:olga"))
    text_versions.forget()
    (form,) = [one for one in plan.forms() if one.action.endswith("/approve")]
    again = operator.submit(form)
    assert (again.status, "What is different now" in again.words) == (409, True)
    assert "Gracias.”" in again.words
    worded(operator, where, **{"variable.text": "Otra cosa."})
    (form,) = [one for one in again.forms() if one.action.endswith("/approve")]
    other = operator.submit(form)
    assert other.status == 409
    assert "text = Hay lugares." in other.words
    assert "text = Otra cosa." in other.words
    with reading() as session:
        assert session.scalars(select(Execution)).all() == []


def test_second_text_is_seen_beside_the_first_and_compared(operator):
    """With its share; blank takes it away again; the run's page shows how both do."""
    where = made(operator)
    given = {"share": "50", "variant.text": "Hay descuentos."}
    shown = worded(operator, where, do="look", **given)
    assert "Text A Hola, Ana. Hay lugares." in shown.words
    assert "Text B Hola, Ana. Hay descuentos." in shown.words
    worded(operator, where, **given)
    assert automation().variant_b == {"share": 50, "variable_mapping": {"text": "Hay descuentos."}}
    assert worded(operator, where, share="muchos").status == 422
    assert worded(operator, where, share="120", **{"variant.text": "x"}).status == 422
    many = [Contact(manychat_id=f"n{each}", phone=f"+5255123457{each:02}", subscribed_at=clock.now()) for each in range(30)]
    transact(lambda session: session.add_all(many))
    run = started(operator, where)
    with reading() as session:
        assert {row.variant for row in session.scalars(select(Recipient).where(Recipient.reason.is_(None)))} == {"a", "b"}
    assert "Text A and text B One of the texts has not gone out yet" in run.words
    assert "It is decided when the sending is over." in run.words
    worded(operator, made(operator), share="")
    assert automation().variant_b is None
