"""The wheel: all that a prediction needs is in it, and nothing that was measured by others."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("uv") is None:
        pytest.skip("building needs uv")
    out = tmp_path_factory.mktemp("wheel")
    root = Path(__file__).resolve().parents[1]
    subprocess.run(["uv", "build", "--wheel", "--out-dir", out, root], check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_posterior_catalog_and_types(wheel: Path, repository: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"hwpredict/models/reference.nc", "hwpredict/models/MODEL_CARD.md", "hwpredict/py.typed"} <= names
    package = repository / "hwpredict"
    facts = {f"hwpredict/{p.relative_to(package)}" for p in (package / "catalog" / "data").iterdir()}
    modules = {f"hwpredict/{p.relative_to(package)}" for p in package.rglob("*.py")}
    assert facts | modules <= names
    assert not {n for n in names if n.endswith((".parquet", ".duckdb", ".pkl", ".npz"))}
    assert any(n.endswith("LICENSE") for n in names)


@pytest.mark.slow
def test_the_wheel_predicts_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "import hwpredict, sys; from hwpredict.posteriors import reference_path\n"
        f"assert str(reference_path()).startswith({str(tmp_path)!r}), reference_path()\n"
        "hwpredict.HardwareModelPredictor().predict_performance('resnet50', hardware='t4')"
    )

    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)
