"""How the decoder-only language models differ: one row of switches per ``model_type``."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False  # known to type checkers; importing typing takes longer than all else here
if TYPE_CHECKING:
    from typing import Literal


@dataclass(frozen=True, slots=True)
class Style:
    """Switches of one kind of decoder; the defaults are those of Llama.

    Attributes
    ----------
    label : str
        Pooling label.
    gated : bool
        Feed-forward with a gate (three matrices) or without (two).
    norm : {1, 2}
        Vectors of a norm: scale, or scale and shift.
    norms : int
        Norms per layer.
    qkv_bias, out_bias, mlp_bias, head_bias : bool
        Biases, where the config does not say.
    qk_norm : {"", "head", "all"}
        Norms of queries and keys: none, one per head width, one over all heads.
    tied : bool
        Output head shared with the embedding, where the config does not say.
    positions : bool
        Learned positions.
    position_offset : int
        Rows of the position table that no position uses.
    embedding_norm : bool
        A norm after the embedding.
    query_heads_only : bool
        Multi-query attention: one key-value head, where the config does not say.
    gated_output : bool
        A gate on the output of attention, from the query projection.
    window_every : int
        Of so many layers one has full attention and the others a sliding window; 0 for all alike.
    shared_gate : bool
        The shared expert has a gate of its own.
    """

    label: str
    gated: bool = True
    norm: Literal[1, 2] = 1
    norms: int = 2
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    qk_norm: Literal["", "head", "all"] = ""
    tied: bool = False
    positions: bool = False
    position_offset: int = 0
    embedding_norm: bool = False
    query_heads_only: bool = False
    gated_output: bool = False
    window_every: int = 0
    shared_gate: bool = False


def _gpt(label: str, **changes: bool) -> Style:
    """Style of GPT-2 and what came from it: biases everywhere, layer norms, no gate."""
    switches = {"qkv_bias": True, "out_bias": True, "mlp_bias": True, "tied": True, "positions": True} | changes
    return Style(label, gated=False, norm=2, **switches)  # type: ignore[arg-type]  # a dict of bool


STYLES: dict[str, Style] = {
    "llama": Style("llama"),
    "mistral": Style("mistral"),
    "ministral": Style("mistral"),
    "ministral3": Style("mistral"),
    "mixtral": Style("mixtral-moe"),
    "qwen": Style("qwen", qkv_bias=True),
    "qwen2": Style("qwen2", qkv_bias=True),
    "qwen3": Style("qwen3", qk_norm="head"),
    "qwen2_moe": Style("qwen2-moe", qkv_bias=True, shared_gate=True),
    "qwen3_moe": Style("qwen3-moe", qk_norm="head"),
    "qwen3_next": Style("qwen3-next", qk_norm="head", gated_output=True, shared_gate=True),
    "qwen3_5_text": Style("qwen3.5", qk_norm="head", gated_output=True),
    "qwen3_5_moe_text": Style("qwen3.5-moe", qk_norm="head", gated_output=True, shared_gate=True),
    "gemma": Style("gemma", tied=True),
    "gemma2": Style("gemma2", norms=4, tied=True, window_every=2),
    "gemma3_text": Style("gemma3", norms=4, qk_norm="head", tied=True, window_every=6),
    "gemma4_text": Style("gemma4", norms=4, qk_norm="head", tied=True, window_every=6),
    "phi": Style("phi", gated=False, norm=2, norms=1, qkv_bias=True, out_bias=True, mlp_bias=True, head_bias=True),
    "phi3": Style("phi3"),
    "phimoe": Style("phi-moe", norm=2, qkv_bias=True, out_bias=True, head_bias=True),
    "falcon": Style("falcon", gated=False, norm=2, norms=1, tied=True, query_heads_only=True),
    "mpt": Style("mpt", gated=False, tied=True),
    "bloom": _gpt("bloom", positions=False, embedding_norm=True),
    "opt": Style(
        "opt",
        gated=False,
        norm=2,
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        tied=True,
        positions=True,
        position_offset=2,
    ),
    "gpt2": _gpt("gpt2"),
    "gpt_neo": _gpt("gpt-neo", qkv_bias=False),
    "gptj": Style("gpt-j", gated=False, norm=2, norms=1, mlp_bias=True, head_bias=True),
    "codegen": Style("codegen", gated=False, norm=2, norms=1, mlp_bias=True, head_bias=True),
    "gpt_neox": _gpt("gpt-neox", tied=False, positions=False),
    "gpt_bigcode": _gpt("starcoder", query_heads_only=True),
    "starcoder2": _gpt("starcoder2", positions=False),
    "stablelm": Style("stablelm", norm=2),
    "chatglm": Style("chatglm", qkv_bias=True),
    "glm": Style("glm", qkv_bias=True),
    "glm4": Style("glm4", qkv_bias=True, norms=4),
    "glm4_moe": Style("glm4-moe", qkv_bias=True),
    "glm4_moe_lite": Style("glm4-moe-lite"),
    "glm_moe_dsa": Style("glm5"),
    "baichuan": Style("baichuan"),
    "internlm2": Style("internlm2"),
    "minicpm": Style("minicpm", tied=True),
    "minicpm3": Style("minicpm3", tied=True),
    "smollm3": Style("smollm3", tied=True),
    "olmo2": Style("olmo2", qk_norm="all"),
    "olmoe": Style("olmoe", qk_norm="all"),
    "granite": Style("granite", tied=True),
    "cohere": Style("cohere", norms=1, tied=True),
    "exaone": Style("exaone"),
    "deepseek_v2": Style("deepseek-v2"),
    "deepseek_v3": Style("deepseek-v3"),
    "kimi_k2": Style("kimi-k2"),
    "minimax_m2": Style("minimax-m2", qk_norm="all"),
    "gpt_oss": Style("gpt-oss", qkv_bias=True, out_bias=True, mlp_bias=True, window_every=2),
    "llama4_text": Style("llama4"),
    "hunyuan_v1_dense": Style("hunyuan", qk_norm="head", tied=True),
    "hunyuan_v1_moe": Style("hunyuan-moe", qk_norm="head", tied=True),
    "dots1": Style("dots1", qk_norm="head"),
    "lfm2": Style("lfm2", qk_norm="head", tied=True),
    "nemotron_h": Style("nemotron-h", gated=False, norms=1),
}
