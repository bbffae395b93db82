"""What a WhatsApp message carries: refused where the vendor would refuse it, and answered by tap, number or word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RetryableError
from shared.messages.content import ApprovedTemplate, Content, Option, WhatsAppFile, chosen, numbered
from shared.messages.message import Message

THREE = (Option(id="a", title="Seguir pedido"), Option(id="b", title="Comprar"), Option(id="c", title="Otra cosa"))
TEMPLATE = ApprovedTemplate(name="promo", language="es_MX")


def options(count: int, title: str = "Opción") -> tuple[Option, ...]:
    """So many different options."""
    return tuple(Option(id=str(number), title=f"{title} {number}") for number in range(count))


@pytest.mark.parametrize(
    "made",
    [
        lambda: Content(options=options(4)),
        lambda: Content(options=options(11), menu_label="Ver"),
        lambda: Content(options=options(2), menu_label="Una etiqueta demasiado larga"),
        lambda: Content(options=(Option(id="a", title="x" * 21),)),
        lambda: Content(options=(Option(id="a", title="x" * 25),), menu_label="Ver"),
        lambda: Content(options=(Option(id="a", title="x", description="y" * 73),), menu_label="Ver"),
        lambda: Content(options=(Option(id="", title="x"),)),
        lambda: Content(options=(Option(id="a" * 257, title="x"),)),
        lambda: Content(options=(Option(id="a" * 201, title="x"),), menu_label="Ver"),
        lambda: Content(options=(Option(id="a", title="Sí"), Option(id="b", title="si"))),
        lambda: Content(options=(Option(id="a", title="Sí"), Option(id="a", title="No"))),
        lambda: Content(options=THREE, template=TEMPLATE),
        lambda: Content(header="x" * 61),
        lambda: Content(options=options(2), menu_label="Ver", file=WhatsAppFile(kind="image", link="https://x.example/a.png")),
        lambda: WhatsAppFile(kind="image"),
        lambda: WhatsAppFile(kind="image", link="https://x.example/a.png", media_id="1"),
        lambda: ApprovedTemplate(name="", language="es"),
    ],
)
def test_what_the_vendor_would_refuse_is_refused_when_it_is_planned(made) -> None:
    """Not days later, for each of thousands of people."""
    with pytest.raises(ValueError, match=r"."):
        made()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2", "b"), (" 2) ", "b"), ("2.", "b"), ("COMPRAR!", "b"), ("seguir  pedido", "a"), ("4", None), ("0", None), ("", None)],
)
def test_an_answer_in_words_names_an_option(text: str, wanted: str | None) -> None:
    """By its number or its words, whatever case, accents and signs."""
    found = chosen(THREE, text=text)
    assert (found.id if found else None) == wanted


def test_the_button_of_another_question_names_none() -> None:
    """Its title may be the same; the id is not."""
    assert chosen(THREE, option_id="zz", text="Comprar") is None
    assert chosen(THREE, option_id="b") == THREE[1]


def test_options_stand_numbered_behind_the_text() -> None:
    """For a provider without buttons."""
    assert numbered("¿Qué?", THREE).splitlines() == ["¿Qué?", "", "1. Seguir pedido", "2. Comprar", "3. Otra cosa"]
    assert numbered("Hola", ()) == "Hola"


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=20), min_size=1, max_size=3, unique=True), st.sampled_from(["", "Ver"])
)
def test_every_option_is_chosen_by_number_and_words(titles: list[str], label: str) -> None:
    """And what is kept of a message makes the same message again."""
    made = tuple(Option(id=f"id-{title}", title=title) for title in titles)
    content = Content(options=made, menu_label=label)
    for number, option in enumerate(made, start=1):
        assert chosen(made, text=str(number)) == chosen(made, text=option.title.upper()) == option
    message = Message(person="p", channel="whatsapp", to="+525512345678", text="¿?", content=content, dedupe_key="k")
    assert Message.from_payload(message.payload()) == message


def test_a_message_says_something_in_one_way() -> None:
    """A template or a text; content belongs to WhatsApp alone, and a provider to its channel."""
    given_: dict[str, object] = {"person": "p", "to": "+525512345678", "dedupe_key": "k"}
    for wrong in (
        {"channel": "whatsapp"},
        {"channel": "whatsapp", "template": "x", "text": "y"},
        {"channel": "email", "text": "y"},
        {"channel": "sms", "text": "y", "content": Content(options=THREE)},
        {"channel": "sms", "text": "y", "provider": "meta"},
        {"channel": "whatsapp", "text": "y", "provider": "brevo"},
    ):
        with pytest.raises(ValueError, match=r"."):
            Message(**{**given_, **wrong})
    Message(**{**given_, "channel": "whatsapp", "content": Content(template=TEMPLATE)})


def test_an_older_release_leaves_a_message_with_content_to_a_newer_one() -> None:
    """It would send it without its buttons."""
    plain = Message(person="p", channel="whatsapp", to="+525512345678", template="x", dedupe_key="k")
    rich = Message(person="p", channel="whatsapp", to="+525512345678", text="x", dedupe_key="k")
    assert (plain.payload()["version"], rich.payload()["version"]) == (1, 2)
    with pytest.raises(RetryableError):
        Message.from_payload(rich.payload() | {"version": 3})
