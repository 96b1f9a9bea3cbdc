"""What is wrong with a file of decisions, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.decisions.texts import text


@dataclass(frozen=True)
class CellError:
    """One thing to mend.

    Attributes:
        place: Cell, as ``B4``; empty for the whole file.
        message: In Russian, what is wrong and what to do.
    """

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class DecisionError(Exception):
    """A file was refused whole; nothing of it is written."""

    def __init__(self, errors: Sequence[CellError]) -> None:
        self.errors = tuple(errors)
        head = text("answer", "refused", count=len(self.errors))
        super().__init__("\n".join([head, *map(str, self.errors)]))


def refuse(message: str) -> DecisionError:
    """Give the error of a whole file."""
    return DecisionError([CellError("", message)])
