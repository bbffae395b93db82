"""The script of a call, as TwiML (Twilio's markup): each paragraph of the text, with a pause between."""

import logging
from xml.sax.saxutils import escape

from shared.errors import PermanentError, PuenteError
from shared.messages import call_cards, template_sources, templates
from shared.messages.call_cards import Card
from shared.messages.message import Message
from shared.messages.providers.twilio_codes import is_machine
from shared.messages.variables import variables_of
from shared.settings import get_settings
from shared.store.models import Delivery
from shared.store.session import reading

log = logging.getLogger("puente.messages")

LANGUAGE, VOICE = "es-MX", "Polly.Mia"
SORRY = "call_sorry"  # a template
NO_SUCH_CALL = "no-such-call"
SILENCE = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def script(delivery_id: int, answered_by: str, sealed: str = "") -> str:
    """The TwiML for the call of a delivery: the template's text, or what it leaves on an answering machine.

    The database is read only where the address does not hold everything (`sealed`), so that a call can speak while the database
    is down. A text that cannot be rendered becomes an apology (the template `call_sorry`), so a person who picks up always gets
    some text. A call that we did not make gets an empty response.
    """
    try:
        card = call_cards.opened(sealed, get_settings().link_signing_secrets)
        if card is None or card.delivery_id != delivery_id:
            card = _by_record(delivery_id)
        return _filled_in(card, answered_by)
    except PermanentError as error:
        log.error("nothing to say in call %d: %s", delivery_id, error)  # noqa: TRY400  # the words tell it all
        return SILENCE if error.reason == NO_SUCH_CALL else sorry()
    except PuenteError as error:
        log.error("call %d gets an apology: %s", delivery_id, error)  # noqa: TRY400  # the words tell it all
        return sorry()


def sorry() -> str:
    """The TwiML of an apology, without anything personal."""
    return twiml(templates.render(template_sources.load(SORRY), {}).text)


def card_for(delivery_id: int, message: Message) -> Card:
    """What the call needs to know: of the variables only those that its texts use, as they end up in an address."""
    used: set[str] = set()
    template = template_sources.load(message.template, message.locale)
    for one in (template, template.voicemail and template_sources.load(template.voicemail, message.locale)):
        if one:
            used |= templates.variables(one)
    known = variables_of(message)
    kept = {name: known[name] for name in sorted(used & known.keys())}
    return Card(delivery_id=delivery_id, template=message.template, locale=message.locale, variables=kept)


def _by_record(delivery_id: int) -> Card:
    with reading() as session:
        delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.action != "voice" or not delivery.payload:
        raise PermanentError(NO_SUCH_CALL, f"there is no call {delivery_id}")
    return card_for(delivery_id, Message.from_payload(delivery.payload))


def _filled_in(card: Card, answered_by: str) -> str:
    template = template_sources.load(card.template, card.locale)
    if is_machine(answered_by) and template.voicemail:
        template = template_sources.load(template.voicemail, card.locale)
    return twiml(templates.render(template, card.variables).text)


def twiml(text: str) -> str:
    """`text` as TwiML."""
    event = [" ".join(part.split()) for part in text.split("\n\n")]
    says = [f'<Say language="{LANGUAGE}" voice="{VOICE}">{escape(part)}</Say>' for part in event if part]
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{'<Pause length="1"/>'.join(says)}</Response>'
