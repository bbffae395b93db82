"""Wishes: whether somebody who writes to us wants no more messages, wants them again, or wants help.

A stop may be a keyword of vendors or people, alone or with courtesy, emoji, punctuation or a signature; a clear sentence;
or one letter off where that is no word of its own. A start is a keyword or a clear sentence only, never a guess: a wrong
stop costs a message, a wrong start breaks a promise. Words are read in the whole text: never a keyword inside a sentence,
never beyond a negation, never in quoted mail.

`ask` means that a person must look: until they have, no marketing goes to that line, no state is written, and what the
person has asked for (their booking) is still sent.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from shared.readers import wish_words as words
from shared.readers.email import is_one_slip
from shared.readers.regex import regex
from shared.readers.signs import folded, visible

Wish = Literal["stop", "start", "help", "ask"]
LONGEST = 2_000  # characters that are read: a wish stands in a short text

_QUOTED = regex(
    r"^(?:>|-{2,}\s*$|_{5,}|-{3,} ?(?:original|mensaje|mensagem|forwarded)"
    r"|(?:el|on|em|le) .{5,120}(?:escribio|wrote|escreveu|a ecrit):?\s*$"
    r"|(?:sent from|enviado desde|enviado do|enviado de|enviado por|get outlook|obtener outlook|de:|from:|scarica)\b)"
)
_IF = regex(
    r"(?:pero |y |pues )?(?:si|if|se)\b "
    r"(?!quiero|quisiera|deseo|por favor|please|ya no|me dan|quero|equivoc\w+|confund\w+)"
)
_YES = regex(r"\W*s(?:\u00ed|i\s*[,.!])")
_SIGN = regex(r"[^\w\s]|_")
_SHORTEST_WORD = 5  # letters, from where on a slip of the finger is corrected inside a sentence
_PAIR = 2

Verdict = Wish | Literal["none"]
"""What a rule says of a sentence; "none" ends the search: it is no wish."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    plain: str
    """The words, as `plain_words` writes them."""
    core: str
    """Without courtesy around them."""
    written: str
    """As it was sent."""
    stops: bool
    """Whether it holds a clear wish for no more messages, if nothing else in it says otherwise."""

    @property
    def asks(self) -> bool:
        return "?" in self.written or "\u00bf" in self.written


def read(
    text: str,
    *,
    sms: bool = False,
    button: bool = False,
    answers: Collection[str] = (),
) -> Wish | None:
    """What a text asks for, or None where it is no wish.

    `answers` are those of our last open question: a keyword among them is asked. With `sms` INFO is a word for help; on
    WhatsApp it is how people ask for the offer. A `button` is read as its text.
    """
    plain = plain_words(_without_quotes(text[:LONGEST]))
    core = _core(plain)
    if not plain:
        return "ask" if words.ASKED_PICTURES & set(text) else None
    if core in {_core(plain_words(answer)) for answer in answers}:
        return "ask" if _keyword(core, sms=sms) in ("stop", "start") else None
    if found := _keyword(core, sms=sms):
        return found
    if button:
        return "stop" if words.STOP_SENTENCES.search(plain) else None
    verdict = _sentence(plain, core, text) or _typo(core)
    return None if verdict == "none" else verdict


def of_vendor(opt_out_type: str | None = None, preference: str | None = None) -> Wish | None:
    """What a vendor itself says beside the text, whatever that is: Twilio's `OptOutType`, Meta's `user_preferences` value."""
    given = (opt_out_type or preference or "").strip().lower()
    if given in ("stop", "opt-out", "opt_out", "optout", "unsubscribe"):
        return "stop"
    if given in ("start", "resume", "opt-in", "opt_in", "optin"):
        return "start"
    return "help" if given == "help" else None


def plain_words(text: str) -> str:
    """The words of a text, lower case, without accents, signs and emoji; hurried spellings and slips are written out."""
    bare = folded(text).replace("'", "")
    tokens = _SIGN.sub(" ", bare).split()
    if len(tokens) > 2 and all(len(token) == 1 for token in tokens):  # noqa: PLR2004  # S T O P
        tokens = ["".join(tokens)]
    if len(set(tokens)) == 1:
        tokens = tokens[:1]
    written = " ".join(words.HURRIED.get(token, token) for token in tokens).split()
    return " ".join(_corrected(token) if len(written) > 1 else token for token in written)


def _corrected(token: str) -> str:
    if len(token) < _SHORTEST_WORD or token in words.VOCABULARY or token in words.OWN_WORDS:
        return token
    near = [
        word for word in words.VOCABULARY if len(word) >= _SHORTEST_WORD and word[0] == token[0] and is_one_slip(token, word)
    ]
    return max(near, key=lambda word: (len(word), word)) if near else token


def _without_quotes(text: str) -> str:
    """The text above a quoted mail, a signature or what a phone adds."""
    kept: list[str] = []
    for line in visible(text).splitlines():
        if _QUOTED.match(folded(line)):
            break
        kept.append(line)
    return "\n".join(kept)


def _core(plain: str) -> str:
    """The words without courtesy before and after them."""
    tokens = plain.split()
    while tokens and (size := _courtesy(tokens[:3], tokens)):
        tokens = tokens[size:]
    while tokens and (size := _courtesy(tokens[-3:], tokens, from_end=True)):
        tokens = tokens[:-size]
    return " ".join(tokens)


def _courtesy(edge: list[str], tokens: list[str], *, from_end: bool = False) -> int:
    for size in range(min(3, len(edge)), 0, -1):
        phrase = " ".join(edge[-size:] if from_end else edge[:size])
        if phrase in words.COURTESY and size < len(tokens):
            return size
    return 0


def _keyword(core: str, *, sms: bool) -> Wish | None:
    found = _KEYWORDS.get(core)
    if found or (sms and core == "info"):
        return found or "help"
    tokens = core.split()
    kinds = [_KEYWORDS.get(token) for token in tokens]
    if len(tokens) == _PAIR and kinds[0] == "stop" and tokens[1] in words.CHANNELS:
        return "ask"  # of one channel alone, perhaps of another than this
    if len(tokens) == _PAIR and set(kinds) == {"stop", "start"}:
        return "ask"  # a stop and its taking back
    return "stop" if _PAIR <= len(tokens) <= _PAIR + 1 and set(kinds) == {"stop"} else None


_KEYWORDS: dict[str, Wish] = {
    **dict.fromkeys(words.MENU, "ask"),
    **dict.fromkeys(words.HELP, "help"),
    **dict.fromkeys(words.START, "start"),
    **dict.fromkeys(words.STOP, "stop"),
}


def _sentence(plain: str, core: str, text: str) -> Verdict | None:
    stops = words.STOP_SENTENCES.search(plain) or words.ERASURE_STOP.search(plain)
    sentence = _Sentence(plain, core, text, stops=stops is not None)
    return next((verdict for rule in _RULES if (verdict := rule(sentence))), None)


def _talks_about_it(it: _Sentence) -> Verdict | None:
    """As in "Reply STOP to opt out" is our own footer sent back; "¿qué pasa si respondo BAJA?" talks about it."""
    if not words.FOOTER.search(it.plain):
        return None
    return "none" if words.TALKED_ABOUT.search(it.plain) else "ask"


def _hangs_on_something(it: _Sentence) -> Verdict | None:
    """As in "si suben de precio cancelo"; "sí" with an accent or a comma says yes instead."""
    if _IF.match(it.plain) is None or _YES.match(it.written.strip().lower()):
        return None
    return "none" if it.stops or words.CONDITION.search(it.plain) else None


def _is_denied(it: _Sentence) -> Verdict | None:
    return "none" if words.NEGATED.search(it.plain) else None


def _is_taken_back(it: _Sentence) -> Verdict | None:
    begins = bool(it.core) and it.core.split()[0] in words.STOP
    return "ask" if (it.stops or begins) and words.TAKEN_BACK.search(it.plain) else None


def _is_of_another_thing(it: _Sentence) -> Verdict | None:
    return "none" if words.OTHER_THING.search(it.plain) else None


def _is_limited(it: _Sentence) -> Verdict | None:
    """One channel, one time or one subject: a person sets that."""
    limits = (words.CALLS_ONLY, words.HERE_NOT, words.UNTIL, words.NOT_NOW)
    if any(limit.search(it.plain) for limit in limits):
        return "ask"
    negative = it.stops or words.NEGATIVE_CONTACT.search(it.plain)
    return "ask" if negative and words.SCOPE.search(it.plain) else None


def _is_about_another_person(it: _Sentence) -> Verdict | None:
    if not (words.SOMEONE_ELSE.search(it.plain) or words.NOT_ME.search(it.written)):
        return None
    return "stop" if it.stops and not words.THEY_DO_NOT.search(it.plain) else "ask"


def _is_about_a_service(it: _Sentence) -> Verdict | None:
    found = words.SERVICE.search(it.plain)
    if found is None or found[0].startswith("baja") or found["thing"] in words.MESSAGES | words.NO_THING:
        return None
    return "ask" if it.stops or not it.asks else None


def _is_clear(it: _Sentence) -> Verdict | None:
    if it.stops:
        return "stop"
    return "start" if words.START_SENTENCES.search(it.plain) and not it.asks else None


def _is_between(it: _Sentence) -> Verdict | None:
    """A legal request, or a no that is more than a no to the offer."""
    return "ask" if words.LEGAL.search(it.plain) or words.WEAK.match(it.core) else None


_RULES: tuple[Callable[[_Sentence], Verdict | None], ...] = (
    _talks_about_it,
    _hangs_on_something,
    _is_denied,
    _is_taken_back,
    _is_of_another_thing,
    _is_limited,
    _is_about_another_person,
    _is_about_a_service,
    _is_clear,
    _is_between,
)
"""In this order: what makes a stop none stands before what makes it one."""


def _typo(core: str) -> Wish | None:
    """A single word that is one letter off a keyword and no word of its own; a start is never guessed, so it is asked."""
    if " " in core:
        return _phrase_with_typo(core)
    if core in words.OWN_WORDS or len(core) < 3:  # noqa: PLR2004
        return None
    stop = core in _drawn_out(core) or any(is_one_slip(core, word) for word in words.TYPO_STOP)
    start = any(is_one_slip(core, word) for word in words.TYPO_START)
    if start:
        return "ask"
    return "stop" if stop else None


def _drawn_out(core: str) -> frozenset[str]:
    """The text itself where it is a keyword with letters held down (STOOOOP, bajaaaa)."""
    short = re.sub(r"(.)\1{2,}", r"\1", core)
    return frozenset({core}) if short != core and short in words.STOP else frozenset()


def _phrase_with_typo(core: str) -> Wish | None:
    tokens = core.split()
    for phrase in words.STOP:
        parts = phrase.split()
        if len(parts) == len(tokens) > 1 and sum(a != b for a, b in zip(parts, tokens, strict=True)) == 1:
            wrong, right = next((b, a) for a, b in zip(parts, tokens, strict=True) if a != b)
            if len(right) >= _SHORTEST_WORD and wrong not in words.OWN_WORDS and is_one_slip(wrong, right):
                return "stop"
    return None
