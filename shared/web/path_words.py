"""Words in a path, where some of the words that could stand there are addresses of their own.

A subclass says in `regex` which words it takes, and is registered with Starlette under a name of its own. So each address
belongs to one path of the description, and `Allow` names the methods that this path has.
"""

from starlette.convertors import Convertor


class WordConvertor(Convertor[str]):
    """One segment of a path, as it stands there."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The word, which is then read as an id or a name."""
        return value

    def to_string(self, value: str) -> str:
        """The word as it stands in a path."""
        return value
