"""Whether an answer to a page's question is right, by what the app computes; and when a page is complete. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.lessons.facts import NOT_MEASURED, Situation, written
from spafit.lessons.progress import Progress
from spafit.lessons.values import LARGEST, SMALLEST, Page, Question


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer; ``right`` is None where there is no right one, or it is not known yet."""

    right: bool | None
    text: str


def judge(question: Question, answer: str, situation: Situation) -> Verdict:
    """Return what is said of a locked answer."""
    return _number(question, answer, situation) if question.number else _choice(question, answer, situation)


def _number(question: Question, answer: str, situation: Situation) -> Verdict:
    assert question.number is not None and question.number.fact is not None
    truth, guess = question.number.value(situation), _as_number(answer)
    if truth is None or isinstance(truth, str) or guess is None:
        return Verdict(None, f"You said {answer}. The right number is {NOT_MEASURED}.")
    right = abs(guess - truth) <= question.within + 1e-12
    return Verdict(right, f"You said {answer}. It is {written(truth, question.number.fact.kind)}.")


def _as_number(answer: str) -> float | None:
    try:
        return float(answer)
    except ValueError:
        return None


def _choice(question: Question, answer: str, situation: Situation) -> Verdict:
    place = int(answer) if answer.isascii() and answer.isdigit() else -1
    if not 0 <= place < len(question.choices):
        return Verdict(None, "")
    chosen = question.choices[place].text
    if not question.right:
        return Verdict(None, f"You said: {chosen}.")
    if question.right not in (LARGEST, SMALLEST) or question.choices[0].value is None:
        right = chosen == question.right
        return Verdict(right, f"You said: {chosen}." + ("" if right else f" Right is: {question.right}."))
    values = [choice.value.value(situation) if choice.value else None for choice in question.choices]
    shown = "; ".join(
        f"{choice.text}: {choice.value.shown(situation)}" for choice in question.choices if choice.value is not None
    )
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return Verdict(None, f"You said: {chosen}. {shown}.")
    wanted = max(numbers) if question.right == LARGEST else min(numbers)
    return Verdict(numbers[place] == wanted, f"You said: {chosen}. {shown}.")


def is_complete(page: Page, number: int, progress: Progress, situation: Situation) -> bool:
    """Whether a page, the one of this number, is complete: once it was, or its condition holds and it is answered."""
    if number in progress.done:
        return True
    if page.question is not None and number not in progress.answers:
        return False
    return page.done is None or page.done.holds(situation) is True
