"""The YAML of a lesson as named fields with their lines: texts, lists of texts, and texts by name; nothing deeper."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

from spafit.lessons.problems import Problem

_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map"))
_BROKEN = "This is not YAML as it is read here"


@dataclass(frozen=True)
class Field:
    """The value of a field; ``line`` is where it stands."""

    line: int
    value: str | tuple[Field, ...] | dict[str, Field]

    @property
    def text(self) -> str:
        """The value where it is a text, else an empty one."""
        return self.value if isinstance(self.value, str) else ""


def read_fields(text: str, line: int, allowed: Collection[str], problems: list[Problem]) -> dict[str, Field]:
    """Return the fields of a block of YAML; what is wrong is added to the problems, and the fields are then missing.

    Args:
        text: the block.
        line: of the file, where it begins.
        allowed: the names of fields.
        problems: to add to.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(Problem(line + min(mark.line, text.count("\n")) if mark else line, _said(error.problem)))
        return {}
    except ReaderError as error:
        problems.append(Problem(line + text.count("\n", 0, error.position), _said(error.reason)))
        return {}
    except RecursionError:
        problems.append(Problem(line, f"{_BROKEN}: it is nested too deep."))
        return {}
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        problems.append(Problem(line + node.start_mark.line, "Here stand fields, one a line, as in 'show: ribbon'."))
        return {}
    found = {}
    for name, field in _entries(node, line, 2, problems).items():
        if name in allowed:
            found[name] = field
        else:
            there = f"{name[:40]!r} is no field here; the fields are {', '.join(allowed)}."
            problems.append(Problem(field.line, there))
    return found


def _said(reason: str | None) -> str:
    return f"{_BROKEN}: {reason or 'it cannot be read'}."


def _entries(node: yaml.MappingNode, line: int, depth: int, problems: list[Problem]) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for key, value in node.value:
        at = line + key.start_mark.line
        if not isinstance(key, yaml.ScalarNode):
            problems.append(Problem(at, "The name of a field is a word."))
        elif key.value in found:
            problems.append(Problem(at, f"{key.value[:40]!r} stands here a second time."))
        elif (field := _field(value, line, at, depth - 1, problems)) is not None:
            found[key.value] = field
    return found


def _field(node: yaml.Node, line: int, at: int, depth: int, problems: list[Problem]) -> Field | None:
    """Return a node's value; a field's line is that of its name."""
    if node.tag not in _PLAIN_TAGS:
        problems.append(Problem(line + node.start_mark.line, f"The tag {node.tag[:40]!r} is not allowed."))
    elif isinstance(node, yaml.ScalarNode):
        return Field(at, node.value.strip())
    elif depth <= 0:
        problems.append(Problem(line + node.start_mark.line, "This is nested too deep."))
    elif isinstance(node, yaml.SequenceNode):
        items = [_field(item, line, line + item.start_mark.line, depth - 1, problems) for item in node.value]
        return Field(at, tuple(item for item in items if item is not None))
    elif isinstance(node, yaml.MappingNode):
        return Field(at, _entries(node, line, depth, problems))
    return None
