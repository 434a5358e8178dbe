"""Matrices written as they are computed: resumed, on a cluster, lazily, and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xarray as xr

from hwpredict import matrix as m
from hwpredict.cli import main
from hwpredict.cli.arguments import flat, spread
from hwpredict.errors import StoreError
from hwpredict.performance.posterior import Posterior
from hwpredict.predictor import HardwareModelPredictor


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return HardwareModelPredictor().posterior


@pytest.fixture(scope="module")
def plan() -> m.Plan:
    grid = m.make_grid(["gpt2", "resnet50"], [1, 8], ["a100", "webnn"], ["fp16", "bf16"], phases=["forward"])
    return m.Plan(grid, 40, keep_draws=True)


@pytest.fixture(scope="module")
def data(plan: m.Plan, posterior: Posterior) -> xr.Dataset:
    return m.compute(plan, posterior)


def check(path: Path, data: xr.Dataset) -> None:
    with m.open_matrix(path) as read:
        found = read.load()
    dates = ("created", "history")
    xr.testing.assert_identical(found.assign_attrs({k: "" for k in dates}), data.assign_attrs({k: "" for k in dates}))


@pytest.mark.parametrize("name", ["matrix.nc", "matrix.zarr"])
def test_what_is_written_block_by_block_is_the_matrix(
    plan: m.Plan, posterior: Posterior, data: xr.Dataset, tmp_path: Path, name: str
) -> None:
    seen: list[tuple[int, int]] = []
    path = m.write(plan, posterior, tmp_path / name, limit=4, progress=lambda *x: seen.append(x))
    check(path, data)
    assert seen == [(n, 16) for n in range(0, 17, 4)]
    assert list(tmp_path.iterdir()) == [path]
    m.write(plan, posterior, tmp_path / name)  # again: replaced by the same
    check(path, data)


def test_an_interrupted_run_goes_on_where_it_stopped(
    plan: m.Plan, posterior: Posterior, data: xr.Dataset, tmp_path: Path
) -> None:
    def stop(done: int, _: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    path = tmp_path / "matrix.nc"
    path.write_bytes(b"the old one")
    with pytest.raises(KeyboardInterrupt):
        m.write(plan, posterior, path, limit=4, progress=stop)
    assert path.read_bytes() == b"the old one"
    other = m.Plan(plan.grid, 41)
    with pytest.raises(StoreError, match="unfinished matrix"):
        m.write(other, posterior, path)
    seen: list[int] = []
    m.write(plan, posterior, path, limit=1000, progress=lambda done, _: seen.append(done))
    assert seen == [8, 12, 16]
    check(path, data)


def test_lazy_arrays_are_the_same(plan: m.Plan, posterior: Posterior, data: xr.Dataset) -> None:
    pytest.importorskip("dask")
    lazy = m.compute_lazily(plan, posterior, limit=4)
    assert lazy.throughput.chunks is not None
    done = lazy.compute()
    xr.testing.assert_identical(done.drop_attrs(), data.drop_attrs())


def test_the_predictor_gives_lazy_arrays(posterior: Posterior) -> None:
    pytest.importorskip("dask")
    predictor = HardwareModelPredictor(posterior=posterior, draws=40)
    eager, lazy = (
        predictor.create_hardware_prediction_matrix(["gpt2"], [1], "cpu", "fp32", lazy=x).dataset for x in (False, True)
    )
    assert lazy.latency.chunks is not None
    xr.testing.assert_equal(eager, lazy.compute())


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_cluster_computes_the_same(
    plan: m.Plan, posterior: Posterior, data: xr.Dataset, tmp_path: Path, processes: bool
) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=None
    ) as cluster:
        path = m.write(plan, posterior, tmp_path / "matrix.nc", limit=4, scheduler=cluster.scheduler_address)
    check(path, data)


def test_a_scheduler_that_does_not_answer_is_named(plan: m.Plan, posterior: Posterior, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(StoreError, match="no dask scheduler answers at 'nonsense'"):
        m.write(plan, posterior, tmp_path / "matrix.nc", scheduler="nonsense")


def test_formats_that_cannot_be_streamed_are_refused(plan: m.Plan, posterior: Posterior, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="piece by piece"):
        m.write(plan, posterior, tmp_path / "matrix.json")


# --- command line


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as done:
        main(arguments)
    return int(done.value.code or 0)


def test_the_guides_command_writes_its_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "matrix.json"
    command = f"--generate-matrix --hardware cuda cpu --draws 20 --output-file {out}"
    assert run(command.split()) == 0
    matrix = json.loads(out.read_text())
    assert matrix["hardware_platforms"] == ["cuda", "cpu"]
    assert len(matrix["models"]) == 6
    assert matrix["batch_sizes"] == [1, 8, 32]
    assert capsys.readouterr().out == ""


def test_without_an_output_the_json_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--generate-matrix --model gpt2 --hardware cpu --draws 20".split()) == 0
    assert list(json.loads(capsys.readouterr().out)["models"]) == ["gpt2"]


def test_the_command_streams_what_is_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "matrix.nc"
    command = f"matrix gpt2 bert-base-uncased --hardware a100 cpu --precision fp16 fp32 --batch-size 1 8 --draws 20 \
        --chunk-cells 4 -o {out}"
    assert run(command.split()) == 0
    with m.open_matrix(out) as data:
        assert dict(data.throughput.sizes) == {
            "model": 2, "hardware": 2, "precision": 2, "batch_size": 2, "sequence_length": 1,
        }  # fmt: skip
        assert data.throughput.notnull().all()
    assert "16 cells" in capsys.readouterr().err


def test_the_command_prints_tables(capsys: pytest.CaptureFixture[str]) -> None:
    command = "matrix gpt2 --hardware a100 --precision fp16 --batch-size 4 --draws 20 --format"
    assert run([*command.split(), "table"]) == 0
    assert "P(best)" in capsys.readouterr().out
    assert run([*command.split(), "csv"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["batch_size"] == "4"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("matrix bert-bas-uncased", 2, "bert-base-uncased"),
        ("matrix gpt2 -o matrix.xls", 2, "ending"),
        ("matrix gpt2 --workers 2", 2, "--workers"),
        ("matrix --models-file none.toml", 2, "none.toml"),
    ],
)
def test_bad_usage_is_one_line(arguments: str, status: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments.split()) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert len(captured.err.splitlines()) == 1


def test_options_take_several_values() -> None:
    given = "matrix gpt2 --hardware cuda cpu --batch-size 1 8 --seed 3 -o x.nc".split()
    assert spread(given) == (
        "matrix gpt2 --hardware cuda --hardware cpu --batch-size 1 --batch-size 8 --seed 3 -o x.nc".split()
    )
    assert spread("recommend gpt2 --batch-size 1 8".split()) == "recommend gpt2 --batch-size 1 8".split()
    assert flat(["--generate-matrix"], ["matrix"]) == ["matrix", "--format", "json"]
    assert flat(["--generate-matrix", "--visualize"], ["matrix"]) == ["matrix", "--visualize"]
