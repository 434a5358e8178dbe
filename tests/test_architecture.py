"""The shape of the code: the map is true, imports point downward, the import is light, no file grows too long."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hwpredict"
MODULES = sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py"))

#: From the ground up. A module may import from its own layer and from those before it.
LAYERS = (
    ("errors", "workload", "config"),
    ("catalog",),
    ("store",),
    ("measure",),
    ("performance",),
    ("decision",),
    ("evaluate",),
    ("matrix",),
    ("plots",),
    ("report",),
    ("results", "query", "posteriors", "training"),
    ("predictor",),
    ("",),  # hwpredict itself: the public surface
    ("cli", "__main__"),
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

#: Never imported by a package, not even inside a function.
FORBIDDEN = {
    "catalog": {"pandas", "xarray", "pymc", "duckdb", "matplotlib"},
    "performance": {"duckdb", "matplotlib"},
    "decision": {"duckdb", "matplotlib", "pymc"},
    "store": {"pymc", "arviz", "matplotlib"},
}

#: Too slow to be paid for by everyone who imports hwpredict.
HEAVY = {"pymc", "pytensor", "arviz", "matplotlib", "nutpie", "numba"}

MAX_LINES = 450


def part_of(module: str) -> str:
    """Top-level part of a dotted module name: hwpredict.store.schema -> store."""
    return (*module.split("."), "")[1]


def dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import in a file, relative ones resolved, those inside functions included."""
    module = dotted(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            if base == "hwpredict":  # from hwpredict import store: the part that is meant, or the surface
                for alias in node.names:
                    if alias.name == "__version__":  # set before the package imports anything
                        continue
                    is_part = (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").exists()
                    yield node.lineno, f"hwpredict.{alias.name}" if is_part else "hwpredict"
            else:
                yield node.lineno, base


def only_docstring(path: Path) -> bool:
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in parsed(path).body)


def test_the_map_lists_exactly_the_modules() -> None:
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    first_cells = [line.split("|")[1] for line in lines if line.startswith("|")]
    listed = [path for cell in first_cells for path in re.findall(r"`(hwpredict/[^`]+\.py)`", cell)]
    expected = {path.as_posix() for path in MODULES if not (path.name == "__init__.py" and only_docstring(path))}
    assert expected - set(listed) == set(), "modules that ARCHITECTURE.md does not list"
    assert set(listed) - expected == set(), "ARCHITECTURE.md lists what does not exist, or an __init__ without code"
    assert len(listed) == len(set(listed)), "a module is listed twice"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_downward(path: Path) -> None:
    own = part_of(dotted(path))
    assert own in RANK, f"{path} is in no layer; give {own!r} its place in LAYERS"
    for line, name in imports(path):
        if name.split(".")[0] == "hwpredict":
            part = part_of(name)
            assert part in RANK, f"{path}:{line} imports {name}, which is in no layer"
            assert RANK[part] <= RANK[own], f"{path}:{line} imports {name}, which lies above {own or 'hwpredict'!r}"
        else:
            assert name.split(".")[0] not in FORBIDDEN.get(own, set()), f"{path}:{line} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_file_grows_too_long(path: Path) -> None:
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert lines < MAX_LINES, f"{path} has {lines} lines; split it"


def test_importing_hwpredict_is_light() -> None:
    code = f"import sys, hwpredict; print(sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_imports_are_found_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above would pass on anything if nothing were found."""
    module = tmp_path / "hwpredict" / "performance" / "x.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "from __future__ import annotations\nimport numpy as np\n"
        "from hwpredict import predictor, HardwareModelPredictor\n"
        "from ..store import schema\nfrom . import parts\ndef f():\n    import duckdb\n",
        encoding="utf-8",
    )
    (tmp_path / "hwpredict" / "predictor.py").touch()
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "hwpredict")
    assert [name for _, name in imports(Path("hwpredict/performance/x.py"))] == [
        *("__future__", "numpy", "hwpredict.predictor", "hwpredict", "hwpredict.store", "hwpredict.performance"),
        "duckdb",
    ]
