"""What one step of a workload costs: operations and bytes, from the catalog, the row's own figures or imputation."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import composed, imputation, models, name_sizes, tasks
from hwpredict.catalog.architectures import search_spaces
from hwpredict.performance import harness, notes, rows as r
from hwpredict.performance.notes import DECODE, FORWARD, GENERATE, PREFILL, Passage
from hwpredict.workload import PRECISIONS, Format

Array = NDArray[np.float64]

#: Batch of a device of throughput-only rows that state none: a middling one, and one that fills a device where the
#: harness lets many inputs be run at once (MLPerf's offline and server scenarios). Texts are written by accelerators in
#: larger batches: 128 to 512 of GPT-J's and 640 to 3072 of Llama 2 70B's and Mixtral's where submissions to MLPerf
#: Inference v4.1 state it. A pooled effect takes up the rest.
UNSTATED_BATCH, BACKLOG_BATCH, BACKLOG_TEXTS = 16.0, 64.0, 512.0
#: Forward + backward of a training step relative to the forward pass (Kaplan et al. 2020, section 2.1).
TRAINING_FLOPS = 3.0
#: The same of low-rank adapters (LoRA, Hu et al. 2021): no gradients of the weights themselves; and the parameters of
#: adapters relative to all.
ADAPTING_FLOPS, ADAPTERS = 2.0, 0.005
#: Share of a forward pass' activations that inference holds at once (a few layers of some fifty).
LIVE_SHARE = 0.1
#: Bytes per parameter of gradient and Adam states in fp32 (Rajbhandari et al. 2020, ZeRO, section 3.1).
OPTIMIZER_BYTES = 12.0
#: Elements that a transformer writes per token, layer and hidden unit (attention and feed-forward, by timm's count).
TOKEN_ELEMENTS = 16.0
#: Activation elements of a middling network for one image.
MIDDLING_ELEMENTS = 5e7
#: Log ratio to the size of a middling network beyond which size tells no more: what is large fills any device, what is
#: small none.
LARGE = 4.0
#: Frames of a second of speech that pass through a recogniser's encoder: one in four or eight of a hundred.
FRAMES = 25.0
#: Who submitted a model to MLPerf's open division, which tables write behind its name: what it costs, before it was
#: pruned, is what the original costs.
_SUBMITTER = re.compile(r"\[open:[^\]]*\]")
#: Tokens that lengths are held against.
USUAL_LENGTH = 512.0
#: Weights of a mixture of experts that a whole sequence touches, as tokens a sequence that choose experts anew.
SEQUENCE_TOKENS = 64.0


def batch(rows: r.Table) -> Array:
    """Batch of each row; where unstated, 1 for latencies and for throughput alone a middling one on each device.

    That of several instances on one device is their total: their items pass through the device at the same time; and so
    is that of several devices where the harness states the batch of each.
    """
    stated, unstated = rows["batch_size"], np.full(r.length(rows), UNSTATED_BATCH)
    if (rows["note"] != "").any():
        stated = stated * np.array(r.by_unique(notes.instances, rows["note"]))
        each = np.array(r.by_unique(notes.batch_of_each_device, rows["note"]), dtype=bool)
        stated = np.where(each, stated * devices_used(rows), stated)
        backlog = np.array(r.by_unique(notes.backlogged, rows["note"]), dtype=bool)
        texts = (rows["model_family"] == "text_generation") & (rows["hardware"] != "cpu")
        unstated = np.where(backlog, np.where(texts, BACKLOG_TEXTS, BACKLOG_BATCH), UNSTATED_BATCH)
    blind = np.isnan(stated) & np.isnan(rows["latency_ms"])
    return np.where(np.isnan(stated), np.where(blind, unstated * devices_used(rows), 1.0), stated)


def devices_used(rows: r.Table) -> Array:
    """Number of devices of each row, 1 where unstated."""
    return np.where(np.isnan(rows["n_devices"]), 1.0, np.maximum(rows["n_devices"], 1.0))


@cache
def format_of(precision: str) -> Format:
    """Format of a precision; that of fp32 where nothing is known of it."""
    return PRECISIONS.get(precision) or PRECISIONS["fp32"]


@cache
def _features(name: str) -> models.ModelFeatures | None:
    model, _, description = _SUBMITTER.sub("", name).partition("\n")
    return search_spaces.features(model, description) if description else models.match(model)


@cache
def _described(model: str, note: str) -> str:
    """Name of a model, with its description on a second line where only that says what the network is."""
    return f"{model}\n{note}" if "arch" in note and search_spaces.features(model, note) is not None else model


@cache
def _forward(name: str, length: float, size: float, fused: bool) -> tuple[float, float]:
    """MACs and activation elements of one item; a length or size of -1 is unstated (NaN would never hit the cache)."""
    f = _features(name)
    if f is None:
        return (np.nan, np.nan)
    s, p = length if length > 0 else None, round(size) if size > 0 else None
    return f.macs(s, p), f.activations(s, p, fused=fused)


@cache
def _passage_work(name: str, phase: str, tokens: Passage, fused: bool) -> tuple[float, float]:
    """MACs and activation elements of one sequence's prefill, decode step or whole generation."""
    f = _features(name)
    if f is None:
        return (np.nan, np.nan)
    if phase == DECODE:
        return f.macs_per_token(tokens.context), np.nan
    if phase == PREFILL and f.family == "audio":  # what is read is the decoder's prompt
        return tokens.prompt * f.macs_per_token(tokens.prompt / 2), np.nan
    macs, elements = _forward(name, tokens.prompt, -1.0, fused)
    if phase == PREFILL:
        earlier = tokens.context - tokens.prompt
        if earlier > 0:  # attention to what the cache held before
            macs += tokens.prompt * (f.macs_per_token(tokens.context) - f.macs_per_token(tokens.prompt))
        return macs, elements
    per_token = elements / tokens.prompt
    return macs + tokens.generated * f.macs_per_token(tokens.context), elements + tokens.generated * per_token


@cache
def _cached(name: str, context: float) -> float:
    """Bytes of one sequence's key-value cache at 16 bits, NaN where nothing is known of the model's."""
    f = _features(name)
    return f.kv_bytes(context) or np.nan if f is not None else np.nan


@cache
def _touched(name: str) -> float:
    """Weights that one decoded token is multiplied with: neither an encoder's nor a table's of embeddings."""
    f = _features(name)
    return f.macs_per_token(0) if f is not None else np.nan


def step_work(
    rows: r.Table, once: r.Table, labels: dict[str, NDArray[Any]], log_capacity: Array, runs: r.Runs
) -> dict[str, Array]:
    """Operations and bytes of one step of the whole batch, as natural logs; unknown figures are imputed.

    ``once`` are the first rows of the runs, and ``labels`` and ``log_capacity`` (MB of a device) theirs, shape (run,).
    Adds ``no_macs``, ``no_acts``, ``no_size`` (the model, where its figure was imputed), ``untold`` and ``sharded``.
    """
    fixed, factors = _sequences(once, labels, log_capacity)
    numbers, f = runs.spread(fixed), runs.spread(factors)
    users = batch(rows)
    # of a server's users, only some are in prefill at once
    batch_ = np.where(f["queued"], np.sqrt(users), users)
    # of a mixture of experts a step touches the experts that its tokens choose, each token on its own
    ratio, choosers = f["ratio"], batch_ * f["choosing"]
    share = np.where(ratio < 1, np.maximum(1 - (1 - ratio) ** choosers, ratio), 1.0)
    messages = np.where(f["training"], 4.0 * f["trained"], 2.0 * f["width"] * 2 * batch_ * f["read"])
    with np.errstate(divide="ignore"):
        numbers |= {
            "log_flops": np.log(2 * f["passes"] * batch_ * f["denoised"]) + numbers["log_macs_item"],
            "log_activation_bytes": f["log_acts"] + np.log(batch_ * f["abits"] / 8 * f["passes"] * f["denoised"]),
            "log_live_bytes": f["log_acts"] + np.log(batch_ * f["abits"] / 8 * f["live"]),
            "log_weight_bytes": np.log(f["weight_bytes"] * share * f["steps"] * f["moves"]),
            "log_kv_bytes": np.log(f["cache_bytes"] * batch_ * f["steps"]),
            "log_cache_bytes": np.log(f["final_cache_bytes"] * batch_),
            "log_comm_bytes": np.log(np.where(f["parallel"], messages, 0.0)),
            "log_queue": np.where(f["queued"], np.log(batch_), 0.0),
            # throughput = items / step
            "log_items": np.log(f["items"] * users),
        }  # fmt: skip
    return numbers


def _sequences(rows: r.Table, labels: dict[str, NDArray[Any]], log_capacity: Array) -> tuple[dict[str, Array], r.Table]:
    """All that does not depend on the batch: figures of :func:`step_work`, and what its others are made of."""
    formats = r.by_unique(format_of, labels["precision"])
    wbits, abits = (np.array([getattr(f, name) for f in formats]) for name in ("weight_bits", "activation_bits"))
    phase, training = labels["phase"], labels["mode"] == "training"
    queued = np.array(r.by_unique(notes.queued, phase, rows["note"]))
    # of a forward pass that states no length, that of the task in the model's name
    of_task = np.array(r.by_unique(tasks.sequence_length, rows["model"], rows["model_family"]))
    length = np.where(np.isnan(rows["sequence_length"]) & (phase == FORWARD), of_task, rows["sequence_length"])
    unpadded = np.array(r.by_unique(harness.sequence_length, rows["source"], rows["model"], rows["note"]))
    length = np.where(np.isnan(unpadded), length, unpadded)
    lengths = np.where(np.isnan(length), -1.0, length)
    tokens = r.by_unique(notes.passage, phase, rows["note"], lengths, labels["architecture"])
    prompt, generated, context, counted = (
        np.array([getattr(t, name) for t in tokens]) for name in ("prompt", "generated", "context", "counted")
    )
    pixels = np.array(r.by_unique(r.pixels, rows["input_size"]))
    forward = phase == FORWARD
    decode, generate, prefill = phase == DECODE, phase == GENERATE, phase == PREFILL
    read = np.where(forward, 1.0, prompt + generated)  # tokens of a sequence that pass through the network
    read = np.where(decode, 1.0, read)
    translated = np.isin(labels["architecture"], list(notes.TRANSLATES)) & generate

    described = np.array(r.by_unique(_described, rows["model"], rows["note"]), dtype=object)
    total, active, layers, hidden = _sizes(described)
    touched_once = np.where(decode | generate, np.array(r.by_unique(_touched, described)), np.nan)
    given = rows["parameters"]
    ratio = np.where(total > 0, active / total, np.nan)
    total = np.where(given > 0, given, total)
    ratio = np.where(np.isnan(ratio), np.array(r.by_unique(name_sizes.active_fraction, rows["model"])), ratio)
    note = np.array(r.by_unique(notes.active_parameters, rows["note"]))
    ratio = np.where(note > 0, note / total, ratio)
    ratio = np.clip(np.where(np.isnan(ratio), 1.0, ratio), 1e-3, 1.0)
    named = np.array(r.by_unique(name_sizes.named_parameters, rows["model"], rows["model_family"]))
    total = np.where(np.isnan(total), named, total)
    no_size = np.isnan(total)
    work_stated = np.log(np.where(rows["gmacs"] > 0, rows["gmacs"] * 1e9, np.nan))
    guess = imputation.log_parameters(rows["model_family"], labels["architecture"], work_stated, pixels, forward)
    # what runs on a device fits into it
    guess = np.fmin(guess, log_capacity + np.log(1e6 * 8 / wbits * devices_used(rows)))
    flash = np.array(r.by_unique(notes.flash, rows["note"]))
    guess = np.fmin(guess, np.log(flash * 8 / wbits))
    composed_size = np.array(r.by_unique(composed.parameters, rows["model"]))
    total = np.where(no_size, np.where(np.isnan(composed_size), np.exp(guess), composed_size), total)
    dense = total * ratio

    # what generates text runs with fused attention, unless its table says otherwise
    eager = np.array(r.by_unique(notes.eager_attention, rows["note"]), dtype=bool)
    fused = (rows["model_family"] == "text_generation") & ~eager
    work = [
        _forward(n, length, size, a) if whole else _passage_work(n, p, t, a)
        for n, p, t, length, size, whole, a in zip(
            described.tolist(), phase.tolist(), tokens, lengths.tolist(), np.nan_to_num(pixels, nan=-1.0).tolist(),
            (forward | translated).tolist(), fused.tolist(), strict=True,
        )
    ]  # fmt: skip
    macs, acts = (np.array([w[k] for w in work]) for k in (0, 1))
    macs = np.where(np.isnan(macs) | (macs <= 0), np.where(forward, np.nan, dense * read), macs)
    stated = (rows["gmacs"] > 0) & (forward | prefill | translated)
    macs = np.where(stated, rows["gmacs"] * 1e9, macs)
    no_macs = np.isnan(macs) | (macs <= 0)
    usual = np.array(r.by_unique(composed.usual_side, rows["model"]))
    side = np.where(np.isnan(pixels) & no_macs, usual, pixels)
    size = np.where(np.isnan(length), side, length)
    heard = (rows["item"] == "second_audio") & (labels["architecture"] == "conformer")
    size = np.where(heard & np.isnan(size), FRAMES, size)
    guess = imputation.log_macs(rows["model_family"], np.log(total), size, labels["architecture"])
    assembled = np.log(np.array(r.by_unique(composed.macs, rows["model"], np.nan_to_num(pixels, nan=-1.0))))
    guess = np.where(np.isnan(assembled), guess, assembled)
    log_macs = np.where(no_macs, guess, np.log(np.where(no_macs, 1.0, macs)))
    # a transformer of P parameters has about 12·layers·hidden² of them; 32 layers is typical of an LLM
    width = np.where(np.isnan(layers * hidden), 32 * np.sqrt(dense / 384), layers * hidden)
    acts = np.where(rows["activations_m"] > 0, rows["activations_m"] * 1e6, acts)
    acts = np.where((np.isnan(acts) | (acts <= 0)) & ~forward, read * width * TOKEN_ELEMENTS, acts)
    no_acts = np.isnan(acts)
    guess = imputation.log_activations(rows["model_family"], log_macs, np.log(total), size, labels["architecture"])
    log_acts = np.where(no_acts, guess, np.log(np.where(no_acts, 1.0, np.maximum(acts, 1.0))))

    weights = np.where(touched_once > 0, np.minimum(touched_once / ratio, total), total)
    denoised = np.array(
        r.by_unique(
            notes.denoising, labels["architecture"], labels["mode"], rows["item"], rows["source"], rows["note"], lengths
        )
    )
    cache_bytes, final_bytes = (
        np.where(training | forward, 0.0, _cache_bytes(described, width, kept))
        for kept in (context, np.where(generate, prompt + generated, context))
    )
    steps = np.where(generate, generated + 1, denoised)
    adapters = np.array(r.by_unique(notes.adapters, rows["model"], rows["note"]), dtype=bool) & training
    trained = np.where(training, np.where(adapters, total * ADAPTERS, total), 0.0)
    per_step = np.array([t.per_token for t in tokens])
    # of deep networks launches overlap; the few small layers of a translator take what each takes by itself
    deep = np.where(translated, 1.0, 0.5) * np.log(np.maximum(layers, 1)) - 0.5 * np.log(32)
    with np.errstate(divide="ignore"):
        numbers = {
            "log_macs_item": log_macs,
            "log_resident_bytes": np.log(total * wbits / 8),
            "log_state_bytes": np.log(trained * OPTIMIZER_BYTES),
            "log_depth": np.where(np.isnan(layers), 0.0, deep) + np.log(steps),
            "log_parameters": np.log(total),
            "log_denoised": np.log(denoised),
            "log_guessed": np.where(no_acts, log_acts - np.log(MIDDLING_ELEMENTS), 0.0),
            "log_size": LARGE * np.tanh((log_macs - np.log(4e9)) / LARGE),
            "log_intensity": (log_macs - log_acts) - 5.0,
            "log_length": np.where(prefill, np.log(prompt), np.log(context)) - np.log(USUAL_LENGTH),
            # latency = span · step
            "log_span": np.where(per_step, -np.log(np.maximum(generated, 1.0)), 0.0),
        }
    numbers["log_length"][denoised > 1] = 0.0  # a number of steps, not a length
    # neither the catalog nor the name says what the network is: each table has its own kind of such models
    labels["untold"] = np.where(no_size & np.isnan(composed_size), rows["source"], "").astype(object)
    labels["sharded"] = np.where(training | forward, "replicated", "sharded").astype(object)
    for name, missing in (("no_macs", no_macs), ("no_acts", no_acts), ("no_size", no_size)):
        labels[name] = np.where(missing, labels["model"], "").astype(object)
    each = np.where(np.isnan(length), notes.DEFAULT_CONTEXT, length)
    each = np.where(np.isnan(rows["per_input"]), np.where(rows["item"] == "token", each, 1.0), rows["per_input"])
    return numbers, {
        "queued": queued,
        "training": training,
        "parallel": (devices_used(rows) > 1) & (training | ~forward),
        "read": read,
        "items": np.where(forward | ~np.isnan(rows["per_input"]), each, np.where(decode, 1.0, counted)),
        "steps": steps,
        "denoised": denoised,
        "passes": np.where(training, np.where(adapters, ADAPTING_FLOPS, TRAINING_FLOPS), 1.0),
        "live": np.where(training, 1.0, LIVE_SHARE),
        "moves": np.where(training, 4.0, 1.0),
        "choosing": np.where(prefill, prompt, np.where(forward, SEQUENCE_TOKENS, 1.0)),
        "ratio": ratio,
        "total": total,
        "trained": trained,
        "width": width,
        "log_acts": log_acts,
        "abits": abits,
        "weight_bytes": weights * wbits / 8,
        "cache_bytes": cache_bytes,
        "final_cache_bytes": final_bytes,
    }


def _cache_bytes(described: NDArray[Any], width: Array, kept: Array) -> Array:
    """Bytes of the key-value cache of one sequence of so many tokens."""
    known = np.array(r.by_unique(_cached, described, np.nan_to_num(kept, nan=0.0)))
    return np.where(np.isnan(known), 4 * width * 0.3 * kept, known)


def _sizes(described: NDArray[Any]) -> tuple[Array, Array, Array, Array]:
    """Parameters, active parameters, layers (or launches in turn) and hidden width of each row's model, or NaN."""
    out = np.full((4, len(described)), np.nan)
    for i, f in enumerate(r.by_unique(_features, described)):
        if f is not None:
            out[:, i] = (
                f.parameters,
                f.active_parameters,
                f.layers or f.calls or np.nan,
                f.hidden or np.nan,
            )
    return out[0], out[1], out[2], out[3]
