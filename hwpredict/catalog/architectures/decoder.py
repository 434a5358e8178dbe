"""Decoder-only language models, dense and mixtures of experts, from their hyper-parameters."""

from __future__ import annotations

from dataclasses import replace

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.styles import STYLES, Style
from hwpredict.catalog.architectures.work import Tally, Tokens
from hwpredict.errors import InvalidWorkloadError

#: Length assumed of a prompt when none is given.
DEFAULT_LENGTH = 512


def _style(config: Config) -> Style:
    """Style of a config: that of its type, with what older or odd variants change."""
    kind = config.model_type
    style = STYLES[kind]
    if kind == "falcon" and (config.flag("new_decoder_architecture", False) or not config.flag("parallel_attn", True)):
        style = replace(style, norms=2, query_heads_only=False)
    elif kind == "stablelm" and config.flag("use_qkv_bias", False):
        style = replace(style, qkv_bias=True)
    elif kind == "glm4_moe" and config.flag("use_qk_norm", False):
        style = replace(style, qk_norm="head")
    bias = config.raw("attention_bias", config.raw("bias"))
    if kind in {"glm4", "glm4_moe", "glm", "qwen2"}:  # their attention_bias is that of the inputs alone
        return style if bias is None else replace(style, qkv_bias=bool(bias))
    if bias is not None and kind not in {"bloom", "gpt2", "gpt_neox", "phi"}:
        style = replace(style, qkv_bias=bool(bias), out_bias=bool(bias))
        if kind == "falcon":
            style = replace(style, mlp_bias=bool(bias))
    if config.raw("mlp_bias") is not None:
        style = replace(style, mlp_bias=config.flag("mlp_bias", False))
    return style


def _kv_heads(config: Config, style: Style, heads: int) -> int:
    if style.query_heads_only and config.flag("multi_query", True):
        return 1
    if isinstance(config.raw("attn_config"), dict):  # mpt
        return config.part("attn_config").get("kv_n_heads", heads)
    return config.get("num_key_value_heads", heads)


def _layer_kinds(config: Config, style: Style, layers: int) -> list[str]:
    """Kind of each layer: full, sliding, linear, conv, mamba, none (feed-forward alone)."""
    pattern = config.raw("hybrid_override_pattern")
    if isinstance(pattern, str):  # nemotron_h
        if len(pattern) != layers:
            raise InvalidWorkloadError(f"{config.where}: 'hybrid_override_pattern' must have {layers} letters")
        return [{"M": "mamba", "*": "full"}.get(letter, "none") for letter in pattern]
    kinds = config.raw("layer_types")
    if isinstance(kinds, (list, tuple)):
        if len(kinds) != layers:
            raise InvalidWorkloadError(f"{config.where}: 'layer_types' must have {layers} entries")
        return [str(k).removesuffix("_attention").replace("chunked", "sliding") for k in kinds]
    full = config.indices("full_attn_idxs")
    if full:
        return ["full" if i in full else "conv" for i in range(layers)]
    every = config.get("full_attention_interval", 0)
    if every:
        return ["full" if (i + 1) % every == 0 else "linear" for i in range(layers)]
    window = config.raw("sliding_window") if config.flag("use_sliding_window", True) else None
    every = config.get("sliding_window_pattern", style.window_every)
    if window and every:
        return ["full" if (i + 1) % every == 0 else "sliding" for i in range(layers)]
    if config.model_type == "gpt_neo":
        return ["full" if i % 2 == 0 else "sliding" for i in range(layers)]
    return ["sliding" if window else "full"] * layers


def _heads(
    tally: Tally, config: Config, style: Style, kind: str, hidden: int, heads: int, *, shared: bool = False
) -> None:
    """Ordinary attention with (grouped) heads; ``shared``: over the keys and values of an earlier layer."""
    width = config.get("head_dim", max(1, hidden // heads))
    kv_heads = _kv_heads(config, style, heads)
    values = True
    if kind == "full" and config.raw("global_head_dim"):  # gemma4: wider, fewer heads on the layers without window
        width = config.get("global_head_dim", width)
        kv_heads = config.get("num_global_key_value_heads", kv_heads)
        values = not config.flag("attention_k_eq_v", False)
    tally.linear(hidden, heads * width * (2 if style.gated_output else 1), style.qkv_bias)
    for _ in range(0 if shared else 1 + values):
        tally.linear(hidden, kv_heads * width, style.qkv_bias)
    tally.linear(heads * width, hidden, style.out_bias)
    if style.qk_norm == "head":
        tally.vector((1 if shared else 2) * width)
    elif style.qk_norm == "all":
        tally.vector((heads + kv_heads) * width)
    if config.model_type == "gpt_oss":
        tally.vector(heads)  # attention sinks
    default_window = 256 if config.model_type == "gpt_neo" else 4096
    window = config.get("sliding_window", config.get("attention_chunk_size", default_window))
    reach = window if kind == "sliding" else None
    tally.attend(heads, width, window=reach)
    if not shared:
        tally.cache(2 * kv_heads * width, reach)


def _latent(tally: Tally, config: Config, hidden: int, heads: int) -> None:
    """Multi-head latent attention (DeepSeek-V2 and after): a compressed cache."""
    rank, rope = config.need("kv_lora_rank"), config.need("qk_rope_head_dim")
    plain, value = config.need("qk_nope_head_dim"), config.need("v_head_dim")
    query_rank = config.get("q_lora_rank", 0)
    if query_rank:
        tally.linear(hidden, query_rank)
        tally.vector(query_rank)
    tally.linear(query_rank or hidden, heads * (plain + rope))
    tally.linear(hidden, rank + rope)
    tally.vector(rank)
    tally.linear(rank, heads * (plain + value))
    tally.linear(heads * value, hidden)
    top = config.get("index_topk", 0)
    if top:  # an indexer picks the tokens that attention is restricted to
        index_heads, width = config.need("index_n_heads"), config.need("index_head_dim")
        tally.linear(query_rank, index_heads * width)
        tally.linear(hidden, width)
        tally.linear(hidden, index_heads)
        tally.vector(2 * width)
        tally.pair_macs += index_heads * width
        tally.pair_outputs += index_heads
        tally.cache(width / 2)  # kept at 8 bits
    tally.attend(heads, plain + rope, value, window=top or None)
    tally.cache(rank + rope)


def _delta_net(tally: Tally, config: Config, hidden: int) -> None:
    """Gated delta net (Qwen3-Next): linear attention with a state instead of a cache."""
    key_heads, value_heads = config.need("linear_num_key_heads"), config.need("linear_num_value_heads")
    key, value = config.need("linear_key_head_dim"), config.need("linear_value_head_dim")
    keys, values = key_heads * key, value_heads * value
    tally.linear(hidden, 2 * keys + 2 * values)
    tally.linear(hidden, 2 * value_heads)
    tally.linear(config.get("linear_conv_kernel_dim", 4), 2 * keys + values)
    tally.vector(2 * value_heads, value)
    tally.linear(values, hidden)
    tally.macs += 3 * value_heads * key * value  # decay, update and read the state
    tally.calls += 1


def _mamba(tally: Tally, config: Config, hidden: int) -> None:
    """Mamba-2 mixer of the hybrids."""
    heads, width = config.need("mamba_num_heads"), config.need("mamba_head_dim")
    state, groups = config.need("ssm_state_size"), config.need("n_groups")
    inner = heads * width
    tally.linear(hidden, 2 * inner + 2 * groups * state + heads)
    tally.linear(config.get("conv_kernel", 4), inner + 2 * groups * state, bias=True)
    tally.vector(3 * heads, inner)
    tally.linear(inner, hidden)
    tally.macs += 3 * inner * state
    tally.calls += 1


def _short_conv(tally: Tally, config: Config, hidden: int) -> None:
    """Gated short convolution of LFM2."""
    tally.linear(hidden, 3 * hidden)
    tally.linear(config.get("conv_L_cache", 3), hidden)
    tally.linear(hidden, hidden)


def _feed_forward(tally: Tally, style: Style, hidden: int, inner: int, copies: float = 1, used: float = 1) -> None:
    for _ in range(2 if style.gated else 1):
        tally.linear(hidden, inner, style.mlp_bias, copies, used)
    tally.linear(inner, hidden, style.mlp_bias, copies, used)


def _is_sparse(config: Config, index: int) -> bool:
    """Whether a layer's feed-forward is a mixture of experts."""
    if not config.raw("num_local_experts"):
        return False
    pattern = config.raw("hybrid_override_pattern")
    if isinstance(pattern, str):
        return pattern[index] == "E"
    if config.raw("moe_layers"):
        return index in config.indices("moe_layers")
    step = config.get("interleave_moe_layer_step", config.get("decoder_sparse_step", 1))
    dense = config.indices("mlp_only_layers")
    return index >= config.get("first_k_dense_replace", 0) and index not in dense and (index + 1) % max(1, step) == 0


def _experts(tally: Tally, config: Config, style: Style, hidden: int) -> None:
    experts, used = config.need("num_local_experts"), config.need("num_experts_per_tok")
    inner = config.get("moe_intermediate_size", 0) or config.need("intermediate_size")
    tally.linear(hidden, experts, bias=config.model_type == "gpt_oss")
    latent = config.get("moe_latent_size", 0)
    if latent:
        tally.linear(hidden, latent)
        tally.linear(latent, hidden)
    _feed_forward(tally, style, latent or hidden, inner, experts, used)
    shared = config.get("shared_expert_intermediate_size", config.get("moe_shared_expert_intermediate_size", 0))
    shared = shared or inner * config.get("n_shared_experts", config.get("num_shared_expert", 0))
    if config.model_type == "llama4_text":
        shared = inner
    if shared:
        _feed_forward(tally, style, hidden, shared)
    if style.shared_gate:
        tally.linear(hidden, 1)


def _dense_width(config: Config, hidden: int) -> int:
    kind = config.model_type
    if kind == "qwen":  # the two branches share the width
        return config.need("intermediate_size") // 2
    if kind == "llama4_text":
        return config.get("intermediate_size_mlp", config.need("intermediate_size"))
    if kind == "lfm2" and config.flag("block_auto_adjust_ff_dim", True):
        multiple = max(1, config.get("block_multiple_of", 256))
        scaled = config.real("block_ffn_dim_multiplier", 1.0) * int(2 * config.need("intermediate_size") / 3)
        return multiple * -(-int(scaled) // multiple)
    return config.get("intermediate_size", 0) or hidden * config.get("expansion_ratio", 4)


def _mix(tally: Tally, config: Config, style: Style, kind: str, hidden: int, heads: int, *, shared: bool) -> None:
    """Add what mixes the tokens of one layer."""
    if kind == "linear":
        _delta_net(tally, config, hidden)
    elif kind == "mamba":
        _mamba(tally, config, hidden)
    elif kind == "conv":
        _short_conv(tally, config, hidden)
    elif config.raw("kv_lora_rank"):
        _latent(tally, config, hidden, heads)
    elif kind != "none":
        _heads(tally, config, style, kind, hidden, heads, shared=shared)


def _layer(tally: Tally, config: Config, style: Style, index: int, kind: str) -> None:
    hidden, heads = config.need("hidden_size"), config.need("num_attention_heads")
    shared = index >= config.need("num_hidden_layers") - config.get("num_kv_shared_layers", 0)  # gemma4
    _mix(tally, config, style, kind, hidden, heads, shared=shared)
    tally.vector(style.norms * style.norm * hidden)
    if config.raw("hybrid_override_pattern") is not None and kind != "none":
        return  # nemotron_h: a layer is a mixer or a feed-forward, not both
    if _is_sparse(config, index):
        _experts(tally, config, style, hidden)
        if config.model_type == "gemma4_text":  # the experts stand beside the dense feed-forward
            tally.vector(4 * hidden, config.need("num_local_experts"))
            _feed_forward(tally, style, hidden, config.need("intermediate_size"))
    else:
        wide = 2 if shared and config.flag("use_double_wide_mlp", False) else 1
        _feed_forward(tally, style, hidden, wide * _dense_width(config, hidden))
    extra = config.get("hidden_size_per_layer_input", 0)
    if extra:
        tally.linear(hidden, extra)
        tally.linear(extra, hidden)
        tally.vector(hidden)


def _embeddings(tally: Tally, config: Config, style: Style, hidden: int) -> float:
    """Add tables and the norms around the layers; return the parameters that are looked up."""
    vocabulary = config.need("vocab_size")
    width = config.get("word_embed_proj_dim", hidden)
    tally.table(vocabulary, width)
    looked_up = 0.0 if config.flag("tie_word_embeddings", style.tied) else float(vocabulary * width)
    if style.positions:
        rows = config.need("max_position_embeddings") + style.position_offset
        tally.table(rows, hidden)
        looked_up += rows * hidden
    if width != hidden:  # OPT-350m
        tally.linear(width, hidden)
        tally.linear(hidden, width)
    else:
        tally.vector(style.norm * hidden)
    if style.embedding_norm:
        tally.vector(style.norm * hidden)
    per_layer = config.get("hidden_size_per_layer_input", 0)
    if per_layer:
        layers = config.need("num_hidden_layers")
        rows = config.get("vocab_size_per_layer_input", vocabulary)
        tally.table(rows, layers * per_layer)
        looked_up += rows * layers * per_layer
        tally.linear(hidden, layers * per_layer)
        tally.vector(per_layer)
    return looked_up


def decoder(config: Config) -> ModelFeatures:
    """Features of a decoder-only language model.

    Parameters
    ----------
    config : Config
        Its config.json.

    Returns
    -------
    ModelFeatures
        Named by its ``model_type``.
    """
    style = _style(config)
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    config.need("num_attention_heads")
    tally = Tally()
    kinds = _layer_kinds(config, style, layers)
    for index, kind in enumerate(kinds[:layers]):
        _layer(tally, config, style, index, kind)
    looked_up = _embeddings(tally, config, style, hidden)
    vocabulary = config.need("vocab_size")
    if config.flag("tie_word_embeddings", style.tied):  # counted with the table
        width = config.get("word_embed_proj_dim", hidden)
        tally.macs += vocabulary * width
        tally.outputs += vocabulary
        tally.calls += 1
    else:
        tally.linear(hidden, vocabulary, style.head_bias)
    stack = tally.stack(Tokens())
    return ModelFeatures(
        name=config.model_type,
        family="text_generation",
        architecture=style.label,
        parameters=tally.parameters,
        active_parameters=tally.active,
        embedding_parameters=looked_up,
        layers=layers,
        hidden=hidden,
        calls=tally.calls,
        kv_bytes_per_token_fp16=2 * tally.kv_elements,
        kv_windows=tuple((window, 2 * elements) for window, elements in sorted(tally.kv_windows.items())),
        vocabulary=int(config.need("vocab_size")),
        attention_macs_per_token_per_context=tally.pair_macs,
        default_sequence_length=DEFAULT_LENGTH,
        source="computed from config.json",
        parts=(stack,),
        decoder=stack,
    )


BUILDERS = dict.fromkeys(STYLES, decoder)
