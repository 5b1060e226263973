"""What several pages draw."""

from pathlib import Path

_HERE = Path(__file__).parent


def source(*names: str) -> str:
    """Return files of this folder as one text, such as the styles that two components share and those of one."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)
