"""Nothing that a visitor, a file or a link brought reaches Markdown except through `plain`, letter by letter."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "spafit" / "ui").rglob("*.py"))]
MARKDOWN = {"markdown", "caption", "title", "header", "subheader", "badge", "warning", "error", "info", "success"}
MARKDOWN |= {"toast", "metric", "page_link", "button", "toggle", "checkbox", "expander", "popover", "progress", "html"}
"""Elements of Streamlit whose text or label is read as Markdown or HTML."""
FOREIGN = {"name", "owner", "reason", "model", "task", "sentence", "example", "where", "path", "message", "hub_id"}
FOREIGN |= {"truth", "text", "label_text", "error", "what_for", "file", "filename"}
"""Attributes and variables that hold what somebody else wrote."""
MAKES_PLAIN = {"plain", "escape", "metric_name", "baseline_name", "called", "duration", "time_left", "bytes_text"}
MAKES_PLAIN |= {"share", "len", "term", "_listed", "smaller_task"}
MAKES_PLAIN |= {"markdown"}  # of a lesson's text, letter by letter (spafit.ui.lessons.words)


def foreign_parts(node: ast.AST) -> Iterator[str]:
    """Yield what of an expression is somebody else's words and did not pass the function that makes them plain."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)) if name in MAKES_PLAIN:
            return
        case ast.Call(func=ast.Name(id="str")):
            yield ast.unparse(node)
        case ast.FormattedValue(format_spec=spec) if spec is not None:  # a number
            return
        case ast.IfExp(body=body, orelse=orelse):
            yield from foreign_parts(body)
            yield from foreign_parts(orelse)
        case ast.GeneratorExp(elt=element):
            yield from foreign_parts(element)
        case ast.Compare() | ast.Subscript(value=ast.Name(), slice=ast.Constant()):
            return
        case ast.Attribute(attr=attribute) if attribute in FOREIGN:
            yield ast.unparse(node)
        case ast.Name(id=name) if name in FOREIGN:
            yield name
        case _:
            for child in ast.iter_child_nodes(node):
                yield from foreign_parts(child)


def found_in(source: str) -> list[str]:
    """Every foreign part in the text or the label of an element that reads Markdown."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        shown = [word.value for word in node.keywords if word.arg == "help"]  # of any element, such as a field
        if node.func.attr in MARKDOWN:
            shown += [] if node.func.attr == "page_link" else node.args[:1]  # that one is a page
            shown += [word.value for word in node.keywords if word.arg in ("label", "text", "body")]
        if shown:
            found += [f"line {node.lineno}: {part}" for expression in shown for part in foreign_parts(expression)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_foreign_text_passes_the_one_function(path: Path) -> None:
    assert found_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "st.warning(str(error))",
        "st.markdown(f'**{run.name}**')",
        "column.error(reason)",
        "st.page_link('x', label=f'{run.owner}')",
        "st.caption(model.name if a else 'b')",
        "st.text_input('Text', help=f'As in {task.example}')",
    ],
)
def test_the_rule_sees_what_it_forbids(source: str) -> None:
    assert found_in(source)
    assert not found_in("st.warning(plain(str(error))); st.markdown(f'**{plain(run.name)}** {count:,}')")
