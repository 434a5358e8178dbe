"""Settings from a file: keys replace the defaults one by one, and what is not known is refused by name."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from hwpredict import HardwareModelPredictor
from hwpredict.config import Config, merge, override, read
from hwpredict.errors import ConfigError, HwpredictError, StoreError


def written(folder: Path, text: str, name: str = "settings.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_partial_file_leaves_the_other_defaults(tmp_path: Path) -> None:
    config = read(written(tmp_path, 'utility = "latency"\n[runtime]\nCUDA = "torch.compile"\n'))
    assert config == Config(utility="latency", runtime={"cuda": "torch.compile"})


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    settings = {"draws": 50, "seed": 7, "candidates": ["a100", "cpu"], "runtime": {"cpu": "onnxruntime"}}
    toml = 'draws = 50\nseed = 7\ncandidates = ["a100", "cpu"]\nruntime = {cpu = "onnxruntime"}\n'
    as_json = read(written(tmp_path, json.dumps(settings), "settings.json"))
    assert as_json == read(written(tmp_path, toml))
    assert as_json.candidates == ("a100", "cpu")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read(written(tmp_path, 'database = "bench.duckdb"\nposterior = "/models/own.nc"\n'))
    assert config.database == tmp_path / "bench.duckdb"
    assert config.posterior == Path("/models/own.nc")


def test_one_runtime_stands_for_all_platforms_and_tables_merge() -> None:
    everywhere = merge(Config(), {"runtime": "onnxruntime"}, Path())
    assert everywhere.runtime["cuda"] == everywhere.runtime["webgpu"] == "onnxruntime"
    one_more = merge(Config(runtime={"cpu": "openvino"}), {"runtime": {"cuda": "tensorrt"}}, Path())
    assert one_more.runtime == {"cpu": "openvino", "cuda": "tensorrt"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("utilty = 'latency'", "did you mean 'utility'"),
        ("draws = 1", "draws is 1: give a whole number of at least 2"),
        ("draws = true", "draws is True"),
        ("draws = 'many'", "draws is 'many'"),
        ("seed = -1", "seed is -1"),
        ("candidates = []", r"candidates is \[\]"),
        ("candidates = [7]", r"candidates\[0\] is 7"),
        ("runtime = {cudaa = 'x'}", "did you mean 'cuda'"),
        ("runtime = 3", "runtime is 3"),
        ("utility = ''", "utility is ''"),
        ("utility = ", "not TOML"),
        ("[batch_size_thresholds]", "unknown setting 'batch_size_thresholds'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        read(written(tmp_path, text))
    assert "\n" not in str(raised.value)
    assert "settings.toml" in str(raised.value)


@pytest.mark.parametrize(("text", "says"), [("{", "not JSON"), ("[1]", "holds a list"), ("", "not JSON")])
def test_json_that_is_none_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(written(tmp_path, text, "settings.json"))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.toml", "bytes.toml", "."):
        with pytest.raises(ConfigError, match="cannot read"):
            read(tmp_path / name)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([f.name for f in fields(Config)]) | st.text(max_size=9), values, max_size=3))
def test_any_settings_are_merged_or_refused(given_settings: dict[str, object]) -> None:
    try:
        config = merge(Config(), given_settings, Path())
    except HwpredictError:
        return
    untouched = {f.name for f in fields(Config)} - given_settings.keys()
    assert {k: asdict(config)[k] for k in untouched} == {k: asdict(Config())[k] for k in untouched}


def test_what_the_caller_says_goes_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "draws = 50\nseed = 3\n")
    predictor = HardwareModelPredictor(config_path=path, draws=60)
    assert (predictor.draws, predictor.seed) == (60, 3)
    assert override(Config(), {"database": Path("x.duckdb")}).database == Path("x.duckdb")


def test_the_constructor_takes_the_guides_arguments_in_its_order(tmp_path: Path) -> None:
    store = tmp_path / "bench.csv"
    store.write_text("model,hardware\n", encoding="utf-8")
    predictor = HardwareModelPredictor(tmp_path, store, written(tmp_path, "seed = 3"))
    assert predictor.config.benchmark_dir == tmp_path
    assert predictor.config.database == store
    assert predictor.seed == 3


def test_measurements_that_do_not_exist_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing\.duckdb does not exist"):
        HardwareModelPredictor(database_path=tmp_path / "missing.duckdb")
    with pytest.raises(StoreError, match="is not a folder"):
        HardwareModelPredictor(benchmark_dir=tmp_path / "missing")


def test_the_settings_reach_the_prediction(tmp_path: Path) -> None:
    text = 'draws = 20\nutility = "latency"\ncandidates = ["t4", "a100"]\n[runtime]\ncuda = "tensorrt"\n'
    ours = HardwareModelPredictor(config_path=written(tmp_path, text)).predict_optimal_hardware("resnet50")
    assert sorted(ours["compatible_hardware"]) == ["a100", "t4"]
    assert ours.ranking.utility.name == "-log latency"
    plain = HardwareModelPredictor(draws=20).predict_performance("resnet50", hardware=["t4", "a100"])
    tensorrt = HardwareModelPredictor(draws=20).predict_performance(
        "resnet50", hardware=["t4", "a100"], runtime="tensorrt"
    )
    figures = {name: option["throughput"] for name, option in ours["all_scores"].items()}
    assert figures == {name: p["throughput"] for name, p in tensorrt["predictions"].items()}
    assert figures != {name: p["throughput"] for name, p in plain["predictions"].items()}
