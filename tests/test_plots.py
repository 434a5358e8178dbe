"""Figures: they show what they say, nothing overlaps, and equal data are equal files."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from drawn import overlapping, texts
from hypothesis import given, strategies as st
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.text import Text
from matrices import MANY, synthetic

from hwpredict import matrix as m
from hwpredict.cli import main
from hwpredict.errors import InvalidWorkloadError, NothingToShowError, UnknownNameError
from hwpredict.evaluate.reliability import from_draws
from hwpredict.matrix.block import EVIDENCE_FLAGS
from hwpredict.plots import GUIDE_KINDS, KINDS, labels, panels, style, visualize
from hwpredict.plots.calibration import calibration
from hwpredict.plots.contraction import contraction
from hwpredict.plots.ends import ink
from hwpredict.plots.hardware_comparison import hardware_comparison
from hwpredict.plots.memory_usage import memory_usage
from hwpredict.plots.pareto import attainable, on_front, pareto
from hwpredict.plots.ranges import ranges
from hwpredict.plots.roofline import roofline
from hwpredict.plots.shrinkage import shrinkage
from hwpredict.predictor import HardwareModelPredictor


@pytest.fixture(scope="module")
def many() -> xr.Dataset:
    return synthetic(["bert-base-uncased", "resnet50"], MANY, draws=60)


@pytest.fixture(scope="module")
def few() -> xr.Dataset:
    return synthetic(["bert-base-uncased"], ["a100", "cpu", "webnn"])


# --- style


def oklab(colour: str, cone: np.ndarray) -> np.ndarray:
    """A colour as seen through a matrix of colour blindness, in Oklab (Ottosson 2020) × 100."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lms = np.array([
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]) @ np.clip(cone @ linear, 0, 1)  # fmt: skip
    lab = np.array([
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ])  # fmt: skip
    return np.asarray(100 * lab @ np.cbrt(lms))


#: Machado, Oliveira & Fernandes (2009), severity 1.0.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize(
    ("colours", "least"),
    [
        ([look.colour for look in style.PLATFORM_LOOKS.values()], 8.5),
        (list(style.PART_COLOURS.values()), 8.0),
        (list(style.PAIR), 20.0),
    ],
)
def test_colours_stay_apart_for_the_colour_blind(kind: str, colours: list[str], least: float) -> None:
    seen = [oklab(c, np.array(BLINDNESS[kind])) for c in colours]
    distance = {
        pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(range(len(seen)), 2)
    }
    worst = min(distance, key=lambda pair: distance[pair])
    assert distance[worst] > least, (colours[worst[0]], colours[worst[1]])


def test_every_platform_has_a_colour_and_a_marker_of_its_own() -> None:
    looks = list(style.PLATFORM_LOOKS.values())
    assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == len(looks)


@given(st.sampled_from([look.colour for look in style.PLATFORM_LOOKS.values()]))
def test_names_are_dark_enough_to_read(colour: str) -> None:
    assert oklab(ink(colour), np.eye(3))[0] < 72


def test_drawing_leaves_the_users_settings_alone(few: xr.Dataset) -> None:
    before = dict(mpl.rcParams)
    hardware_comparison(few)
    assert dict(mpl.rcParams) == before


# --- labels


@given(st.lists(st.floats(-0.5, 1.5), max_size=40), st.floats(0.001, 0.2))
def test_spread_labels_keep_their_order_and_their_distance(positions: list[float], gap: float) -> None:
    moved = labels.spread(positions, gap, 0.0, 1.0)
    n = len(positions)
    if not n:
        assert not len(moved)
        return
    room = min(gap, 1.0 / max(n - 1, 1))
    ordered = moved[np.argsort(positions, kind="stable")]
    assert np.all(np.diff(ordered) >= room - 1e-9)
    assert ordered[0] >= -1e-9
    assert ordered[-1] <= 1 + 1e-9


def test_labels_that_have_room_stay_where_they_are() -> None:
    np.testing.assert_allclose(labels.spread([0.9, 0.1, 0.5], 0.1, 0, 1), [0.9, 0.1, 0.5])
    np.testing.assert_allclose(labels.spread([0.5, 0.5], 0.1, 0, 1), [0.45, 0.55])


@given(st.floats(1e-6, 1e9), st.floats(1.05, 1e6), st.integers(2, 6))
def test_log_ticks_are_few_and_inside(low: float, factor: float, most: int) -> None:
    ticks = labels.log_ticks(low, low * factor, most)
    assert 1 <= len(ticks) <= max(most, 8)
    assert all(low * 0.999 <= t <= low * factor * 1.001 for t in ticks)
    assert len(ticks) >= 2 or factor < 2  # one figure alone does not say how long the axis is


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("AMD Instinct MI300X", "MI300X"),
        ("Intel Xeon Platinum 8480+", "Xeon 8480+"),
        ("Intel Arc Graphics (Core Ultra 7 155H)", "Arc Core Ultra 7 155H"),
        ("cuda", "cuda"),
    ],
)
def test_devices_are_called_as_people_call_them(name: str, short: str) -> None:
    assert labels.short_device(name) == short


def test_short_names_stay_different() -> None:
    names = [f"NVIDIA Something Extraordinarily Long {i}" for i in range(3)]
    assert len(set(labels.shortened(names))) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(0.05, "0.05"), (1500, "1,500"), (15_000, "15k"), (2e6, "2M"), (3.5e12, "3.5T"), (0, "0")]
)
def test_figures_are_short(value: float, text: str) -> None:
    assert labels.figure(value) == text


# --- figures of a matrix


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_overlaps_with_thirty_devices(kind: str, many: xr.Dataset) -> None:
    chosen = KINDS[kind]
    page = next(iter(panels.pages(many, chosen.height(many), chosen.columns)))
    for metric in chosen.metrics or (None,):
        figure = chosen.draw(page, **({"metric": metric} if metric else {}))
        assert overlapping(figure) == []
        assert figure.get_figwidth() == style.COLUMN
        assert figure.get_figheight() <= style.PAGE + 0.3
        assert len(texts(figure)) > 10


def test_labels_of_memory_do_not_touch_where_names_are_long(many: xr.Dataset) -> None:
    data = many.assign_coords(
        hardware=["A100-PCIE-40GB-MIG-1g.5gb", *many["hardware"].to_numpy()[1:].tolist()],
        capacity=("hardware", np.geomspace(4e3, 64e3, 30)),
    )
    middle = xr.DataArray(np.geomspace(160, 3000, 30), dims="hardware")
    data["memory_quantile"] = (
        xr.ones_like(data["memory_quantile"]) * middle * xr.DataArray([0.4, 0.8, 1, 1.2, 2.5], dims="quantile")
    )
    assert overlapping(memory_usage(data)) == []


def test_labels_of_rows_that_are_cut_say_so() -> None:
    names = [f"openvino, Core i9-13900K, a family with a long name, {i}" for i in "ab"]
    short = ["one", "two"]
    q = np.array([[0.7, 0.9, 1, 1.2, 1.6]] * 2)
    for given_names in (names, short):
        data = xr.DataArray(q, {"row": given_names, "quantile": [0.05, 0.25, 0.5, 0.75, 0.95]}, ("row", "quantile"))
        figure = ranges(data, xlabel="ratio")
        shown = [t.get_text() for t in figure.axes[0].get_yticklabels()]
        assert all(t in given_names or t.endswith("…") for t in shown)
        assert len(set(shown)) == 2
        assert len([t for t in figure.axes[0].get_xticks() if 0.7 <= t <= 1.6]) >= 2


def test_what_is_said_of_a_point_on_the_front_is_never_cut(many: xr.Dataset) -> None:
    long = [f"A product whose name is rather long {i}" for i in range(many.sizes["hardware"])]
    named = [t for t, _ in texts(pareto(many.assign_coords(hardware=long))) if t.startswith("A product")]
    assert named
    assert all(re.search(r", \d+: \d+%$", t) for t in named)


def test_overlaps_would_be_found(few: xr.Dataset) -> None:
    figure = hardware_comparison(few)
    figure.text(0.5, 0.5, "here")
    figure.text(0.505, 0.5, "there")
    assert ("here", "there") in overlapping(figure)


def test_the_smallest_text_can_be_read_at_column_width(many: xr.Dataset) -> None:
    for kind in GUIDE_KINDS:
        figure = KINDS[kind].draw(many.isel(model=[0]))
        assert min(t.get_fontsize() for t in figure.findobj(Text) if t.get_text()) >= 5.5  # type: ignore[attr-defined]


def test_marks_stand_at_the_medians_and_lines_span_the_intervals(few: xr.Dataset) -> None:
    part = few.sel(batch_size=8, precision="fp16", model="bert-base-uncased").squeeze(drop=True)
    axes = hardware_comparison(few, precision="fp16", batch_size=8).axes[0]
    marks = np.concatenate([c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)])  # type: ignore[misc]
    assert sorted(marks[:, 0]) == pytest.approx(
        sorted(part["throughput_quantile"].sel(quantile=0.5).to_numpy()), rel=1e-6
    )
    spans = [s for c in axes.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    ends = {(round(float(s[0][0]), 3), round(float(s[1][0]), 3)) for s in spans}
    for low, high in ((0.05, 0.95), (0.25, 0.75)):
        q = part["throughput_quantile"].sel(quantile=[low, high]).to_numpy()
        assert {(round(float(a), 3), round(float(b), 3)) for a, b in q} <= ends


def test_what_rests_on_the_prior_alone_is_hollow(few: xr.Dataset) -> None:
    data = few.copy()
    flags = np.full(few["evidence"].shape, EVIDENCE_FLAGS.index("device"), np.int8)
    flags[:, 1] = EVIDENCE_FLAGS.index("prior")
    data["evidence"] = (few["evidence"].dims, flags, few["evidence"].attrs)
    axes = hardware_comparison(data, precision="fp16").axes[0]
    hollow = {}
    for c in axes.collections:
        if isinstance(c, PathCollection):
            for point, face in zip(c.get_offsets(), c.get_facecolors(), strict=True):  # type: ignore[call-overload]
                hollow[round(float(point[0]), 3)] = bool(np.allclose(face[:3], 1))
    median = data["throughput_quantile"].sel(quantile=0.5, precision="fp16", batch_size=8).squeeze().to_numpy()
    assert [hollow[round(float(x), 3)] for x in median] == [False, True, False]


def test_memory_is_drawn_beside_the_capacity(few: xr.Dataset) -> None:
    axes = memory_usage(few, precision="fp16").axes[0]
    segments = [s for c in axes.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    upright = [s for s in segments if s[0][0] == s[1][0]]
    assert [float(s[0][0]) for s in upright] == [80_000.0]  # the A100's; a platform alone has none


def test_the_default_figures_are_the_guides_five(few: xr.Dataset, tmp_path: Path) -> None:
    files = visualize(few, tmp_path, format="svg")
    assert sorted(files) == sorted(tmp_path.iterdir())
    for kind in GUIDE_KINDS:
        assert any(f.name.startswith(kind.replace("-", "_")) for f in files)
    assert all(f.read_text(encoding="utf-8").startswith("<?xml") for f in files)


def test_many_models_go_on_further_pages(tmp_path: Path) -> None:
    data = synthetic(["bert-base-uncased", "resnet50", "gpt2", "t5-small", "vit_base_patch16_224"], ["a100", "cpu"] * 1)
    wide = xr.concat([data.assign_coords(hardware=[f"{h} {i}" for h in ("a", "b")]) for i in range(15)], "hardware",
                     data_vars="minimal", coords="minimal", compat="override", join="outer")  # fmt: skip
    files = visualize(wide, tmp_path, kinds=["hardware-comparison"])
    assert [f.stem for f in files if "latency" in f.stem] == [
        *("hardware_comparison_latency", "hardware_comparison_latency_2", "hardware_comparison_latency_3")
    ]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_equal_data_are_equal_files(few: xr.Dataset, tmp_path: Path, kind: str) -> None:
    first = style.save(hardware_comparison(few), tmp_path / f"a.{kind}")
    second = style.save(hardware_comparison(few), tmp_path / f"b.{kind}")
    assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_shown_is_left_out_or_refused(tmp_path: Path) -> None:
    data = synthetic(["gpt2"], ["a100", "t4"], batch_sizes=[8], precision=["fp16"])
    names = {f.stem for f in visualize(data, tmp_path)}
    assert names == {"hardware_comparison_throughput", "hardware_comparison_latency", "memory_usage"}
    for kind, says in (("efficiency", "no CPU"), ("batch-scaling", "one batch size"), ("pareto", "no draws")):
        with pytest.raises(InvalidWorkloadError, match=says):
            visualize(data, tmp_path, kinds=[kind])
    with pytest.raises(UnknownNameError, match="batch-scaling"):
        visualize(data, tmp_path, kinds=["batch-scalling"])
    with pytest.raises(UnknownNameError, match="svg"):
        visualize(data, tmp_path, format="svgg")
    with pytest.raises(InvalidWorkloadError, match="fp16"):
        visualize(data, tmp_path, kinds=["hardware-comparison"], precision="fp32")


def test_a_model_without_the_phase_that_is_drawn(tmp_path: Path) -> None:
    """An image model has no prefill: its panel says so, and its own pages are left out."""
    found = HardwareModelPredictor(draws=20).create_hardware_prediction_matrix(
        ["gpt2", "resnet50"], [1, 8], ["a100", "cpu"], ["fp32", "fp16"], phases=["prefill", "forward"], keep_draws=True
    )
    names = {f.stem for f in visualize(found.dataset, tmp_path, kinds=["all"], phase="prefill")}
    assert {kind.replace("-", "_") for kind in KINDS} <= {n.removesuffix("_throughput") for n in names}
    assert "pareto_2" not in names
    shown = [t.get_text() for t in hardware_comparison(found.dataset, phase="prefill").findobj(Text)]
    assert shown.count("cannot run") == 2
    with pytest.raises(NothingToShowError, match="resnet50 has none"):
        pareto(found.dataset, "resnet50", phase="prefill")


def test_the_predictor_draws_a_matrix_in_every_form(few: xr.Dataset, tmp_path: Path) -> None:
    predictor = HardwareModelPredictor()
    matrix = m.PredictionMatrix(few)
    once = predictor.visualize_matrix(matrix, tmp_path / "a", kinds=["memory-usage"])
    assert once == [str(tmp_path / "a" / "memory_usage.png")]
    again = predictor.visualize_matrix(dict(matrix), tmp_path / "b", kinds=["memory-usage"])
    assert Path(again[0]).stat().st_size > 1000
    with pytest.raises(InvalidWorkloadError, match="no prediction matrix"):
        predictor.visualize_matrix([1, 2], tmp_path)  # type: ignore[arg-type]


def test_the_command_draws(few: xr.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    m.save(few, tmp_path / "matrix.nc")
    with pytest.raises(SystemExit) as done:
        main(f"plot {tmp_path}/matrix.nc --kind bottlenecks memory-usage --output-dir {tmp_path}/out".split())
    assert done.value.code == 0
    printed = capsys.readouterr().out.split()
    assert [Path(p).name for p in printed] == ["bottlenecks.png", "memory_usage.png"]
    assert all(Path(p).exists() for p in printed)


# --- fronts


points = st.integers(1, 5).flatmap(
    lambda n: st.tuples(*[st.lists(st.lists(st.integers(1, 6), min_size=3, max_size=3), min_size=n, max_size=n)] * 2)
)


@given(points)
def test_the_front_is_what_nothing_beats(pair: tuple[list[list[int]], list[list[int]]]) -> None:
    latency, throughput = (np.array(v, float) for v in pair)
    chance = on_front(latency, throughput)
    n, draws = latency.shape
    for i in range(n):
        free = sum(
            not any(
                latency[j, d] <= latency[i, d] and throughput[j, d] >= throughput[i, d]
                and (latency[j, d] < latency[i, d] or throughput[j, d] > throughput[i, d])
                for j in range(n)
            )
            for d in range(draws)
        )  # fmt: skip
        assert chance[i] == pytest.approx(free / draws)
    limits = np.array([0.5, 3.0, 9.0])
    best = attainable(latency, throughput, limits)
    np.testing.assert_array_equal(best[0], 0)
    np.testing.assert_array_equal(best[-1], throughput.max(axis=0))
    assert (np.diff(best, axis=0) >= 0).all()


def test_a_front_needs_draws(few: xr.Dataset) -> None:
    with pytest.raises(InvalidWorkloadError, match="keep-draws"):
        pareto(few)


# --- figures of a posterior


def effect_data(n: int) -> xr.Dataset:
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(0, 0.3, n), rng.uniform(0.02, 0.3, n)
    names = [f"NVIDIA Device With A Long Name {i}" for i in range(n)]
    return xr.Dataset(
        {
            "effect": ("level", mean),
            "effect_quantile": (("level", "quantile"), mean[:, None] + sd[:, None] * [-1.6, -0.7, 0, 0.7, 1.6]),
            "count": ("level", rng.integers(1, 5000, n)),
            "scale": 0.3,
        },
        {"level": names, "device": ("level", names), "platform": ("level", ["cuda", "cpu"] * (n // 2))},
        attrs={"effect": "device:compute", "parts": "compute"},
    )


def test_shrinkage_names_levels_without_overlap() -> None:
    figure = shrinkage([effect_data(40), effect_data(400)])
    assert overlapping(figure) == []
    renderer_width = figure.get_figwidth() * figure.dpi
    assert all(box.x1 <= renderer_width + 1 for _, box in texts(figure))


def test_a_roofline_has_bands_a_roof_and_points() -> None:
    x = np.geomspace(1, 1000, 20)
    roof = np.minimum(1e13, x * 1e11)
    data = xr.Dataset(
        {
            "rate_quantile": (("intensity", "quantile"), roof[:, None] * [0.2, 0.35, 0.5, 0.6, 0.8]),
            "roof": ("intensity", roof),
            "point_intensity": ("point", [10.0, 100.0]),
            "point_rate": ("point", [4e11, 5e12]),
        },
        {"intensity": x},
        attrs={"device": "NVIDIA T4", "platform": "cuda", "precision": "fp16"},
    )
    figure = roofline(data)
    assert overlapping(figure) == []
    assert "measured (2)" in {t for t, _ in texts(figure)}
    assert {t for t, _ in texts(roofline(data.drop_dims("point")))} >= {"data sheet", "90 %"}


@pytest.mark.parametrize("k", [1, 2])
def test_calibration_shows_histograms_and_coverage(k: int) -> None:
    rng = np.random.default_rng(0)
    draws = np.exp(rng.standard_normal((500, 100)))
    data = from_draws(draws, np.exp(rng.standard_normal(500)), ["cuda", "cpu"] * 250).assign_attrs(metric="latency")
    figure = calibration({f"posterior {i}": data for i in range(k)})
    assert overlapping(figure) == []
    assert len(figure.axes) == k + 1


VALUES = {"medape": 0.3, "width90": 1.0, "coverage90": 0.9}


def test_contraction_compares_devices() -> None:
    shots = [0, 1, 5]
    study = xr.Dataset(
        {n: (("shots", "repeat"), np.full((3, 2), v)) for n, v in VALUES.items()},
        {"shots": shots},
        attrs={"device": "NVIDIA T4", "platform": "cuda"},
    )  # fmt: skip
    assert overlapping(contraction([study, study.assign_attrs(device="Apple M1", platform="mps")])) == []


def test_ranges_have_a_row_each() -> None:
    data = xr.DataArray(np.exp(np.random.default_rng(0).normal(size=(25, 5)).cumsum(axis=1) / 9),
                        dims=("case", "quantile"), coords={"case": [f"case {i}" for i in range(25)]})  # fmt: skip
    figure = ranges(data, xlabel="ratio", title="answers")
    assert overlapping(figure) == []
    assert sum(t.startswith("case") for t, _ in texts(figure)) == 25
