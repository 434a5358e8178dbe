"""Text encoders (BERT and its kin) and encoder-decoders (T5, BART, Marian), from their hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import Tally, Tokens

TYPE_CHECKING = False  # known to type checkers; importing typing takes longer than all else here
if TYPE_CHECKING:
    from typing import Literal

#: Length assumed of a text when none is given: that of most published BERT measurements.
DEFAULT_LENGTH = 128


@dataclass(frozen=True, slots=True)
class EncoderStyle:
    """Switches of one kind of text encoder.

    Attributes
    ----------
    label : str
        Pooling label.
    positions, types : bool
        Learned positions; token-type embeddings.
    pooler : bool
        A dense layer on the first token.
    embedding_size : str
        Key of the width of the embeddings, where it may differ from that of the layers.
    projection_bias : bool
        Whether the projection from one to the other has a bias.
    shared : bool
        One set of layer weights used by every layer (ALBERT).
    relative : {"", "bias", "table"}
        Relative positions: none, one bias per head and bucket, one embedding per bucket.
    """

    label: str
    positions: bool = True
    types: bool = True
    pooler: bool = True
    embedding_size: str = ""
    projection_bias: bool = True
    shared: bool = False
    relative: Literal["", "bias", "table"] = ""


ENCODERS: dict[str, EncoderStyle] = {
    "bert": EncoderStyle("bert"),
    "roberta": EncoderStyle("roberta"),
    "xlm-roberta": EncoderStyle("roberta"),
    "camembert": EncoderStyle("roberta"),
    "distilbert": EncoderStyle("distilbert", types=False, pooler=False),
    "electra": EncoderStyle("electra", pooler=False, embedding_size="embedding_size"),
    "albert": EncoderStyle("albert", embedding_size="embedding_size", shared=True),
    "mpnet": EncoderStyle("mpnet", types=False, relative="bias"),
    "deberta-v2": EncoderStyle("deberta", positions=False, types=False, pooler=False, relative="table"),
}


def encoder_layer(
    tally: Tally, hidden: int, heads: int, inner: int, *, gated: bool = False, key_bias: bool = True
) -> None:
    """Add one layer of the original transformer: attention and feed-forward with biases, two layer norms."""
    tally.linear(hidden, hidden, bias=True)
    tally.linear(hidden, hidden, bias=key_bias)
    tally.linear(hidden, hidden, bias=True)
    tally.linear(hidden, hidden, bias=True)
    tally.attend(heads, hidden / heads)
    for _ in range(2 if gated else 1):
        tally.linear(hidden, inner, bias=True)
    tally.linear(inner, hidden, bias=True)
    tally.vector(4 * hidden)


def _relative(tally: Tally, config: Config, style: EncoderStyle, hidden: int, heads: int) -> None:
    if style.relative == "bias":
        tally.table(config.get("relative_attention_num_buckets", 32), heads)
    elif style.relative == "table" and config.flag("relative_attention", True):
        buckets = config.get("position_buckets", 256)
        tally.table(2 * buckets, hidden)
        if "layer_norm" in str(config.raw("norm_rel_ebd", "layer_norm")):
            tally.vector(2 * hidden)
        # content-to-position and position-to-content scores, per token and bucket, in every layer
        tally.macs += config.need("num_hidden_layers") * 2 * 2 * buckets * hidden


def encoder(config: Config) -> ModelFeatures:
    """Features of a text encoder without a task head.

    Parameters
    ----------
    config : Config
        Its config.json.

    Returns
    -------
    ModelFeatures
        Named by its ``model_type``.
    """
    style = ENCODERS[config.model_type]
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads, inner = config.need("num_attention_heads"), config.need("intermediate_size")
    width = config.get(style.embedding_size, hidden) if style.embedding_size else hidden
    tally = Tally()
    for _ in range(layers):
        encoder_layer(tally, hidden, heads, inner)
    if style.shared:
        tally.parameters /= layers
        tally.active = tally.parameters
    _relative(tally, config, style, hidden, heads)
    before = tally.parameters
    tally.table(config.need("vocab_size"), width)
    if style.positions:
        tally.table(config.need("max_position_embeddings"), width)
    if style.types:
        tally.table(config.get("type_vocab_size", 2), width)
    looked_up = tally.parameters - before
    tally.vector(2 * width)
    if width != hidden:
        tally.linear(width, hidden, bias=style.projection_bias)
    if style.pooler:
        tally.once(hidden, hidden)
    return ModelFeatures(
        name=config.model_type,
        family="embedding",
        architecture=style.label,
        parameters=tally.parameters,
        embedding_parameters=looked_up,
        layers=layers,
        hidden=hidden,
        calls=tally.calls,
        attention_macs_per_token_per_context=tally.pair_macs,
        default_sequence_length=DEFAULT_LENGTH,
        source="computed from config.json",
        parts=(tally.stack(Tokens()),),
    )


@dataclass(frozen=True, slots=True)
class SequenceStyle:
    """Switches of one kind of encoder-decoder.

    Attributes
    ----------
    label : str
        Pooling label.
    bias : bool
        Biases in attention and feed-forward, layer norms that shift.
    positions : int
        Rows added to the position tables, of which there is one per side; -1 if none are kept as parameters.
    relative : bool
        Relative position biases, one table per side.
    embedding_norm : bool
        A norm after the embeddings of each side.
    final_norm : bool
        A norm after each side.
    tied : bool
        Output head shared with the embedding, where the config does not say.
    """

    label: str
    bias: bool
    positions: int = -1
    relative: bool = False
    embedding_norm: bool = False
    final_norm: bool = False
    tied: bool = True


SEQUENCES: dict[str, SequenceStyle] = {
    "t5": SequenceStyle("t5", bias=False, relative=True, final_norm=True),
    "mt5": SequenceStyle("t5", bias=False, relative=True, final_norm=True, tied=False),
    "umt5": SequenceStyle("t5", bias=False, relative=True, final_norm=True, tied=False),
    "bart": SequenceStyle("bart", bias=True, positions=2, embedding_norm=True),
    "mbart": SequenceStyle("bart", bias=True, positions=2, embedding_norm=True, final_norm=True),
    "pegasus": SequenceStyle("pegasus", bias=True, positions=0, final_norm=True),
    "marian": SequenceStyle("transformer", bias=True, positions=0),
    "m2m_100": SequenceStyle("m2m", bias=True, final_norm=True),
}


@dataclass(frozen=True, slots=True)
class _Shape:
    hidden: int
    heads: int
    width: int
    inner: int
    gated: bool


def _attention(tally: Tally, shape: _Shape, bias: bool, *, cross: bool) -> None:
    """Add attention; of cross-attention the keys and values are counted where they are made, once per source token."""
    total = shape.heads * shape.width
    tally.linear(shape.hidden, total, bias)
    if not cross:
        tally.linear(shape.hidden, total, bias)
        tally.linear(shape.hidden, total, bias)
    tally.linear(total, shape.hidden, bias)
    tally.attend(shape.heads, shape.width)
    tally.vector((2 if bias else 1) * shape.hidden)
    if not cross:  # a token is cached on one side only: as source or as output
        tally.cache(2 * total)


def _feed_forward(tally: Tally, shape: _Shape, bias: bool) -> None:
    for _ in range(2 if shape.gated else 1):
        tally.linear(shape.hidden, shape.inner, bias)
    tally.linear(shape.inner, shape.hidden, bias)
    tally.vector((2 if bias else 1) * shape.hidden)


def _shapes(config: Config) -> tuple[_Shape, _Shape, int, int]:
    """Shapes of the two sides and their numbers of layers."""
    hidden, heads = config.need("hidden_size"), config.need("num_attention_heads")
    gated = "gated" in str(config.raw("feed_forward_proj", ""))
    left = _Shape(hidden, heads, config.get("d_kv", hidden // heads), config.need("intermediate_size"), gated)
    right = replace(
        left,
        heads=config.get("decoder_attention_heads", heads),
        inner=config.get("decoder_ffn_dim", left.inner),
    )
    if "d_kv" not in config.values:
        right = replace(right, width=hidden // right.heads)
    layers = config.need("num_hidden_layers")
    return left, right, layers, config.get("decoder_layers", config.get("num_decoder_layers", layers))


def encoder_decoder(config: Config) -> ModelFeatures:
    """Features of an encoder-decoder over text.

    Parameters
    ----------
    config : Config
        Its config.json.

    Returns
    -------
    ModelFeatures
        ``macs(s)`` is the encoder over ``s`` tokens, the keys and values of cross-attention, and one decoder step.
    """
    style = SEQUENCES[config.model_type]
    left, right, layers, decoder_layers = _shapes(config)
    hidden, norm = left.hidden, 2 if style.bias else 1
    vocabulary = config.need("vocab_size")
    source, cross, step = Tally(), Tally(), Tally()
    for _ in range(layers):
        _attention(source, left, style.bias, cross=False)
        _feed_forward(source, left, style.bias)
    for _ in range(decoder_layers):
        _attention(step, right, style.bias, cross=False)
        _attention(step, right, style.bias, cross=True)
        _feed_forward(step, right, style.bias)
        for _ in range(2):
            cross.linear(hidden, right.heads * right.width, style.bias)
    both = (source, step)
    for side, shape in zip(both, (left, right), strict=True):
        side.vector(norm * hidden * (style.embedding_norm + style.final_norm))
        if style.relative:
            side.table(config.get("relative_attention_num_buckets", 32), shape.heads)
    looked_up = 0.0
    if style.positions >= 0:
        rows = config.need("max_position_embeddings") + style.positions
        for side in both:
            side.table(rows, hidden)
        looked_up += 2 * rows * hidden
    step.linear(hidden, vocabulary)
    if not config.flag("tie_word_embeddings", style.tied):
        source.table(vocabulary, hidden)
        looked_up += vocabulary * hidden
    parameters = source.parameters + cross.parameters + step.parameters
    decode = step.stack(Tokens("fixed", 1), cross=Tokens())
    return ModelFeatures(
        name=config.model_type,
        family="text_generation",
        architecture=style.label,
        parameters=parameters,
        embedding_parameters=looked_up,
        layers=layers + decoder_layers,
        hidden=hidden,
        calls=source.calls + cross.calls + step.calls,
        kv_bytes_per_token_fp16=2 * step.kv_elements,
        attention_macs_per_token_per_context=step.pair_macs,
        default_sequence_length=DEFAULT_LENGTH,
        source="computed from config.json",
        parts=(source.stack(Tokens()), cross.stack(Tokens()), decode),
        decoder=decode,
    )


BUILDERS = dict.fromkeys(ENCODERS, encoder) | dict.fromkeys(SEQUENCES, encoder_decoder)
