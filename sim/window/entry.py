"""A line being typed: its text, its cursor and to whom it will be said."""

import unicodedata
from dataclasses import dataclass

from sim.render.text import drawable

MAX_TEXT = 2_000
"""Characters of a line: as many as a scene file allows for a prompt."""


@dataclass(slots=True)
class Entry:
    """A line and a cursor in it; ``error`` says why the one before was refused."""

    actor: str | None = None  # who is told; None: the line is a new scene
    text: str = ""
    cursor: int = 0  # characters before it
    error: str = ""

    def insert(self, text: str) -> None:
        """Put text at the cursor, as far as there is room; any kind of space becomes a plain one.

        What has no shape (control characters, half a surrogate pair) is left out.
        """
        room = MAX_TEXT - len(self.text)
        clean = drawable(text[: 4 * MAX_TEXT]).replace("\N{REPLACEMENT CHARACTER}", "")[:room]
        self.text = self.text[: self.cursor] + clean + self.text[self.cursor :]
        self.cursor += len(clean)

    def paste(self, text: str) -> None:
        """Put a text of several lines at the cursor, as one line."""
        self.insert(" ".join(text[: 100 * MAX_TEXT].split()))

    def move(self, steps: int) -> None:
        """Move the cursor by characters, as far as the text goes."""
        for _ in range(abs(steps)):
            self.cursor = self._next() if steps > 0 else self._previous()

    def home(self) -> None:
        """Move the cursor to the beginning."""
        self.cursor = 0

    def end(self) -> None:
        """Move the cursor to the end."""
        self.cursor = len(self.text)

    def backspace(self) -> None:
        """Take out the character before the cursor."""
        start = self._previous()
        self.text = self.text[:start] + self.text[self.cursor :]
        self.cursor = start

    def delete(self) -> None:
        """Take out the character after the cursor."""
        self.text = self.text[: self.cursor] + self.text[self._next() :]

    def _previous(self) -> int:
        """Where the character before the cursor begins, with the marks that belong to it."""
        at = max(0, self.cursor - 1)
        while at > 0 and unicodedata.combining(self.text[at]):
            at -= 1
        return at

    def _next(self) -> int:
        at = min(len(self.text), self.cursor + 1)
        while at < len(self.text) and unicodedata.combining(self.text[at]):
            at += 1
        return at
