"""Imports point one way, and what the app's process loads stays light."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ORDER = ("stratification", "anatomy", "counting", "adapt", "training", "runs", "ui")
HEAVY = ("torch", "transformers", "peft", "datasets", "sklearn", "scipy")
LIGHT_MODULES = (
    "spafit.models.anatomy",
    "spafit.counting",
    "spafit.costs",
    "spafit.models.registry",
    "spafit.tasks",
    "spafit.training.config",
    "spafit.training.events",
    "spafit.runs",
    "spafit.figures",
    "spafit.export.link",
    "spafit.ui.components.frame",
)


def rank_of(module: str) -> int | None:
    """The place of ``spafit.<room>`` in the order, None for rooms outside it."""
    room = module.split(".")[1] if module.startswith("spafit.") else ""
    return ORDER.index(room) if room in ORDER else None


def imports_of(path: Path) -> set[str]:
    """Every absolute module a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_imports_point_one_way() -> None:
    wrong = []
    for path in sorted((ROOT / "spafit").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        rank = rank_of(module)
        for imported in imports_of(path):
            other = rank_of(imported)
            if rank is not None and other is not None and other > rank:
                wrong.append(f"{module} imports {imported}")
    assert wrong == []


def test_only_the_pages_and_the_ui_know_streamlit() -> None:
    files = [path for path in (ROOT / "spafit").rglob("*.py") if "ui" not in path.parts]
    assert [str(path) for path in files if any(name.split(".")[0] == "streamlit" for name in imports_of(path))] == []


def test_what_the_pages_import_stays_light() -> None:
    """One process imports the modules one after the other and says which was the first to bring something heavy."""
    code = (
        "import importlib, sys\n"
        f"for module in {LIGHT_MODULES!r}:\n"
        "    importlib.import_module(module)\n"
        f"    heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    if heavy: sys.exit(f'{module} imports {heavy[0]}')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_stratification_needs_the_standard_library_only() -> None:
    files = (ROOT / "spafit" / "stratification").glob("*.py")
    outside = {name.split(".")[0] for path in files for name in imports_of(path)} - {"spafit"}
    assert outside <= set(sys.stdlib_module_names)
