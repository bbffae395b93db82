"""Error codes and statuses of Meta's WhatsApp Cloud API, and what they mean to us.

Meta asks its partners to go by `code`, not by title or HTTP status (developers.facebook.com, "Cloud API error codes"). The same
codes come in answers and, after an answer that took the message, in a status `failed`.

    kind       | what it says                             | in an answer              | in a later status
    -----------|------------------------------------------|---------------------------|--------------------------------
    final      | this message will never arrive           | failed, other channel     | the same
    window     | free text outside the 24 hours           | failed, other channel     | the same
    person     | not this person, not now (131049)        | failed, no other channel  | the same
    stop       | the person wants no marketing (131050)   | suppressed, no channel    | the same
    pair       | too much to this person                  | waits for seconds         | sent again later
    number     | our number may send no more for now      | waits                     | sent again later
    refused    | our number is unknown, not registered    | waits, an alert           | the same
    account    | nothing of ours is taken                 | all wait, an alert        | sent again later
    template   | paused or disabled                       | waits                     | sent again later
    temporary  | Meta's own trouble                       | tried again               | sent again later
"""

from collections.abc import Mapping

NUMBER_REFUSED = "meta-number-refused"
REASONS: Mapping[int, str] = {
    131047: "meta-outside-window",
    131026: "meta-undeliverable",
    131021: "meta-invalid-recipient",
    131030: "meta-invalid-recipient",
    131062: "meta-needs-phone",
    131049: "meta-marketing-limit",
    131050: "meta-marketing-stopped",
    130472: "meta-experiment",
    130497: "meta-country-not-allowed",
    131051: "meta-unsupported-type",
    131052: "meta-media-not-fetched",
    131053: "meta-media-refused",
    132000: "meta-template-parameters",
    132012: "meta-template-parameters",
    132018: "meta-template-parameters",
    132001: "meta-no-such-template",
    132005: "meta-template-too-long",
    132007: "meta-template-policy",
    100: "meta-invalid-parameter",
    131008: "meta-invalid-parameter",
    131009: "meta-invalid-parameter",
    131056: "meta-pair-limit",
    130429: "meta-number-limit",
    131048: "meta-spam-limit",
    131037: NUMBER_REFUSED,  # its display name is not approved
    131045: NUMBER_REFUSED,  # its registration has failed
    133010: NUMBER_REFUSED,  # it is not registered
    132015: "meta-template-held",
    132016: "meta-template-held",
    131063: "meta-template-held",
}
"""Codes that mean something to us; all others become `meta-<code>`."""
PAIR_LIMIT = 131056
WAITS: Mapping[int, float | None] = {
    PAIR_LIMIT: 8.0,  # one message in six seconds to a person
    130429: 30.0,  # the number's messages a second
    131048: 3600.0,  # judged as spam: hours
    131037: 900.0,  # until somebody mends it
    131045: 900.0,
    133010: 900.0,
    132015: 900.0,  # a paused template comes back by itself
    132016: 3600.0,
    131063: 3600.0,
}
"""Codes after which the message waits, and for how many seconds; others by other numbers and templates do not."""
OF_THE_NUMBER: Mapping[str, float] = {REASONS[code]: WAITS[code] or 0.0 for code in (130429, 131048, 131037, 131045, 133010)}
"""Reasons that concern whatever goes out from the number, and no other number; and for how many seconds it is left alone."""
ACCOUNT_LIMITS = frozenset({4, 80007, 131064})
"""Too many calls of the app or the business account: nothing was sent, and everything waits."""
TEMPORARY = frozenset({1, 2, 131000, 131016, 131057, 133004})
ACCOUNT_CODES = frozenset(
    {0, 3, 10, 190, *range(200, 300), 368, 131005, 131031, 131042},
)
"""What is refused is not this message but all of ours: the token, which all numbers share, permission, payment, a lock."""

STATUSES: Mapping[str, str] = {
    "accepted": "queued",
    "held_for_quality_assessment": "delayed",
    "sent": "sent",
    "delivered": "delivered",
    "read": "opened",
    "played": "opened",
    "failed": "failed",
    "deleted": "delivered",
}


def number_of(code: object) -> int | None:
    """The code as a number; None where it is none."""
    text = str(code if code is not None else "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None  # noqa: PLR2004


def reason_of(code: object) -> str:
    """Our reason for a code of Meta's, from an answer or a status; "" where there is none."""
    number = number_of(code)
    if number is None:
        return ""
    if number in ACCOUNT_CODES:
        return "meta-account-refused"
    if number in TEMPORARY | ACCOUNT_LIMITS:
        return "meta-temporary"
    return REASONS.get(number, f"meta-{number}")
