"""One e-mail as every provider of e-mail here takes it: Brevo, Resend, SMTP."""

import hashlib
import html
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.header import Header
from email.utils import parseaddr

from shared.errors import PermanentError
from shared.messages.attachments import Attachment

_NAMESPACE = uuid.UUID("5b0c9f0e-5d7c-4d1c-9a55-0f6a2c1c7d11")


@dataclass(frozen=True, kw_only=True)
class Email:
    """What one person is to get. `key` names this e-mail for all time: the vendors that can are told it.

    `headers` are further ones of the message itself, such as `List-Unsubscribe` and `List-Unsubscribe-Post`.
    """

    key: str
    to: str
    subject: str
    text: str
    html: str = ""
    to_name: str = ""
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def key_uuid(self) -> str:
        """The key as a UUID, always the same for the same key; it tells nothing about the person."""
        return str(uuid.uuid5(_NAMESPACE, self.key))

    @property
    def key_digest(self) -> str:
        """The key as 64 hexadecimal digits."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()


def sender(setting: str, name: str) -> tuple[str, str]:
    """Display name and address out of a setting such as `Ana <ana@example.com>`.

    Raises:
        PermanentError: `not-configured`, there is no address in it.
    """
    display, address = parseaddr(setting)
    if "@" not in address:
        raise PermanentError("not-configured", f"{name} must be an e-mail address, or a name and an address")
    return display, address


def encoded_name(name: str) -> str:
    """A display name as a provider's JSON API keeps it: written as in a mail's header (RFC 2047) where it needs to be.

    Brevo drops a name without a word that has both letters beyond ASCII and characters that stand for something in addresses.
    """
    if name.isascii() or not _SPECIAL.search(name):
        return name
    return Header(name, "utf-8", maxlinelen=_ONE_LINE).encode()


def html_of(text: str) -> str:
    """A text as HTML: its paragraphs and line ends, its links to be followed."""
    paragraphs = re.split(r"\n{2,}", html.escape(text.strip(), quote=False))
    linked = (_LINK.sub(r'<a href="\g<0>">\g<0></a>', paragraph) for paragraph in paragraphs)
    return "".join(f"<p>{paragraph}</p>".replace("\n", "<br>\n") for paragraph in linked)


# What RFC 5322 calls specials, and the ampersand.
_SPECIAL = re.compile(r"""[()<>\[\]:;@\\,."&]""")
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]")
_ONE_LINE = 10_000  # the text of a JSON member is not folded
