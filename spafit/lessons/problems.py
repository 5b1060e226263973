"""What is wrong with a lesson's file, each with its line; all of it is told at once."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.errors import SpafitError

MOST_SHOWN = 50


@dataclass(frozen=True, order=True)
class Problem:
    """A sentence about a line of the file; lines are counted from 1."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}"


class LessonError(SpafitError):
    """A lesson's file cannot be used; ``problems`` has every reason, by line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        lines = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            lines.append(f"And {len(self.problems) - MOST_SHOWN} more.")
        super().__init__("\n".join(lines))
