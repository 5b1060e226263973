"""Imports point one way, the README's map is the tree, and what the app's process loads stays light."""

import ast
import functools
import graphlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = (
    ("access",),
    ("errors", "glossary", "machine", "palette", "provenance"),
    ("quantities",),
    ("files", "home"),
    ("helper",),
    ("stratification",),
    ("models", "figures"),
    ("plan",),
    ("counting",),
    ("costs", "adapt"),
    ("tasks",),
    ("training",),
    ("runs",),
    ("trained",),
    ("maps",),
    ("export",),
    ("advice", "tryout", "classroom", "lessons"),
    ("asgi",),
    ("ui",),
    ("cli", "notebook", "serve"),
    ("__main__",),
)
"""Every module and package of spafit, from the bottom up: each may import what stands in the lines above its own."""
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


@functools.cache
def graph() -> dict[str, set[str]]:
    """Return what each module of spafit imports of spafit, imports inside functions and for types included."""
    paths = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "spafit").rglob("*.py")}
    modules = {path: name.removesuffix(".__init__") for path, name in paths.items()}
    known = set(modules.values())
    edges: dict[str, set[str]] = {}
    for path, name in modules.items():
        edges[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                edges[name] |= {alias.name for alias in node.names} & known
            elif isinstance(node, ast.ImportFrom) and node.module in known:
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                edges[name] |= inside & known if inside <= known else (inside & known) | {node.module}
    return edges


def room_of(module: str) -> str:
    """Return the module or package directly in spafit that a module lies in; "" for spafit itself."""
    return module.partition(".")[2].partition(".")[0]


def test_every_room_is_ranked() -> None:
    ranked = [room for line in ROOMS for room in line]
    assert len(ranked) == len(set(ranked))
    assert {room_of(module) for module in graph()} - {""} == set(ranked), "ROOMS lists each room, and no other"


def test_imports_point_one_way() -> None:
    rank = {room: place for place, line in enumerate(ROOMS) for room in line}
    wrong = [
        f"{module} imports {other}"
        for module, imported in graph().items()
        for other in imported
        if room_of(module) != room_of(other)
        and room_of(module)
        and room_of(other)
        and rank[room_of(other)] >= rank[room_of(module)]
    ]
    assert sorted(wrong) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        graphlib.TopologicalSorter(graph()).prepare()
    except graphlib.CycleError as error:
        raise AssertionError(f"a circle of imports: {' <- '.join(error.args[1])}") from None


def test_the_map_in_the_readme_is_the_tree() -> None:
    """Every folder of Python files and every module directly in spafit stands in README's map, and nothing else."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Map")[2]
    block = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert block
    drawn, parents = set(), [""]
    for line in block[1].splitlines():
        indent, names, what = re.fullmatch(r"( *)(\S+(?:, \S+)*)  +(\S.*)", line).groups()  # ty: ignore
        parents = parents[: len(indent) // 2 + 1]
        drawn |= {parents[-1] + name for name in names.split(", ")}
        parents.append(parents[-1] + names)
        assert len(line) <= 120 and what
    folders = {path.parent for top in ("pages", "spafit") for path in (ROOT / top).rglob("*.py")}
    there = {f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders}
    there |= {f"spafit/{path.name}" for path in (ROOT / "spafit").glob("*.py") if not path.name.startswith("__")}
    there |= {"app.py", "benchmarks/", "docs/", "tests/"}
    assert drawn == there


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


def test_what_the_guide_for_contributors_names_is_there() -> None:
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:spafit|tests|docs)/[\w./]+)`(?!, new)", text))
    assert len(named) > 10
    assert {path for path in named if not (ROOT / path).exists()} == set()
