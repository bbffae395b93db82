"""What is said in a call, as TwiML (Twilio's markup): each paragraph of the text, with a pause between."""

from xml.sax.saxutils import escape

from shared.errors import PermanentError
from shared.messages import sending, templates
from shared.messages.message import Message
from shared.messages.vendor_words import is_machine
from shared.store.models import Delivery
from shared.store.session import reading

LANGUAGE, VOICE = "es-MX", "Polly.Mia"
SILENCE = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def script(delivery_id: int, answered_by: str) -> str:
    """The TwiML for the call of a delivery: the template's text, or what it leaves on an answering machine.

    Raises:
        PermanentError: `no-such-call`, there is none, or its texts cannot be filled in.
        UnavailableError: the database cannot be reached.
    """
    with reading() as session:
        delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.action != "voice" or not delivery.payload:
        raise PermanentError("no-such-call", f"there is no call {delivery_id}")
    message = Message.from_payload(delivery.payload)
    template = templates.load(message.template, message.locale)
    if is_machine(answered_by) and template.voicemail:
        template = templates.load(template.voicemail, message.locale)
    return twiml(templates.render(template, sending.variables_of(message)).text)


def twiml(text: str) -> str:
    """`text` as TwiML."""
    said = [" ".join(part.split()) for part in text.split("\n\n")]
    says = [f'<Say language="{LANGUAGE}" voice="{VOICE}">{escape(part)}</Say>' for part in said if part]
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{'<Pause length="1"/>'.join(says)}</Response>'
