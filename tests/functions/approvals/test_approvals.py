"""Approvals: who may decide, by which way, once; what listeners are notified of; and what is left of a person."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from shared import approvals, clock
from shared.approvals import ApprovalRequest, decisions
from shared.errors import ConfigurationError
from shared.phrases import phrase
from shared.privacy.erase import erase, look, person
from shared.retention import rules
from shared.settings import get_settings, load
from shared.store.approval_models import Approval, ApprovalInvitation
from shared.store.models import ActionLog, Delivery
from shared.store.session import reading, transact
from tests.functions.approvals.conftest import Desk
from tests.support.messages import carry_out


def logged() -> list[tuple[str, str]]:
    """Who did what, in order."""
    with reading() as session:
        rows = session.scalars(select(ActionLog).where(ActionLog.action.like("approval-%")).order_by(ActionLog.id)).all()
    return [(row.actor, row.action) for row in rows]


def recipients(desk: Desk) -> list[str]:
    """To whom mails went, in order."""
    return [letter.message.to for letter in desk.post.sent]


def test_everybody_but_who_asks_gets_a_link(desk: Desk) -> None:
    """Ana asks, so Bruno and Carla are asked, each once, however often the request is repeated; her name's case counts not."""
    number = desk.ask()
    assert desk.ask(title="anders") == number
    assert sorted(recipients(desk)) == ["bruno@example.com", "carla@example.com"]
    text = desk.post.sent[0].rendered.text
    assert [one for one in ("12,400", "ana pide", "Enviar <la promoción>") if one not in text] == []
    assert desk.post.sent[0].rendered.subject.startswith("Por aprobar: Enviar")


@pytest.mark.parametrize(
    ("title", "details", "spanish"),
    [
        (phrase("Broadcast %(name)s", name="Jornada"), {phrase("Recipients"): "12400"}, ("Difusión Jornada", "Destinatarios")),
        (phrase("Run the robot %(name)s", name="altas"), {phrase("Process"): "alta"}, ("Ejecutar el robot altas", "Proceso")),
        (phrase("Backfill from %(system)s", system="Odoo"), {phrase("Records"): "7"}, ("Completar desde Odoo", "Registros")),
        ("Grant the discount", {"Amount": "7"}, ("Grant the discount", "Amount")),
    ],
    ids=["broadcast", "coordination", "plan", "as somebody has written it"],
)
def test_approvers_read_spanish(desk: Desk, title: str, details: dict[str, str], spanish: tuple[str, ...]) -> None:
    """What is asked for and what its facts are called, in the mail and on the page before and after the decision."""
    desk.ask(title=title, details=details)
    letter = desk.post.sent[0].rendered
    link = desk.link_of("bruno")
    pages = [desk.page(link).get_body().decode(), desk.page(link, "POST", verdict="approve").get_body().decode()]
    assert letter.subject.endswith(spanish[0])
    for shown in (letter.text, *pages):
        assert [one for one in (*spanish, *details.values()) if one not in shown] == []
        assert [one for one in (title, *details) if one not in spanish and one in shown] == []


def test_link_is_in_no_table(desk: Desk) -> None:
    """The token is made when the mail goes out; whoever reads deliveries cannot approve."""
    desk.ask()
    with reading() as session:
        rows = session.scalars(select(Delivery).where(Delivery.subject == "approver:bruno")).all()
    assert len(rows) == 1
    assert desk.link_of("bruno") not in f"{rows[0].payload}{rows[0].result}"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_a_link_changes_nothing(desk: Desk, method: str) -> None:
    """A gateway opens every link, with any verdict in its address; the page shows the question, escaped, with two buttons."""
    number = desk.ask()
    page = desk.page(desk.link_of("bruno"), method)
    body = page.get_body().decode()
    assert page.status_code == 200
    assert [one for one in ("Enviar &lt;la promoción&gt;", 'value="approve"', 'value="reject"') if one not in body] == []
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"
    assert (desk.row(number).state, desk.decided) == ("pending", [])


def test_button_decides_and_listeners_are_notified(desk: Desk) -> None:
    """One transaction: the row, the action log, and the flow that waits."""
    number = desk.ask()
    body = desk.page(desk.link_of("bruno"), verdict="approve", comment=" Adelante ").get_body().decode()
    assert "Tu decisión quedó guardada" in body
    row = desk.row(number)
    assert (row.state, row.decided_by, row.comment, row.decided_at) == ("approved", "bruno", "Adelante", clock.now())
    (decided,) = desk.decided
    assert (decided.outcome, decided.by, decided.key, decided.comment) == ("approved", "bruno", "execution-1", "Adelante")
    assert logged() == [("ana", "approval-asked"), ("link:bruno", "approval-approved")]


@pytest.mark.parametrize("second", ["approve", "reject", "delegate"])
def test_second_decision_is_harmless_and_shown(desk: Desk, second: str) -> None:
    """Carla comes after Bruno, or he presses twice: the page says what was decided, by whom; nothing follows a second time."""
    number = desk.ask()
    desk.page(desk.link_of("bruno"), verdict="reject")
    for name in ("bruno", "carla"):
        answer = desk.page(desk.link_of(name), verdict=second, to="carla" if name == "bruno" else "bruno")
        assert answer.status_code == 200
        assert "Ya estaba decidido por bruno" in answer.get_body().decode()
    assert (desk.row(number).state, len(desk.decided)) == ("rejected", 1)


def test_api_decides_as_well(desk: Desk) -> None:
    """By the name of the key; the same word again is shown as repeated, the other one refused with what stands."""
    number = desk.ask()
    answer = desk.api("bruno", "POST", f"/{number}/approve", body={"comment": "ok"})
    assert (answer.status, answer.json["repeated"], answer.json["approval"]["state"]) == (200, False, "approved")
    again = desk.api("bruno", "POST", f"/{number}/approve", body={})
    assert (again.status, again.json["repeated"], again.json["approval"]["comment"]) == (200, True, "ok")
    other = desk.api("bruno", "POST", f"/{number}/reject", body={})
    assert (other.status, other.json["type"]) == (409, "urn:puente:problem:already-decided")
    assert other.json["detail"] == "It is approved by bruno since 2026-03-02T09:00:00Z."
    assert len(desk.decided) == 1


@pytest.mark.parametrize(("asked_by", "name"), [("ana", "ana"), (" ANA ", "ana"), ("Bruno", "bruno")])
def test_nobody_decides_what_they_have_asked_for(desk: Desk, asked_by: str, name: str) -> None:
    """Neither with their key, whatever its case, nor by a link, for they get none."""
    number = desk.ask(asked_by=asked_by)
    answer = desk.api(name, "POST", f"/{number}/approve", body={})
    assert (answer.status, answer.json["type"]) == (403, "urn:puente:problem:own-request")
    assert f"{name}@example.com" not in recipients(desk)
    assert desk.row(number).state == "pending"


def test_only_those_who_are_named_decide(desk: Desk) -> None:
    """A request that names Carla is not Bruno's to decide; a key that only reads decides nothing."""
    number = desk.ask(approvers=("carla",))
    assert recipients(desk) == ["carla@example.com"]
    assert desk.api("bruno", "POST", f"/{number}/approve", body={}).json["type"] == "urn:puente:problem:not-asked"
    assert desk.api("viewer", "POST", f"/{number}/approve", body={}).status == 403
    desk.page(desk.link_of("carla"), verdict="approve")
    assert desk.row(number).decided_by == "carla"


def test_delegation_moves_the_right(desk: Desk) -> None:
    """Carla hands hers to Bruno: he gets a link, she can decide no more, and the same again sends nothing."""
    number = desk.ask(approvers=("carla",))
    body = desk.page(desk.link_of("carla"), verdict="delegate", to="bruno").get_body().decode()
    assert "Lo pasaste a bruno" in body
    carry_out()
    assert recipients(desk) == ["carla@example.com", "bruno@example.com"]
    desk.page(desk.link_of("carla"), verdict="delegate", to="bruno")
    assert "Lo pasaste a bruno" in desk.page(desk.link_of("carla"), verdict="approve").get_body().decode()
    carry_out()
    assert (len(desk.post.sent), desk.row(number).state) == (2, "pending")
    assert desk.api("bruno", "POST", f"/{number}/approve", body={}).json["approval"]["decided_by"] == "bruno"
    assert ("link:carla", "approval-delegated") in logged()


def test_delegation_may_come_back(desk: Desk) -> None:
    """Whoever gets it back can decide again, and gets a mail of its own for it."""
    number = desk.ask(approvers=("carla",))
    desk.page(desk.link_of("carla"), verdict="delegate", to="bruno")
    carry_out()
    answer = desk.api("bruno", "POST", f"/{number}/delegate", body={"to": "Carla"})
    assert (answer.status, answer.json["repeated"]) == (200, False)
    carry_out()
    assert recipients(desk) == ["carla@example.com", "bruno@example.com", "carla@example.com"]
    assert desk.api("bruno", "POST", f"/{number}/approve", body={}).json["type"] == "urn:puente:problem:delegated"
    desk.page(desk.link_of("carla"), verdict="approve")
    assert desk.row(number).state == "approved"


@pytest.mark.parametrize("to", ["ana", "bruno", "nadie", "viewer"])
def test_delegation_needs_somebody_who_may_decide(desk: Desk, to: str) -> None:
    """Not who has asked, not oneself, not a name that nobody has, not a key that only reads."""
    number = desk.ask()
    assert desk.api("bruno", "POST", f"/{number}/delegate", body={"to": to}).status == 422
    assert desk.page(desk.link_of("bruno"), verdict="delegate", to=to).status_code == 422


def test_nobody_decides_after_the_time(desk: Desk, test_clock: clock.TestClock) -> None:
    """It ends as expired by whoever comes first, the job or a late press, and listeners are notified once."""
    number = desk.ask()
    test_clock.advance(hours=48)
    assert "El plazo terminó" in desk.page(desk.link_of("bruno")).get_body().decode()
    assert desk.row(number).state == "pending"  # a GET changes nothing
    answer = desk.api("bruno", "POST", f"/{number}/approve", body={})
    assert (answer.status, answer.json["detail"]) == (409, "It is expired since 2026-03-04T09:00:00Z.")
    assert (desk.row(number).state, decisions.expire()) == ("expired", 0)
    assert [one.outcome for one in desk.decided] == ["expired"]


def test_one_listener_that_fails_keeps_no_other_approval(desk: Desk, test_clock: clock.TestClock) -> None:
    """The failing one stays open, with everything undone, and its time comes again with the next run."""
    first, second = desk.ask(), desk.ask(key="execution-2")
    test_clock.advance(hours=48)
    desk.raises.append(RuntimeError("a flow fails"))
    assert decisions.expire() == 1
    assert [desk.row(number).state for number in (first, second)] == ["pending", "expired"]
    assert decisions.expire() == 1
    assert [one.id for one in desk.decided] == [second, first]


def test_reminder_goes_once_to_whoever_can_still_decide(desk: Desk, test_clock: clock.TestClock) -> None:
    """Halfway, unless asked otherwise; not to Carla, who has handed hers on."""
    desk.ask()
    desk.page(desk.link_of("carla"), verdict="delegate", to="bruno")
    test_clock.advance(hours=23)
    assert decisions.remind() == 0
    test_clock.advance(hours=1)
    assert (decisions.remind(), decisions.remind()) == (1, 0)
    carry_out()
    assert [letter.message.template for letter in desk.post.sent] == ["approval_request"] * 2 + ["approval_reminder"]
    assert recipients(desk)[-1] == "bruno@example.com"


def test_mail_that_waits_is_not_sent_once_it_is_decided(desk: Desk, test_clock: clock.TestClock) -> None:
    """The reason to send it has gone."""
    number = desk.ask()
    test_clock.advance(hours=24)
    decisions.remind()
    desk.api("bruno", "POST", f"/{number}/reject", body={})
    carry_out()
    assert [letter.message.template for letter in desk.post.sent] == ["approval_request"] * 2
    assert {outcome.reason for _context, outcome in desk.post.outcomes_seen if outcome.word == "skipped"} == {
        "approval-decided"
    }


def test_withdrawn_is_over(desk: Desk) -> None:
    """The flow that waited wants it no more: listeners are notified, links say so, and a second time nothing happens."""
    number = desk.ask()
    withdraw = transact(lambda session: approvals.withdraw(session, "broadcast", "execution-1", "ana"))
    again = transact(lambda session: approvals.withdraw(session, "broadcast", "execution-1", "ana"))
    unknown = transact(lambda session: approvals.withdraw(session, "broadcast", "execution-9", "ana"))
    assert (withdraw, again, unknown, desk.row(number).state) == (True, False, False, "withdrawn")
    assert "ya no lo necesita" in desk.page(desk.link_of("bruno"), verdict="approve").get_body().decode()
    assert [one.outcome for one in desk.decided] == ["withdrawn"]


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [("", 403, "incompleto"), ("17", 403, "incompleto"), ("17.abc", 403, "incompleto"), ("ñ.ñ", 403, "incompleto")],
)
def test_link_that_is_not_ours(desk: Desk, token: str, status: int, says: str) -> None:
    """Cut off, invented, or signed for something else: nothing is looked up."""
    answer = desk.page(token, verdict="approve")
    assert (answer.status_code, says in answer.get_body().decode()) == (status, True)


def test_link_of_another_purpose_is_not_ours(desk: Desk) -> None:
    """A signature for an unsubscription opens no approval."""
    from shared.messages import signed

    forged = signed.sign("unsubscribe", "1", get_settings().link_signing_secrets)
    desk.ask()
    assert desk.page(forged, verdict="approve").status_code == 403


def test_form_that_says_nothing(desk: Desk) -> None:
    """A form without a verdict, or with an invented one, is refused, and nothing is decided."""
    number = desk.ask()
    for form in ({"comment": "x"}, {"verdict": "maybe"}):
        assert desk.page(desk.link_of("bruno"), **form).status_code == 400
    assert desk.row(number).state == "pending"


def test_listener_that_fails_leaves_the_approval_open(desk: Desk) -> None:
    """A decision on which nothing follows is no decision: it is all of it or nothing."""
    number = desk.ask()
    desk.raises.append(RuntimeError("a flow fails"))
    assert desk.api("bruno", "POST", f"/{number}/approve", body={}).status == 500
    assert (desk.row(number).state, logged()) == ("pending", [("ana", "approval-asked")])


def test_list_filters(desk: Desk) -> None:
    """By state, kind, subject and who asked; one that is not there is 404."""
    number = desk.ask()
    desk.ask(key="execution-2", kind="journey", subject="lead:7", asked_by="journey:bienvenida")
    shown = desk.api("viewer", "GET", state="pending", kind="broadcast", subject="broadcast:7", asked_by="ana").json
    assert [one["id"] for one in shown["items"]] == [number]
    assert shown["items"][0]["details"] == [{"label": "Personas", "value": "12,400"}]
    assert [one["approver"] for one in shown["items"][0]["asked"]] == ["bruno", "carla"]
    assert desk.api("viewer", "GET", f"/{number}").json["title"].startswith("Enviar")
    for method, path in (("GET", "/99"), ("POST", "/99/approve"), ("POST", "/99/reject")):
        assert desk.api("bruno", method, path, body=None if method == "GET" else {}).status == 404


def test_without_approvers_operators_are_alerted(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    """Nobody has a link, so the alert says where it waits, and nothing of what it is about."""
    environment.setenv("APPROVERS", "{}")
    environment.setenv("ALERT_WEBHOOK_URL", "https://hooks.example/1")
    get_settings.cache_clear()
    number = desk.ask()
    with reading() as session:
        texts = [row.payload["text"] for row in session.scalars(select(Delivery).where(Delivery.target == "alerts"))]
    assert texts == [f"Puente: the approval {number} (broadcast) waits for a second person: /api/v1/approvals/{number}"]


def test_erased_person_leaves_the_decision(desk: Desk) -> None:
    """What it was about goes; that it was decided, and by whom, stays."""
    number = desk.ask(subject="ana@example.org", asked_by="journey:bienvenida")
    desk.api("bruno", "POST", f"/{number}/approve", body={"comment": "conozco a Ana"})
    assert look(person(email="ana@example.org"), ask_odoo=False).rows["approvals"] == 1
    erase(person(email="ana@example.org"), way="skip", actor="dpo")
    row = desk.row(number)
    assert (row.title, row.details, row.comment) == ("erased", None, None)
    assert (row.state, row.decided_by) == ("approved", "bruno")
    assert "erased" in desk.page(desk.link_of("carla")).get_body().decode()


def test_old_approvals_go_with_their_invitations(desk: Desk) -> None:
    """What waits stays, however old; the invitations of what goes, go first."""
    old, waiting = desk.ask(), desk.ask(key="execution-2")
    desk.api("bruno", "POST", f"/{old}/approve", body={})
    before = clock.now() + timedelta(days=1)
    removed = []
    for name in ("approvals", "invitations to approvals", "approvals"):
        rule = rules()[name]
        gone = transact(lambda session, rule=rule: session.execute(rule.table.__table__.delete().where(rule.goes(before))))
        removed.append(gone.rowcount)
    assert removed == [0, 2, 1]
    with reading() as session:
        assert session.scalars(select(Approval.id)).all() == [waiting]
        assert {one.approval_id for one in session.scalars(select(ApprovalInvitation))} == {waiting}


def test_request_that_cannot_be_stored_is_a_mistake_of_the_code() -> None:
    """Too long, empty, or without a zone."""
    values = {"kind": "k", "subject": "s", "key": "1", "title": "t", "asked_by": "ana", "expires_at": clock.now()}
    for wrong in ({"kind": ""}, {"key": "x" * 201}, {"expires_at": clock.now().replace(tzinfo=None)}):
        with pytest.raises(ValueError, match=r"characters|naive"):
            ApprovalRequest(**(values | wrong))


@pytest.mark.parametrize("approvers", ['{"ana": "a@example.com", "Ana": "b@example.com"}', '{"a": "x@e.mx", "b": "X@e.mx"}'])
def test_two_names_of_one_person_are_refused_at_the_start(environment: pytest.MonkeyPatch, approvers: str) -> None:
    """By case or by address: they could approve what they have asked for."""
    environment.setenv("APPROVERS", approvers)
    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="APPROVERS"):
        load()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ana", "bruno"]), st.sampled_from(["approve", "reject"])),
        st.tuples(st.sampled_from(["bruno", "carla"]), st.sampled_from(["approve", "reject"])).map(lambda one: ("link", *one)),
        st.just(("expire",)),
        st.just(("withdraw",)),
        st.integers(1, 30).map(lambda hours: ("wait", hours)),
    ),
    max_size=8,
)


NUMBERS = itertools.count()


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(steps=STEPS)
def test_any_order_ends_once(desk: Desk, test_clock: clock.TestClock, steps: list[tuple[object, ...]]) -> None:
    """Whoever comes when: one ending at most, never by who asked, never a word after the time; nothing undoes it."""
    key = f"execution-of-{next(NUMBERS)}"
    desk.post.sent.clear()
    desk.decided.clear()
    number = desk.ask(key=key)
    begun, ended = clock.now(), None
    for step in steps:
        match step:
            case ("wait", int(hours)):
                test_clock.advance(hours=hours)
            case ("expire",):
                decisions.expire()
            case ("withdraw",):
                transact(lambda session: approvals.withdraw(session, "broadcast", key, "ana"))
            case ("link", str(name), str(verdict)):
                desk.page(desk.link_of(name), verdict=verdict)
            case (str(name), str(verdict)):
                desk.api(name, "POST", f"/{number}/{verdict}", body={})
        row = desk.row(number)
        if ended is not None:
            assert (row.state, row.decided_by, row.decided_at) == ended
        elif row.state != "pending":
            ended = (row.state, row.decided_by, row.decided_at)
    mine = [one for one in desk.decided if one.key == key]
    assert len(mine) == (ended is not None)
    for one in mine:
        assert one.outcome not in ("approved", "rejected") or (one.by != "ana" and one.at < begun + timedelta(hours=48))
        assert one.outcome != "expired" or one.at >= begun + timedelta(hours=48)
