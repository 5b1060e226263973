"""A lesson's text as Markdown for a page, every letter of it written anew: a file from elsewhere brings no markup."""

from spafit.lessons.facts import Situation
from spafit.lessons.prose import Block, Mark, Piece, Prose
from spafit.ui.components.text import plain


def markdown(prose: Prose, situation: Situation) -> str:
    """Return a text with its facts as they are now."""
    lines: list[str] = []
    before: Block | None = None
    for block in prose:
        if before is not None and not (block.depth and before.depth and not block.goes_on):
            lines.append("")
        lines.append(_line(block, situation))
        before = block
    return "\n".join(lines)


def _line(block: Block, situation: Situation) -> str:
    words = "".join(_piece(piece, situation) for piece in block.pieces).strip()
    if not block.depth:
        return words
    indent = "    " * (block.depth - 1)
    if block.goes_on:
        return f"{indent}    {words}"
    return f"{indent}{block.number}.  {words}" if block.number else f"{indent}-   {words}"


def _piece(piece: Piece, situation: Situation) -> str:
    raw = piece.fact.shown(situation) if piece.fact else piece.text
    inner = raw.strip()
    if not inner:
        return " " if raw else ""
    words = plain(inner)
    if Mark.CODE in piece.marks:
        words = f"`{inner.replace('`', chr(39))}`"
    if Mark.EMPHASIS in piece.marks:
        words = f"*{words}*"
    if Mark.STRONG in piece.marks:
        words = f"**{words}**"
    if piece.link:
        words = f"[{words}]({piece.link.replace('_', '%5F').replace('*', '%2A')})"
    return " " * raw[:1].isspace() + words + " " * raw[-1:].isspace()
