"""LLM-Pilot's server: requests that run at once, those that wait, and residuals pooled over the other models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hwpredict.performance import rows as r

LOADS = np.array([1.0, 8.0, 64.0])


def test_users_beyond_the_cache_wait() -> None:
    from choices.serving import law

    measured = [(True, 4.0, np.array([1.0, 4.0, 4.0])), (True, 1000.0, np.array([1.0, 6.0, 32.0]))]
    server = law(measured, LOADS, generated=20.0)
    assert server.slots[True] == pytest.approx(0)  # four requests run in room for four thousand tokens
    assert server.slots[False] == server.slots[True]  # nobody measured a server that pads
    assert np.exp(server.share) == pytest.approx([1, 0.75, 0.5])
    running = server.running(np.array([server.log_slots(True, 5.0), server.log_slots(True, 1e6)]))
    assert np.exp(running[0, 2]) == pytest.approx(5, rel=0.02)
    assert np.exp(running[1]) == pytest.approx([1, 6, 32], rel=0.02)
    waits = server.waits(np.full((2, 3), 40.0), running)
    assert waits[0, 2] > 20 * 40 * (64 / 5 - 2)
    assert waits[1] == pytest.approx([0, 0, 0], abs=1)


def test_room_is_what_the_weights_leave() -> None:
    from choices.serving import room

    one, two = (room("llama-13b", "NVIDIA A100-40GB", n) for n in (1, 2))
    assert one == pytest.approx((0.9 * 40e9 - 2 * 13.0e9) / 819200 / 1e3, rel=0.1)
    assert two > 2 * one  # the weights are stored once
    assert room("llama-13b", "NVIDIA T4", 1) > 0  # no room at all is still a request


def served(offset: float, seed: int, measured: bool = True) -> object:
    from choices.serving import Served

    rng = np.random.default_rng(seed)
    said = 3 + 0.3 * rng.standard_normal((2, 3))
    figures = said + offset + 0.02 * rng.standard_normal(said.shape)
    if not measured:
        figures[:] = 99.0
    return Served(
        ["1 x A10", "2 x A10"], np.array([1.0, 2.0]), np.array([2.0, 3.0]), ["A10", "A10"], True, said, figures
    )


def test_what_the_others_have_in_common_is_expected_of_the_next() -> None:
    from choices.serving import pooled

    others = [served(0.5, seed) for seed in range(6)]
    shifted = pooled(served(0.5, 9, measured=False), others, LOADS, 4000, np.random.default_rng(0))
    assert shifted.shape == (2, 3, 4000)
    assert shifted.mean() == pytest.approx(0.5, abs=0.15)
    assert np.all(shifted.std(axis=2) > 0.3)  # another model may differ, whatever these agree on
    none = pooled(served(0.5, 9), [served(0.0, seed) for seed in range(6)], LOADS, 4000, np.random.default_rng(0))
    assert abs(none.mean()) < 0.15


def test_a_fit_is_shown_running_requests_and_no_queues() -> None:
    from choices.pilot import TABLE, unqueued

    common = {"model": "llama-7b", "hardware": "cuda", "device": "NVIDIA A10", "n_devices": 1, "source": TABLE}
    rows = [
        common | {"item": item, "batch_size": users, "latency_ms": latency, "throughput": speed}
        for users, speed in ((8.0, 150.0), (64.0, 150.0))
        for item, latency in (("token_decode", 40.0), ("token_prefill", 500.0))
    ]
    shown = unqueued(r.table([*rows, common | {"source": "another", "item": "token_prefill", "batch_size": 64.0}]))
    decode = shown["item"] == "token_decode"
    assert shown["batch_size"][decode].tolist() == pytest.approx([6.0, 6.0])
    assert shown["batch_size"][~decode].tolist() == [8.0, 64.0]
    assert shown["source"][~decode].tolist() == [TABLE, "another"]


def test_a_left_out_model_is_drawn_from_fits_without_it() -> None:
    """Three models on two profiles: what is said of one does not depend on what was measured with it."""
    from choices.pilot import TABLE, Setting
    from choices.settings import parse

    gpus, names = {"1 x A10": 1, "2 x A10": 2}, ("llama-7b", "llama-13b", "EleutherAI/gpt-neox-20b")
    rows, frame = [], []
    for size, name in zip((7, 13, 20), names, strict=True):
        for gpu, n in gpus.items():
            for users in LOADS:
                itl, ttft = size * 3.0 * (1 + users / 64) / n, size * 10.0 * np.sqrt(users) / n
                frame.append({"model": name, "gpu": gpu, "num_users": int(users), "median_nttft": ttft / 100,
                              "median_itl": itl})  # fmt: skip
                common = {"model": name, "hardware": "cuda", "device": "NVIDIA A10", "n_devices": n, "source": TABLE,
                          "precision": "fp16", "mode": "inference", "model_family": "text_generation",
                          "batch_size": users, "sequence_length": 100.0}  # fmt: skip
                rows += [
                    common | {"item": "token_decode", "latency_ms": itl, "throughput": 600 * users / itl,
                              "note": "mean in=100 out=20 tok"},
                    common | {"item": "token_prefill", "latency_ms": ttft, "note": "TTFT"},
                ]  # fmt: skip
    args = parse("", ["rows.parquet", "--quick"])

    def drawn(scale: float) -> tuple[np.ndarray, np.ndarray]:
        table = r.table([x | {"latency_ms": x["latency_ms"] * (scale if x["model"] == names[1] else 1)} for x in rows])
        setting = Setting(pd.DataFrame(frame), table, dict.fromkeys(names, True), args)
        target, draws = setting.draws(names[1])
        assert [d.shape for d in draws] == [(2, 3, 2000)] * 2
        assert all(np.isfinite(d).all() for d in draws)
        assert set(setting.said) == {frozenset(x) for x in ((names[1],), (names[1], names[0]), (names[1], names[2]))}
        assert np.isfinite(target[0].measured).all()
        users = setting.users(target[0].profiles, draws)
        assert set(users) == set(gpus)
        assert all(set(u.tolist()) <= {0, *LOADS.astype(int).tolist()} for u in users.values())
        return draws

    for one, other in zip(drawn(1), drawn(50), strict=True):
        assert one == pytest.approx(other)
