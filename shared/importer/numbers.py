"""The old record's numbers of people, kept on disk: a million of them would not be bounded memory."""

import sqlite3
import weakref

CACHE_KIB = 4096


class OldNumbers:
    """The old number of a person -> ManyChat's id, in a temporary file that goes with the process.

    Of one number said twice the last counts. For one thread.
    """

    def __init__(self) -> None:
        # "" is SQLite's name for a file of its own, deleted when closed. Whichever thread collects the garbage closes it.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE people (number INTEGER PRIMARY KEY, manychat_id TEXT NOT NULL)")
        self._database.execute("BEGIN")  # never ended: what does not fit into the cache is written, nothing is made durable

    def __setitem__(self, number: int, manychat_id: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", (number, manychat_id))

    def get(self, number: int) -> str | None:
        """ManyChat's id of the person with that old number; None where nobody had it."""
        row = self._database.execute("SELECT manychat_id FROM people WHERE number = ?", (number,)).fetchone()
        return row[0] if row else None
