"""A text that somebody writes may not take a worker's time or memory: bounds of operators, filters, loops and output."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import PermanentError
from shared.messages import templates
from shared.messages.templates import Template
from tests.support.examples import examples

SECONDS = 3.0  # of processor time, on a busy machine; without bounds each of these takes minutes or all memory

HOSTILE = [
    "{{ 9**9999999 }}",
    "{{ 9**9**9 }}",
    "{{ 10**64 }}",
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ [1] * 1000000000 }}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}.{% endfor %}{% endfor %}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=9) %}{% for i in range(60) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
    "{% set n=namespace(x='x') %}{% for i in range(60) %}{% set y %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x=y %}{% endfor %}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x'.encode().ljust(1000000000) }}",
    "{{ ['x']|map('center', 1000000000)|list }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d'|format(1000000000, 1) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ '{a:{b}}'.format_map({'a': 1, 'b': 1000000000}) }}",
    "{{ ('x'*99999).replace('x', 'y'*99999) }}",
    "{{ ('x'*99999)|replace('x', 'y'*99999) }}",
    "{{ (['x'*99999]*9999)|join }}",
    "{{ ''.join(['x'*99999]*9999) }}",
    "{{ ('x'*9999).join(['x']*99999) }}",
    "{{ {'a': 1}|tojson(indent=1000000000) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ 'x'|wordwrap(1000000000) }}",
    "{{ [1]|batch(1000000000, 'x')|list }}",
    "{{ [1]|slice(1000000000)|list }}",
    "{{ lipsum(n=1000000) }}",
    "{% set a %}" + "x" * 50_000 + "{% endset %}{% for i in range(900) %}{{ a }}{% endfor %}",
    "{% for i in range(900) %}" + "x" * 5_000 + "{% endfor %}",
    "{% for i in range(999) %}{{ ('x'*99999)|upper|lower|title|length }}{% endfor %}",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ 1" + "+1" * 20_000 + " }}",
    "{% if a %}" * 3_000,
    "x" * 300_000,
]


def filled(text: str, *, html: bool = False, **values) -> str:
    """What comes of a text."""
    part = {"html": text} if html else {"text": text}
    template = Template(name="x", locale="es", channels=(), kind="transactional", **part)
    rendered = templates.render(template, values)
    return rendered.html if html else rendered.text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("html", [False, True])
@pytest.mark.share(20)
def test_what_takes_too_much_is_an_error(environment, text: str, *, html: bool) -> None:
    """At once, and with a reason; nothing has been sent yet."""
    begun = time.process_time()
    with pytest.raises(PermanentError) as caught:
        filled(text, html=html)
    assert caught.value.reason in {"template-error", "template-variable-missing"}
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("text", ["{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}", "{% if a %}" * 3_000, "x" * 300_000])
def test_its_variables_cannot_be_asked_for_either(environment, text: str) -> None:
    """The same error, not a failure of ours."""
    template = Template(name="x", locale="es", channels=(), kind="transactional", text=text)
    with pytest.raises(PermanentError):
        templates.variables(template)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ 'a'|upper }} {{ 3 * 4 }} {{ 2 ** 10 }} {{ 10 % 3 }} {{ 7 // 2 }} {{ 'a' ~ 1 }}", "A 12 1024 1 3 a1"),
        ("{{ '%.2f'|format(3.14159) }} {{ '{:,.2f}'.format(12345.6) }} {{ 15000|default(20000) }}", "3.14 12,345.60 15000"),
        ("{{ '{:,}'.format(12345) }} {{ '{:>{}}'.format('a', 3) }}", "12,345   a"),
        ("{% for one in many %}{{ loop.index }}{{ one }}{% endfor %}", "1a2b"),
        ("{% macro b(x) %}<{{ x }}>{% endmacro %}{{ b('a') }}{{ b('b') }}", "<a><b>"),
        ("{{ 'a,b'.split(',')|join(' y ') }} {{ 'x'|center(5)|length }} {{ 'aXa'|replace('X', '-') }}", "a y b 5 a-a"),
        ("{{ price|round(2) }} {{ price|int }}", "1234567.89 1234567"),
    ],
)
def test_what_texts_need_works(environment, text: str, result: str) -> None:
    """Loops, macros, formats, ordinary filters and ordinary numbers."""
    assert filled(text, many=["a", "b"], price=1234567.891) == result


def test_each_filling_has_the_whole_budget(environment) -> None:
    """A worker that has sent thousands of mails is not poorer than a new one."""
    text = "{% for i in range(900) %}{{ i }} {% endfor %}"
    assert len({filled(text) for _ in range(100)}) == 1


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.sampled_from([*"()[]{}'|*+~%.,0129x", "{{ ", " }}", "range", "{% for x in ", " %}", "{% endfor %}", "**"])))
def test_any_text_ends_soon(parts: list[str]) -> None:
    """In an answer or in an error of ours."""
    begun = time.process_time()
    with suppress(PermanentError):
        filled("".join(parts), x="x" * 1000)
    assert time.process_time() - begun < SECONDS
