"""Patterns that are compiled when they are first used."""

import re
import subprocess
import sys

import pytest

from shared.readers.regex import regex


def test_a_pattern_works_as_a_compiled_one() -> None:
    """It searches, replaces and splits as `re.compile` does, with flags."""
    lazy, plain = regex(r"(a+)b", re.IGNORECASE), re.compile(r"(a+)b", re.IGNORECASE)
    assert lazy.sub("-", "xAAbab") == plain.sub("-", "xAAbab")
    assert lazy.pattern == plain.pattern
    found = lazy.search("xAAb")
    assert found is not None
    assert found[1] == "AA"


def test_a_bad_pattern_is_refused_on_the_first_use() -> None:
    """The error of `re` comes when the pattern is used."""
    bad = regex("(")
    with pytest.raises(re.error):
        bad.search("x")


def test_the_readers_compile_nothing_when_they_are_imported() -> None:
    """Importing every reader compiles none of their patterns: a start does not pay for them."""
    program = (
        "import importlib, pkgutil, re, sys\n"
        "import phonenumbers, shared.readers as readers, shared.readers.regex\n"
        "from unittest import mock\n"
        "seen = []\n"
        "real = re._compiler.compile\n"
        "def compiled(source, flags):\n"
        "    frame = sys._getframe(1)\n"
        "    while frame.f_code.co_filename.endswith('re/__init__.py'): frame = frame.f_back\n"
        "    seen.append(frame.f_code.co_filename)\n"
        "    return real(source, flags)\n"
        "with mock.patch.object(re._compiler, 'compile', compiled):\n"
        "    for module in pkgutil.iter_modules(readers.__path__, 'shared.readers.'): importlib.import_module(module.name)\n"
        "print([name for name in seen if 'shared/readers' in name])\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert finished.stdout.strip() == "[]"
