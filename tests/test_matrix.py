"""The prediction matrix: axes, figures, the guide's dictionary, and what survives a round trip."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings, strategies as st

import hwpredict as hp
from hwpredict import matrix as m
from hwpredict.errors import InvalidWorkloadError, StoreError, UnknownNameError
from hwpredict.matrix import guide
from hwpredict.matrix.block import EVIDENCE_FLAGS, _quantiles, block_rows, compute_block
from hwpredict.matrix.dataset import VARIABLES, cannot_run, evidence
from hwpredict.matrix.files import chunk_sizes, to_dataframe
from hwpredict.matrix.plan import block_shape, blocks
from hwpredict.performance.cells import predict_cells
from hwpredict.performance.posterior import Posterior
from hwpredict.predictor import HardwareModelPredictor

DRAWS = 60


@pytest.fixture(scope="module")
def predictor() -> HardwareModelPredictor:
    return HardwareModelPredictor(draws=DRAWS, seed=3)


@pytest.fixture(scope="module")
def posterior(predictor: HardwareModelPredictor) -> Posterior:
    return predictor.posterior


@pytest.fixture(scope="module")
def plan() -> m.Plan:
    grid = m.make_grid(
        ["gpt2", "bert-base-uncased", "resnet50"], [1, 8], ["a100", "cpu", "webnn"], ["fp16", "bf16"],
        sequence_lengths=[128, 512], phases=["forward", "decode"],
    )  # fmt: skip
    return m.Plan(grid, DRAWS, seed=3, keep_draws=True)


@pytest.fixture(scope="module")
def data(plan: m.Plan, posterior: Posterior) -> xr.Dataset:
    return m.compute(plan, posterior)


def without_date(data: xr.Dataset) -> xr.Dataset:
    return data.drop_attrs().assign_attrs({k: v for k, v in data.attrs.items() if k not in ("created", "history")})


# --- figures


def test_a_cell_is_what_predict_says_of_the_same_row(predictor: HardwareModelPredictor, data: xr.Dataset) -> None:
    alone = predictor.predict_performance(
        "gpt2", hardware="a100", batch_size=8, precision="fp16", sequence_length=512, item="token_decode"
    ).dataset
    cell = data.sel(model="gpt2", hardware="a100", precision="fp16", batch_size=8, sequence_length=512, phase="decode")
    for metric in ("throughput", "latency", "memory"):
        draws = alone[metric].to_numpy()[0]
        np.testing.assert_array_equal(cell[f"{metric}_draw"].to_numpy(), draws)
        np.testing.assert_allclose(cell[metric], np.median(draws), rtol=1e-6)
        np.testing.assert_allclose(cell[f"{metric}_quantile"], np.quantile(draws, cell["quantile"]), rtol=1e-5)
    assert str(evidence(cell).item()) == str(alone.evidence.item(0))
    assert float(cell.p_fits) == pytest.approx(float(alone.p_fits[0]))


def test_probabilities_of_being_best_sum_to_one_where_anything_runs(data: xr.Dataset) -> None:
    total = data.p_best.sum("hardware")
    runs = data.throughput.notnull().any("hardware")
    fits = ~(data.memory_draw > data.capacity)  # of a platform alone the capacity is not known, and counts as enough
    some = (fits & data.throughput_draw.notnull()).any("hardware").mean("draw")
    np.testing.assert_allclose(total.where(runs), some.where(runs), atol=1e-6)
    share = data.throughput_draw.where(fits).fillna(-1).argmax("hardware")
    assert float(data.p_best.isel(hardware=0).sum()) == pytest.approx(
        float(((share == 0) & (fits & data.throughput_draw.notnull()).any("hardware")).mean("draw").sum()), abs=1e-5
    )


def test_speedup_is_a_ratio_of_joint_draws(data: xr.Dataset) -> None:
    ratio = data.throughput_draw / data.throughput_draw.sel(hardware="cpu")
    np.testing.assert_allclose(data.speedup, ratio.median("draw"), rtol=1e-5)
    assert (data.speedup.sel(hardware="cpu").dropna("model", how="all") != 1).sum() == data.speedup.sel(
        hardware="cpu"
    ).isnull().sum()
    assert data.attrs["baseline"] == "cpu"


def test_what_cannot_run_has_a_reason_and_no_number(data: xr.Dataset) -> None:
    vision = data.incompatible.sel(model_family="vision")
    assert "bf16" in str(vision.sel(hardware="webnn", precision="bf16").item())
    assert str(vision.sel(hardware="a100", precision="bf16").item()) == ""
    assert [row[:3] for row in cannot_run(data)] == [("webnn", "bf16", "all")]
    assert "resnet50" in str(data.inapplicable.sel(model="resnet50", phase="decode").item())
    for where in ({"hardware": "webnn", "precision": "bf16"}, {"model": "resnet50", "phase": "decode"}):
        cells = data.sel(where)
        for v in VARIABLES:
            if v.dtype == "float32":
                assert cells[v.name].isnull().all()
        assert (cells.evidence == EVIDENCE_FLAGS.index("none")).all()


def test_what_a_family_cannot_do_is_refused_to_it_alone(predictor: HardwareModelPredictor) -> None:
    data = predictor.create_hardware_prediction_matrix(["resnet50", "gpt2"], [8], "a100", ["int8", "fp32"], "training")
    speed = data.dataset.throughput.squeeze()
    assert speed.sel(precision="int8").isnull().to_numpy().tolist() == [True, False]
    assert speed.sel(precision="fp32").notnull().all()
    assert [row[:3] for row in cannot_run(data.dataset)] == [("a100", "int8", "vision")]


def test_images_do_not_vary_with_the_sequence_length_and_are_predicted_once(data: xr.Dataset, plan: m.Plan) -> None:
    vision = data.throughput.sel(model="resnet50", phase="forward", precision="fp16")
    np.testing.assert_array_equal(vision.sel(sequence_length=128), vision.sel(sequence_length=512))
    text = data.throughput.sel(model="gpt2", phase="forward", precision="fp16", hardware="a100")
    assert (text.sel(sequence_length=128) != text.sel(sequence_length=512)).all()
    whole = tuple(slice(0, n) for n in plan.grid.shape)
    rows, where, runs = block_rows(plan.grid, whole)
    assert len(rows["model"]) == len(set(where[runs].tolist())) < runs.sum()


def test_more_devices_are_passed_on(predictor: HardwareModelPredictor) -> None:
    one, four = (
        predictor.create_hardware_prediction_matrix(["gpt2"], [32], ["a100"], "fp16", "training", n_devices=n).dataset
        for n in (1, 4)
    )
    assert float(four.throughput.squeeze()) > float(one.throughput.squeeze())
    assert int(four.n_devices) == 4


@pytest.mark.parametrize("limit", [1, 7, 10_000])
def test_figures_do_not_depend_on_the_blocks(plan: m.Plan, posterior: Posterior, data: xr.Dataset, limit: int) -> None:
    for i, block in enumerate(blocks(plan.grid, block_shape(plan.grid, limit))):
        if limit == 1 and i % 5:  # each costs a call
            continue
        for name, values in compute_block(posterior, plan, block).items():
            np.testing.assert_array_equal(values, data[name].to_numpy()[block])


@given(
    shape=st.tuples(*[st.integers(1, 6)] * 5),
    limit=st.integers(1, 300),
)
def test_blocks_cover_the_grid_once_and_never_divide_the_hardware(shape: tuple[int, ...], limit: int) -> None:
    grid = m.make_grid(
        [f"m{i}" for i in range(shape[0])], range(1, shape[3] + 1),
        ["cuda", "cpu", "rocm", "mps", "webgpu", "webnn"][: shape[1]],
        ["fp32", "fp16", "bf16", "int8", "int4", "fp64"][: shape[2]], sequence_lengths=range(1, shape[4] + 1),
    )  # fmt: skip
    assert grid.shape == shape
    count = np.zeros(shape, int)
    for block in blocks(grid, block_shape(grid, limit)):
        count[block] += 1
        assert block[1] == slice(0, shape[1])
        assert count[block].size <= max(limit, shape[1])
    assert (count == 1).all()


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6, unique=True), st.integers(2, 40), st.integers(0, 5))
def test_quantiles_agree_with_numpy(probabilities: list[float], draws: int, seed: int) -> None:
    x = np.random.default_rng(seed).lognormal(0, 2, (3, draws)).astype(np.float32)
    q, median = _quantiles(x, tuple(sorted(probabilities)))
    np.testing.assert_allclose(q, np.quantile(x, sorted(probabilities), axis=1).T, rtol=2e-5)
    np.testing.assert_allclose(median, np.median(x, axis=1), rtol=2e-5)


# --- the guide's dictionary


def test_the_guides_snippet_runs_as_printed(predictor: HardwareModelPredictor, tmp_path: Path) -> None:
    models = [
        {"name": "bert-base-uncased", "family": "embedding"},
        {"name": "t5-small", "family": "text_generation"},
    ]
    matrix = predictor.create_hardware_prediction_matrix(
        models=models,
        batch_sizes=[1, 16],
        hardware_platforms=["cuda", "cpu"],
        precision="fp16",
        mode="inference",
    )
    with open(tmp_path / "custom_matrix.json", "w") as f:
        json.dump(matrix, f, indent=2)
    read = json.loads((tmp_path / "custom_matrix.json").read_text())
    assert list(read) == [
        *("timestamp", "mode", "models", "hardware_platforms", "batch_sizes", "precision_options", "intervals")
    ]
    assert read["hardware_platforms"] == ["cuda", "cpu"]
    assert read["batch_sizes"] == [1, 16]
    assert read["precision_options"] == ["fp16"]
    entry = read["models"]["t5-small"]
    assert {k: entry[k] for k in ("name", "category")} == {"name": "t5-small", "category": "text_generation"}
    cell = entry["predictions"]["cuda"]["16"]["fp16"]
    assert set(cell) == {"throughput", "latency_mean", "memory_usage"}
    assert cell["throughput"] * cell["latency_mean"] / 1e3 == pytest.approx(16, rel=0.05)
    record = read["intervals"]["predictions"]["t5-small"]["cuda"]["16"]["fp16"][0]
    assert record["latency_quantile"][0] < cell["latency_mean"] < record["latency_quantile"][-1]
    assert read["intervals"]["probabilities"] == [0.05, 0.25, 0.5, 0.75, 0.95]


def test_both_json_encoders_and_ours_write_the_same(data: xr.Dataset, tmp_path: Path) -> None:
    def fresh() -> m.PredictionMatrix:
        return m.PredictionMatrix(data)

    pure = io.StringIO()
    json.dump(fresh(), pure, indent=1)
    fresh().to_json(tmp_path / "own.json")
    assert json.loads(json.dumps(fresh())) == json.loads(pure.getvalue())
    assert json.loads((tmp_path / "own.json").read_text()) == json.loads(pure.getvalue())
    assert list(json.loads((tmp_path / "own.json").read_text())) == list(json.loads(pure.getvalue()))


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x["models"], lambda x: list(x), len, lambda x: x.get("mode"), lambda x: list(x.items()),
        lambda x: "mode" in x, lambda x: x | {}, lambda x: {} | x, lambda x: {**x}, lambda x: x.copy(),
        lambda x: x.pop("mode"), lambda x: x.setdefault("mode", "?"), lambda x: list(x.values()),
    ],
)  # fmt: skip
def test_the_dictionary_is_whole_however_it_is_first_looked_at(data: xr.Dataset, look: Any) -> None:
    first, second = m.PredictionMatrix(data), m.PredictionMatrix(data)
    assert first["mode"] == "inference"
    assert look(first) == look(second)
    assert pickle.loads(pickle.dumps(second)).keys() >= {"models", "intervals"}


def test_a_file_of_the_original_program_is_read_without_intervals() -> None:
    cell = {"throughput": 640.0, "latency_mean": 30.0, "memory_usage": 1000.0}
    original = {
        "timestamp": "2025-03-02T00:00:00Z",
        "mode": "inference",
        "models": {
            "bert": {
                "name": "bert", "category": "embedding",
                "predictions": {"cuda": {"1": {"fp32": cell}, "8": {"fp32": cell | {"throughput": 5.0}}}},
            }
        },
        "hardware_platforms": ["cuda", "cpu"],
        "batch_sizes": [1, 8],
        "precision_options": ["fp32", "fp16"],
    }  # fmt: skip
    data = guide.from_guide(original)
    assert float(data.throughput.sel(model="bert", hardware="cuda", precision="fp32", batch_size=8).item()) == 5.0
    assert int(data.throughput.notnull().sum()) == 2
    assert guide.to_guide(data)["models"] == original["models"]
    with pytest.raises(InvalidWorkloadError, match="guide's format"):
        guide.from_guide({"models": {"a": 1}})


# --- round trips


def test_netcdf_comes_back_identical(data: xr.Dataset, tmp_path: Path) -> None:
    path = m.PredictionMatrix(data).to_netcdf(tmp_path / "matrix.nc")
    with m.open_matrix(path) as read:
        xr.testing.assert_identical(read.load(), data)
    with xr.open_dataset(path, engine="netcdf4") as read:
        assert read.model.to_numpy().tolist() == ["gpt2", "bert-base-uncased", "resnet50"]
        assert read.throughput.attrs["units"] == "s-1"


def test_netcdf_opens_with_h5netcdf(data: xr.Dataset, tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf")
    path = m.PredictionMatrix(data).to_netcdf(tmp_path / "matrix.nc")
    with xr.open_dataset(path, engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), data)


def test_zarr_comes_back_identical(data: xr.Dataset, tmp_path: Path) -> None:
    path = m.PredictionMatrix(data).to_zarr(tmp_path / "matrix.zarr")
    with m.open_matrix(path) as read:
        xr.testing.assert_identical(read.load(), data)


def test_json_comes_back_equal_within_printing(data: xr.Dataset, tmp_path: Path) -> None:
    read = m.open_matrix(m.PredictionMatrix(data).to_json(tmp_path / "matrix.json"))
    written = data.drop_vars([n for n in data.data_vars if str(n).endswith("_draw")] + ["draw"])
    xr.testing.assert_allclose(read, written, rtol=6e-6)
    assert set(read.variables) == set(written.variables)
    for name in read.variables:
        assert {k: str(v) for k, v in read[name].attrs.items()} == {k: str(v) for k, v in written[name].attrs.items()}
    assert read.attrs == written.attrs


def test_any_form_of_a_matrix_is_written_as_json(data: xr.Dataset, tmp_path: Path) -> None:
    whole = m.PredictionMatrix(data)
    for i, form in enumerate((whole, data, json.loads(json.dumps(whole)))):
        assert hp.matrix_to_json(form, tmp_path / f"{i}") == tmp_path / f"{i}.json"
        assert json.loads((tmp_path / f"{i}.json").read_text())["models"] == json.loads(json.dumps(whole))["models"]


def test_a_cf_checker_finds_no_fault(data: xr.Dataset, tmp_path: Path) -> None:
    checker = shutil.which("compliance-checker")
    if checker is None:
        pytest.skip("no CF checker on this machine (uv tool install compliance-checker)")
    m.save(data, tmp_path / "matrix.nc")
    command = [checker, "--test=cf:1.11", str(tmp_path / "matrix.nc")]
    # its status is not looked at: one of its checks subtracts coordinates, and fails itself on those that are names
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "All tests passed" in done.stdout, done.stdout + done.stderr


def test_parquet_has_one_row_a_cell_that_runs(data: xr.Dataset, tmp_path: Path) -> None:
    import pandas as pd

    read = pd.read_parquet(m.PredictionMatrix(data).to_parquet(tmp_path / "matrix.parquet"))
    pd.testing.assert_frame_equal(read, to_dataframe(data))
    assert len(read) == int(data.throughput.notnull().sum())
    row = read.query("model == 'gpt2' and hardware == 'a100' and precision == 'fp16' and phase == 'decode'").iloc[0]
    assert row["latency_q5"] < row["latency"] < row["latency_q95"]
    assert read.attrs["posterior_fingerprint"] == data.attrs["posterior_fingerprint"]


def test_every_file_says_where_it_comes_from(data: xr.Dataset, posterior: Posterior) -> None:
    assert data.attrs["Conventions"].startswith("CF-")
    assert data.attrs["posterior_fingerprint"] == posterior.fingerprint
    assert data.attrs["seed"] == 3
    for v in data.data_vars:
        assert data[v].attrs["long_name"]
        assert data[v].dtype.kind == "U" or data[v].attrs["units"]


def test_a_failed_write_leaves_the_old_file(data: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "matrix.nc"
    target.write_bytes(b"old")
    monkeypatch.setattr(xr.Dataset, "to_netcdf", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "no space left")))
    with pytest.raises(StoreError, match="no space left"):
        m.save(data, target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_that_is_no_zarr_store_is_left_alone(data: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "precious.zarr").mkdir()
    (tmp_path / "precious.zarr" / "thesis.txt").touch()
    with pytest.raises(StoreError, match="no Zarr store"):
        m.save(data, tmp_path / "precious.zarr")
    assert (tmp_path / "precious.zarr" / "thesis.txt").exists()


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=6))
def test_chunks_are_bounded(shape: list[int]) -> None:
    chunk = chunk_sizes(tuple(shape), 1000)
    assert all(1 <= c <= n for c, n in zip(chunk, shape, strict=True))
    assert np.prod(chunk, dtype=float) <= 1000


# --- axes


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"models": []}, InvalidWorkloadError, "models is empty"),
        ({"models": [{"family": "vision"}]}, InvalidWorkloadError, "no name"),
        ({"models": [{"name": "x", "colour": 1}]}, UnknownNameError, "colour"),
        ({"models": [3]}, InvalidWorkloadError, "model is 3"),
        ({"models": ["bert-bas-uncased"]}, UnknownNameError, "bert-base-uncased"),
        ({"models": ["gpt2", {"name": "gpt2", "family": "vision"}]}, InvalidWorkloadError, "twice"),
        ({"models": ["gpt2"], "batch_sizes": [0]}, InvalidWorkloadError, "batch_sizes is 0"),
        ({"models": ["gpt2"], "batch_sizes": [1.5]}, InvalidWorkloadError, "whole"),
        ({"models": ["gpt2"], "batch_sizes": []}, InvalidWorkloadError, "batch_sizes is empty"),
        ({"models": ["gpt2"], "precision": "fp17"}, UnknownNameError, "fp16"),
        ({"models": ["gpt2"], "hardware_platforms": ["a1000000"]}, UnknownNameError, "a1000000"),
        ({"models": ["gpt2"], "phases": ["decoding"]}, UnknownNameError, "decode"),
        ({"models": ["gpt2"], "mode": "train"}, UnknownNameError, "training"),
        ({"models": ["gpt2"], "quantiles": [0.9, 0.1]}, InvalidWorkloadError, "ascending"),
        ({"models": ["gpt2"], "sequence_lengths": [float("nan")]}, InvalidWorkloadError, "sequence_lengths"),
    ],
)
def test_bad_axes_are_refused_in_one_line(
    predictor: HardwareModelPredictor, arguments: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as raised:
        predictor.create_hardware_prediction_matrix(**arguments)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_last_of_many_models_is_checked_before_anything_is_predicted(
    posterior: Posterior, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = m.Plan(m.make_grid(["gpt2", "bert-bas-uncased"], hardware="cpu"))
    monkeypatch.setattr("hwpredict.matrix.block.predict_cells", predict_cells_must_not_run)
    with pytest.raises(UnknownNameError):
        m.compute(plan, posterior)


def predict_cells_must_not_run(*_: Any, **__: Any) -> None:
    raise AssertionError(f"{predict_cells.__name__} was called")


def test_models_files(tmp_path: Path) -> None:
    toml = tmp_path / "models.toml"
    toml.write_text('models = ["gpt2"]\n', encoding="utf-8")
    assert m.read_models(toml) == [m.ModelSpec("gpt2")]
    toml.write_text(
        '[[models]]\nname = "mine"\nfamily = "vision"\nparameters = 5e6\ngmacs = 0.5\ninput_size = 192\n',
        encoding="utf-8",
    )
    mine = m.ModelSpec("mine", "vision", 5e6, 0.5, None, "192")
    assert m.read_models(toml) == [mine]
    js = tmp_path / "models.json"
    js.write_text(json.dumps(["gpt2", {"name": "mine", "category": "vision"}]), encoding="utf-8")
    assert m.read_models(js) == [m.ModelSpec("gpt2"), m.ModelSpec("mine", "vision")]
    js.write_text(json.dumps({"models": {"gpt2": {"name": "gpt2", "category": "text_generation"}}}), encoding="utf-8")
    assert m.read_models(js) == [m.ModelSpec("gpt2", "text_generation")]
    txt = tmp_path / "models.txt"
    txt.write_text("# small ones\ngpt2  # OpenAI\n\nresnet50\n", encoding="utf-8")
    assert [s.name for s in m.gather(["bert-base-uncased"], txt)] == ["bert-base-uncased", "gpt2", "resnet50"]
    assert m.gather(None) == list(m.DEFAULT_MODELS)
    for name, content, says in (
        ("a.toml", "models = [", "not valid TOML"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "{}", "lists no models"),
        ("a.yaml", "", "no list of models"),
        ("missing.toml", None, "cannot read"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(InvalidWorkloadError, match=says):
            m.read_models(tmp_path / name)


def test_a_model_of_ones_own_is_predicted_from_its_features(predictor: HardwareModelPredictor) -> None:
    mine = {"name": "mine", "family": "vision", "parameters": 5e6, "gmacs": 0.5, "activations_m": 8.0}
    heavy = mine | {"name": "heavy", "gmacs": 50.0, "activations_m": 80.0}
    data = predictor.create_hardware_prediction_matrix([mine, heavy], [32], "a100", "fp16").dataset
    speed = data.throughput.squeeze()
    assert float(speed.sel(model="mine")) > 2 * float(speed.sel(model="heavy"))


@settings(max_examples=20)
@given(st.sampled_from(["matrix.xls", "matrix", "matrix.nc.gz"]))
def test_an_unknown_ending_is_refused(name: str) -> None:
    with pytest.raises(UnknownNameError, match="ending"):
        m.check_ending(name)


def test_opening_what_is_no_matrix_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no matrix at"):
        m.open_matrix(tmp_path / "missing.nc")
    (tmp_path / "broken.nc").write_bytes(b"\0" * 20)
    with pytest.raises(StoreError, match="cannot read"):
        m.open_matrix(tmp_path / "broken.nc")
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(InvalidWorkloadError, match="no prediction matrix"):
        m.open_matrix(tmp_path / "other.nc")
