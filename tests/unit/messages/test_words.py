"""What people write when they want no more messages, or want them again."""

import pytest

from shared.messages.opt_out_keywords import wish


@pytest.mark.parametrize(
    "text", ["STOP", "stop", " Baja ", "¡BAJA!", "alto.", "Cancelar", "*parar*", "“unsubscribe”".strip("“”")]
)
def test_stop_words(text: str) -> None:
    """Alone, in any case and punctuation."""
    assert wish(text) == "stop"


@pytest.mark.parametrize("text", ["START", "Alta", "¡reanudar!"])
def test_start_words(text: str) -> None:
    """They want messages again."""
    assert wish(text) == "start"


@pytest.mark.parametrize("text", ["", "   ", "no me den de baja", "stop it please", "bajada", "👍", "altavoz", "si"])
def test_everything_else_is_for_people_to_read(text: str) -> None:
    """A sentence may mean the opposite of a word in it."""
    assert wish(text) is None
