"""Everything wrong with the files of a connection, told at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .settings import PROBLEMS_SHOWN


class FilesError(ValueError):
    """Files that cannot be read as the mapping says; nothing was written.

    Attributes:
        problems: Every problem, each with file, line, column and value where known.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = list(self.problems[:PROBLEMS_SHOWN])
        if len(self.problems) > PROBLEMS_SHOWN:
            shown.append(f"... and {len(self.problems) - PROBLEMS_SHOWN} more")
        super().__init__("\n".join(shown))


@dataclass
class Findings:
    """Problems and warnings of one file.

    Attributes:
        place: File name, with the sheet of a workbook.
    """

    place: str
    problems: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def bad(self, line: int, what: str) -> None:
        """Remember a problem; line 0 means the whole file."""
        self.problems.append((line, what))

    def texts(self) -> list[str]:
        """``file:line: sentence`` in the order of the lines."""
        return [
            f"{self.place}:{line}: {what}" if line else f"{self.place}: {what}"
            for line, what in sorted(set(self.problems))
        ]
