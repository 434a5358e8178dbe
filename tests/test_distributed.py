"""Several devices: what practitioners know of Llama on eight GPUs, and physics that must hold for any strategy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.catalog import devices, models
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.config import Config
from hwpredict.decision.choose import Query
from hwpredict.decision.distributed import Setup, least_devices
from hwpredict.decision.parallel import memory, timing
from hwpredict.decision.parallel.scaling import facts, link, node_size, scaling
from hwpredict.decision.parallel.strategy import (
    OPTIMIZERS,
    Strategy,
    inference_strategies,
    splits,
    training_strategies,
)
from hwpredict.decision.preferences import preferences
from hwpredict.errors import IncompatibleError, InfeasibleError, InvalidWorkloadError, UnknownNameError
from hwpredict.performance.cells import Cells, to_rows
from hwpredict.performance.parts import MEMORY_PARTS, TIME_PARTS
from hwpredict.performance.predictive import Prediction
from hwpredict.workload import Target, Workload

ADAM = OPTIMIZERS["adamw"]
GB80 = 80e3
A100, H100 = "NVIDIA A100-SXM4-80GB", "NVIDIA H100-SXM5-80GB"
DRAWS = 200


def known(name: str) -> ModelFeatures:
    """A model of the catalog."""
    found = models.match(name)
    assert found is not None
    return found


def p_fits(name: str, strategy: Strategy, *, optimizer: str = "adamw", length: int = 2048) -> float:
    model = memory.shape(known(name), length, None)
    held = memory.training(model, strategy, "bf16", OPTIMIZERS[optimizer], draws=DRAWS, seed=0)
    return float((held.total <= GB80).mean())


def best_fit(name: str, count: int, optimizer: str = "adamw") -> float:
    """P(fits) of the leanest strategy."""
    model = memory.shape(known(name), 2048, None)
    return max(
        p_fits(name, s, optimizer=optimizer)
        for s in training_strategies(count, count, layers=model.layers, heads=model.heads, node=8)
    )


def test_sixteen_bytes_per_parameter() -> None:
    """Rajbhandari et al. 2020, section 3.1: 2 + 2 + 12 bytes in mixed precision with Adam."""
    model = memory.shape(known("llama-7b"), 2048, None)
    for precision in ("bf16", "fp16", "amp", "fp32"):
        held = memory.training(model, Strategy(), precision, ADAM, draws=8, seed=0)
        assert held.static == pytest.approx(16 * 6.738e9 / 1e6, rel=1e-3)
    sharded = memory.training(model, Strategy(data=8, zero=3), "bf16", ADAM, draws=8, seed=0)
    assert sharded.static == pytest.approx(2 * 6.738e9 / 1e6, rel=1e-3)
    # their figure 1: stage 1 keeps 4 + 12 / n, stage 2 keeps 2 + 14 / n
    for zero, each in ((1, 4 + 12 / 8), (2, 2 + 14 / 8)):
        held = memory.training(model, Strategy(data=8, zero=zero), "bf16", ADAM, draws=8, seed=0)
        assert held.static == pytest.approx(each * 6738, rel=1e-3)


def test_llama_7b_does_not_train_on_one_80_gb_device_and_does_on_eight_sharded() -> None:
    assert p_fits("llama-7b", Strategy()) == 0
    assert p_fits("llama-7b", Strategy(data=8)) == 0  # DDP replicates everything
    assert p_fits("llama-7b", Strategy(data=8, zero=1)) > 0.95
    assert p_fits("llama-7b", Strategy(data=8, zero=3)) > 0.99
    assert p_fits("llama-7b", Strategy(data=8, zero=3, checkpointing=True)) > 0.99


def test_llama_13b_needs_zero_2_or_more_on_eight() -> None:
    assert p_fits("llama-13b", Strategy(data=8)) == 0
    assert p_fits("llama-13b", Strategy(data=8, zero=1)) < 0.5
    assert p_fits("llama-13b", Strategy(data=8, zero=3)) > 0.99
    assert p_fits("llama-13b", Strategy(tensor=8)) > 0.99


def test_llama_70b_does_not_train_on_eight_without_offload_and_does_on_more() -> None:
    assert best_fit("llama-70b", 8) == 0
    assert best_fit("llama-70b", 32) > 0.95
    assert best_fit("llama-70b", 8, "adamw_bf16") > 0.9  # 8 bytes a parameter
    work = Workload("llama-70b", sequence_length=2048, precision="bf16", mode="training")
    assert least_devices(work, devices.find("a100")) == 16
    assert least_devices(Workload("llama-7b", sequence_length=2048, precision="bf16"), devices.find("h100")) == 2


def test_llama_70b_serves_in_16_bits_on_two_80_gb_devices_but_not_on_one() -> None:
    model = memory.shape(known("llama-70b"), 2048, None)
    fits = {
        t: float((memory.inference(model, Strategy(tensor=t), "fp16", draws=DRAWS, seed=0).total <= GB80).mean())
        for t in (1, 2, 8)
    }
    assert fits[1] == 0
    assert fits[2] > 0.9
    assert fits[8] == 1


def test_activations_are_those_of_korthikanti() -> None:
    """34 bytes per element of the sequence and width at 16 bits, without the scores, and the logits."""
    model = memory.shape(known("gpt2"), 1024, None)
    held = memory.training(model, Strategy(), "bf16", ADAM, draws=4001, seed=0)
    body = 34 * 1024 * 768 * 12 / 1e6
    logits = 8 * 1024 * 50257 / 1e6
    assert float(np.median(held.activations)) == pytest.approx(1.05 * (body + logits), rel=0.15)


@settings(max_examples=40)
@given(
    st.sampled_from(["llama-7b", "bert-large-uncased", "resnet50", "vit_base_patch16_224", "gpt2"]),
    st.sampled_from([1, 2, 4, 8]), st.integers(0, 3), st.sampled_from([1, 2, 8]), st.booleans(),
    st.sampled_from(["fp32", "amp", "bf16"]),
)  # fmt: skip
def test_memory_obeys_order(name: str, data: int, zero: int, micro: int, checkpointing: bool, precision: str) -> None:
    features = known(name)
    model = memory.shape(features, 512 if features.family != "vision" else None, None)

    def peak(s: Strategy) -> float:
        return float(np.median(memory.training(model, s, precision, ADAM, draws=16, seed=0).total))

    base = Strategy(data=data, zero=zero, micro_batch=micro, checkpointing=checkpointing)
    bigger = Strategy(data=data, zero=zero, micro_batch=2 * micro, checkpointing=checkpointing)
    assert peak(bigger) > peak(base) > 0
    if zero < 2:
        more = Strategy(data=data, zero=zero + 1, micro_batch=micro, checkpointing=checkpointing)
        assert peak(more) <= peak(base) + 1e-9
    if checkpointing:
        assert peak(base) < peak(Strategy(data=data, zero=zero, micro_batch=micro))


@given(st.integers(1, 64), st.integers(1, 256), st.sampled_from([(0, 0), (32, 32), (12, 12), (80, 64)]))
def test_strategies_use_all_devices_and_the_whole_batch(count: int, batch: int, shape: tuple[int, int]) -> None:
    layers, heads = shape
    for s in training_strategies(count, batch, layers=layers, heads=heads, node=8):
        assert s.devices == count
        assert s.global_batch == batch
        assert s.tensor <= 8
        assert not heads or heads % s.tensor == 0
    for s in inference_strategies(count, batch, layers=layers, heads=heads, node=8):
        assert s.devices == count
    for d, t, p in splits(count, layers, heads, 8):
        assert d * t * p == count
        if not layers:
            assert (t, p) == (1, 1)


def one_step(strategy: Strategy, seconds: float = 0.5, name: str = A100, **options: float) -> timing.Step:
    model = memory.shape(known("llama-7b"), 2048, None)
    return timing.step(np.full(DRAWS, seconds), model, strategy, devices.find(name), "bf16", **options)


def test_step_time_has_the_shape_that_the_physics_gives() -> None:
    alone = one_step(Strategy())
    np.testing.assert_allclose(alone.seconds, 0.5)
    np.testing.assert_allclose(alone.efficiency, 1.0)
    ddp = one_step(Strategy(data=8))
    assert 0.8 < np.median(ddp.efficiency) <= 1.0
    assert np.median(one_step(Strategy(checkpointing=True)).seconds) == pytest.approx(0.5 * 4 / 3)
    # GPipe's bubble: (p - 1) / m of the step
    piped = one_step(Strategy(pipeline=4, accumulation=8))
    np.testing.assert_allclose(piped.bubble / piped.compute, 3 / 8, rtol=0.02)
    # the more often weights are gathered, the more there is to send
    few, many = (one_step(Strategy(data=8, zero=z), 0.02) for z in (1, 3))
    assert np.median(many.communication) > np.median(few.communication)


def test_slower_links_cost_more() -> None:
    small = [float(np.median(one_step(Strategy(data=n), 0.1, name).efficiency)) for n, name in (
        (8, H100), (8, "NVIDIA L40S"), (16, A100))]  # fmt: skip
    assert small[0] > small[1]
    assert small[0] > small[2]
    fast = one_step(Strategy(data=16), 0.1, network_gb_s=400.0)
    slow = one_step(Strategy(data=16), 0.1, network_gb_s=1.0)
    assert np.median(fast.seconds) < np.median(slow.seconds)


def test_links_are_those_of_the_catalog() -> None:
    assert link(devices.find("a100"), 8).kind == "nvlink"
    assert link(devices.find("a100"), 8).gb_s == 300  # 600 both ways
    assert link(devices.find("a100"), 16).kind == "infiniband"
    assert link(devices.find("t4"), 4).kind == "pcie"
    assert node_size(devices.find("gb200")) == 72
    assert node_size(devices.find("h100 nvl")) == 2


def test_every_prior_of_scaling_has_a_source_and_a_date() -> None:
    f = facts()
    for kind, entry in f["link"].items():
        assert entry["source"], kind
        assert entry["date"], kind
        draws = scaling(kind, 500, 0)
        assert ((draws.bus > 0) & (draws.bus < 1)).all()
        assert ((draws.overlap >= 0) & (draws.overlap <= 1)).all()
        assert (draws.straggler > 0).all()
    # the same uncertain link for every option
    assert scaling("nvlink", 100, 0) is scaling("nvlink", 100, 0)


def predict(pairs: Sequence[tuple[Workload, Target]], harness: str = "") -> Cells:
    """A made-up device: 20 % spread around a step that grows with the batch."""
    rng = np.random.default_rng(0)
    z = 0.2 * rng.standard_normal(DRAWS)
    rows = to_rows(pairs)
    batch = rows["batch_size"]
    fast = np.array([2.0 if "H100" in d else 1.0 for d in rows["device"]])
    latency = (100 + 300 * batch / fast)[:, None] * np.exp(z)[None, :]
    n = len(batch)
    prediction = Prediction(
        latency=latency.astype(np.float32),
        throughput=(batch[:, None] / latency * 1e3).astype(np.float32),
        memory=np.ones((n, DRAWS), np.float32),
        epistemic=np.ones((n, 2)),
        shares=np.full((n, len(TIME_PARTS) + len(MEMORY_PARTS)), 1 / len(TIME_PARTS)),
        evidence=["device"] * n,
        n_measurements=np.zeros(n, dtype=np.int64),
        situation=np.zeros(n, dtype=np.int64),
    )
    return Cells(rows, prediction, [None] * n, np.full(n, np.nan), np.full(n, GB80))


def query(model: str, mode: str, names: Sequence[str] = ("a100", "h100"), **options: object) -> Query:
    work = Workload(model, "text_generation", 32, 2048, precision="bf16" if mode == "training" else "fp16", mode=mode)
    targets = [Target("cuda", devices.find(n).name, label=n) for n in names]
    return Query(work, targets, preferences(Config(), mode, **options), named=True, posterior_draws=DRAWS)


def test_a_plan_for_eight_names_strategy_batch_and_devices() -> None:
    choice = query("llama-7b", "training").distributed(predict, Setup(8))
    best = choice.ranking.options[0]
    assert best.name.startswith("h100 × 8, ")
    assert best.p_fits > 0.95
    assert best.candidate.n_devices == 8
    assert best.candidate.details["micro_batch"] * best.candidate.details["accumulation"] <= 32
    assert 0.3 < best.candidate.details["scaling_efficiency"] <= 1.0
    assert set(choice.per_target) == {"a100", "h100"}
    failed = {o.name for o in choice.ranking.infeasible}
    assert any(n.startswith("a100 × 8, DDP") for n in failed)
    assert any("× 1, single device" in n for n in failed)
    assert "Scaling efficiency" in choice.ranking.explanation


def test_seventy_billion_on_eight_is_infeasible_and_says_how_many_it_takes() -> None:
    with pytest.raises(InfeasibleError, match="16 a100") as said:
        query("llama-70b", "training").distributed(predict, Setup(8))
    # 16 bytes a parameter over eight devices are 138 GB of each, whatever shards them
    nearest = said.value.options[0]
    assert nearest["checkpointing"]
    assert nearest["static_memory_mb"] == pytest.approx(137_953, rel=1e-3)
    assert all(o["memory"] >= nearest["memory"] for o in said.value.options)
    served = query("llama-70b", "inference").distributed(predict, Setup(8))
    assert served.ranking.options[0].candidate.n_devices == 8
    assert "TP" in served.ranking.options[0].name
    assert any("× 1, " in o.name for o in served.ranking.infeasible)


def test_fewer_devices_win_per_dollar() -> None:
    choice = query("gpt2", "training", utility="throughput_per_dollar").distributed(predict, Setup(8))
    assert choice.ranking.options[0].candidate.n_devices < 8
    assert query("gpt2", "training").distributed(predict, Setup(8)).ranking.options[0].candidate.n_devices == 8


def test_bad_plans_are_refused() -> None:
    with pytest.raises(InvalidWorkloadError):
        Setup(0)
    with pytest.raises(UnknownNameError, match="adamw"):
        Setup(8, "adamwx")
    with pytest.raises(IncompatibleError, match="platform"):
        Query(
            Workload("llama-7b", batch_size=8, mode="training"), [Target("cuda", None, label="cuda")],
            preferences(Config(), "training"), named=True, posterior_draws=DRAWS,
        ).distributed(predict, Setup(8))  # fmt: skip
    odd = query("llama-7b", "training")
    with pytest.raises(IncompatibleError, match="int8"):
        Query(
            Workload("llama-7b", batch_size=8, mode="training", precision="int8"), odd.targets, odd.wanted,
            named=True, posterior_draws=DRAWS,
        ).distributed(predict, Setup(8))  # fmt: skip
