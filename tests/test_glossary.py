"""The glossary: one file that tooltips, settings and docs/glossary.md agree with."""

import ast
import re
from dataclasses import fields
from pathlib import Path

from spafit.glossary import markdown, sections, term, terms, tip
from spafit.training.config import TrainSettings

ROOT = Path(__file__).parent.parent
SOURCES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "spafit").rglob("*.py"))]


def keys_in(path: Path) -> set[str]:
    """Every literal key that a file asks the glossary for."""
    asked = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("tip", "term") and isinstance(node.args[0].value, str):
                asked.add(node.args[0].value)
    return asked


def test_every_key_in_the_code_is_in_the_file() -> None:
    missing = {str(path.relative_to(ROOT)): keys_in(path) - terms().keys() for path in SOURCES}
    assert {path: keys for path, keys in missing.items() if keys} == {}


def test_every_training_setting_is_defined_under_its_name() -> None:
    assert {field.name for field in fields(TrainSettings)} - terms().keys() == set()


def test_the_page_in_docs_is_the_one_made_from_the_file() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert page == markdown(), "run: python -m spafit.glossary > docs/glossary.md"


def test_keys_and_names_occur_once() -> None:
    listed = [entry for group in sections().values() for entry in group]
    assert len({entry.key for entry in listed}) == len({entry.name for entry in listed}) == len(listed)


def test_definitions_are_short_and_plain() -> None:
    """Tooltips render Markdown and the command line does not, so there is none."""
    for entry in terms().values():
        assert len(entry.tip) <= 240 and entry.tip.endswith(".") and entry.tip.count(". ") <= 2, entry.key
        assert not re.search(r"[*`_#\[\]|<>$]|\s\s|\n", entry.tip), entry.key
        assert tip(entry.key) == term(entry.key).tip
