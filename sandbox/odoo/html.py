"""What Odoo makes of text sent for an HTML field: cleaned of scripts, closed where it was left open, and in a paragraph.

The rules were read off a real Odoo 19 for the markup that people and programs send (see the contract tests): leading text,
with the inline markup after it, goes into `<p>`; several inline pieces without leading text go into `<span>`; anything else
stays as it is. Markup of pages (frames, forms, vector graphics) is dropped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "div", "dl", "dd", "dt", "fieldset", "footer", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "ul",
})  # fmt: skip
_VOID = frozenset({"br", "hr", "img"})
_DROPPED_WHOLE = frozenset({"script", "style", "svg", "head", "title"})
_DROPPED_TAGS = frozenset({"html", "body", "iframe", "object", "embed", "form", "input", "button", "link", "meta"})
_NAME = re.compile(r"[a-z][a-z0-9:_-]*")  # the parser takes `<a<script>` for one tag with a name of its own
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f]")
_PIECE = r"(?:[^<>&\xa0\x00-\x08\x0b\x0c\x0e-\x1f]|<br>|&(?:amp|lt|gt);)"
_PLAIN = re.compile(rf"[^<>&\s\xa0\x00-\x1f]{_PIECE}*")
_PARAGRAPH = re.compile(rf"<p>{_PIECE}*</p>")


def as_html(text: str) -> str:
    """`text` as Odoo stores it in an HTML field."""
    if _PARAGRAPH.fullmatch(text):
        return text
    stripped = text.strip()
    if _PLAIN.fullmatch(stripped):
        return f"<p>{stripped}</p>"
    cleaner = _Cleaner()
    cleaner.feed(_CONTROL.sub("", stripped))
    cleaner.close()
    return _wrapped(cleaner.root.children).strip()


@dataclass
class _Node:
    tag: str
    attributes: list[tuple[str, str]] = field(default_factory=list)
    children: list["_Node | str"] = field(default_factory=list)

    def write(self) -> str:
        attributes = "".join(f' {name}="{escape(value)}"' for name, value in self.attributes)
        if self.tag in _VOID:
            return f"<{self.tag}{attributes}>"
        return f"<{self.tag}{attributes}>{_written(self.children)}</{self.tag}>"


def _written(nodes: Iterable[_Node | str]) -> str:
    return "".join(
        escape(node, quote=False).replace("\xa0", "&nbsp;") if isinstance(node, str) else node.write() for node in nodes
    )


def _is_block(node: _Node | str) -> bool:
    return not isinstance(node, str) and node.tag in _BLOCKS


def _wrapped(nodes: list[_Node | str]) -> str:
    if not nodes:
        return ""
    if isinstance(nodes[0], str):
        first_block = next((place for place, node in enumerate(nodes) if _is_block(node)), len(nodes))
        return f"<p>{_written(nodes[:first_block])}</p>{_written(nodes[first_block:])}"
    if len(nodes) > 1 and not any(map(_is_block, nodes)):
        return f"<span>{_written(nodes)}</span>"
    return _written(nodes)


class _Cleaner(HTMLParser):
    """Builds a tree of what may stay; what was left open is closed, what was closed without having been opened is ignored."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("root")
        self._open = [self.root]
        self._dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED_WHOLE:
            self._dropping.append(tag)
        if self._dropping or tag in _DROPPED_TAGS or not _NAME.fullmatch(tag):
            return
        if tag in _BLOCKS and self._open[-1].tag == "p":
            self._open.pop()
        kept = [(name, value or "") for name, value in attrs if _NAME.fullmatch(name) and not name.startswith("on")]
        node = _Node(tag, [_safe(name, value) for name, value in kept])
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if self._dropping[-1] == tag:
                self._dropping.pop()
            return
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self._dropping or not data:
            return
        siblings = self._open[-1].children
        if siblings and isinstance(siblings[-1], str):
            siblings[-1] += data
        else:
            siblings.append(data)


def _safe(name: str, value: str) -> tuple[str, str]:
    script = name in {"href", "src"} and value.strip().lower().startswith(("javascript:", "vbscript:", "data:text"))
    return name, "" if script else value
