"""Speech models: Whisper, wav2vec 2.0 and HuBERT, from their hyper-parameters."""

from __future__ import annotations

from math import prod

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.encoder import encoder_layer
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.work import Stack, Tally, Tokens
from hwpredict.errors import InvalidWorkloadError

#: Frames of 20 ms in ten seconds: the length assumed of a recording when none is given.
DEFAULT_FRAMES = 500


def whisper(config: Config) -> ModelFeatures:
    """Features of Whisper.

    Parameters
    ----------
    config : Config
        Its config.json.

    Returns
    -------
    ModelFeatures
        ``macs()`` is the encoder over one window of 30 s; ``macs_per_token`` a step of the decoder, whose context is
        the text so far: the attention to the 1500 frames is the same for every window.
    """
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads, inner = config.need("encoder_attention_heads"), config.need("encoder_ffn_dim")
    decoder_layers = config.need("decoder_layers")
    decoder_heads, decoder_inner = config.need("decoder_attention_heads"), config.need("decoder_ffn_dim")
    frames, bins = config.get("max_source_positions", 1500), config.get("num_mel_bins", 80)
    source, step = Tally(), Tally()
    for _ in range(layers):
        encoder_layer(source, hidden, heads, inner, key_bias=False)
    source.linear(3 * bins, hidden, bias=True, used=1)
    source.linear(3 * hidden, hidden, bias=True)
    source.macs += 3 * bins * hidden  # the first convolution runs at twice the frame rate
    source.outputs += hidden
    source.vector(2 * hidden)
    source.table(frames, hidden)
    for _ in range(decoder_layers):
        encoder_layer(step, hidden, decoder_heads, decoder_inner, key_bias=False)
    self_pairs = step.pair_macs, step.pair_outputs
    cross = Tally()
    for _ in range(decoder_layers):
        step.linear(hidden, hidden, bias=True)
        step.linear(hidden, hidden, bias=True)
        step.vector(2 * hidden)
        cross.linear(hidden, hidden)
        cross.linear(hidden, hidden, bias=True)
        step.macs += 2 * hidden * frames
        step.outputs += decoder_heads * frames + hidden
        step.calls += 2
    positions, vocabulary = config.get("max_target_positions", 448), config.need("vocab_size")
    step.table(positions, hidden)
    step.vector(2 * hidden)
    step.linear(hidden, vocabulary)
    decode = Stack(step.macs, step.outputs, *self_pairs, tokens=Tokens())
    window = Tokens("fixed", frames)
    return ModelFeatures(
        name="whisper",
        family="audio",
        architecture="whisper",
        parameters=source.parameters + cross.parameters + step.parameters,
        embedding_parameters=float((positions + frames) * hidden),
        layers=layers + decoder_layers,
        hidden=hidden,
        calls=source.calls,
        kv_bytes_per_token_fp16=4.0 * decoder_layers * hidden,
        attention_macs_per_token_per_context=step.pair_macs,
        default_sequence_length=frames,
        source="computed from config.json",
        parts=(source.stack(window),),
        decoder=decode,
    )


def speech_encoder(config: Config) -> ModelFeatures:
    """Features of wav2vec 2.0 and HuBERT without a task head.

    Parameters
    ----------
    config : Config
        Its config.json.

    Returns
    -------
    ModelFeatures
        A token is a frame of 20 ms (320 samples at 16 kHz).
    """
    hidden, layers = config.need("hidden_size"), config.need("num_hidden_layers")
    heads, inner = config.need("num_attention_heads"), config.need("intermediate_size")
    widths, kernels = config.numbers("conv_dim"), config.numbers("conv_kernel")
    strides = config.numbers("conv_stride")
    if not len(widths) == len(kernels) == len(strides):
        raise InvalidWorkloadError(f"{config.where}: 'conv_dim', 'conv_kernel' and 'conv_stride' differ in length")
    tally = Tally()
    for _ in range(layers):
        encoder_layer(tally, hidden, heads, inner)
    group_norm = config.raw("feat_extract_norm", "group") == "group"
    before, rate = 1, float(prod(strides))  # outputs of each convolution per frame of the last one
    for index, (width, kernel, stride) in enumerate(zip(widths, kernels, strides, strict=True)):
        rate /= stride
        size = before * width * kernel
        tally.vector(size + (width if config.flag("conv_bias", False) else 0))
        tally.macs += rate * size
        tally.outputs += rate * width
        tally.calls += 1
        if not group_norm or index == 0:
            tally.vector(2 * width)
        before = width
    if config.flag("feat_proj_layer_norm", True):
        tally.vector(2 * before)
    tally.linear(before, hidden, bias=True)
    kernel = config.get("num_conv_pos_embeddings", 128)
    groups = max(1, config.get("num_conv_pos_embedding_groups", 16))
    tally.linear(hidden * kernel / groups, hidden, bias=True)
    tally.vector(kernel, 2 * hidden, hidden)  # weight norm, norm of the encoder, mask embedding
    return ModelFeatures(
        name=config.model_type,
        family="audio",
        architecture=config.model_type,
        parameters=tally.parameters,
        layers=layers,
        hidden=hidden,
        calls=tally.calls,
        attention_macs_per_token_per_context=tally.pair_macs,
        default_sequence_length=DEFAULT_FRAMES,
        source="computed from config.json",
        parts=(tally.stack(Tokens()),),
    )


BUILDERS = {"whisper": whisper, "wav2vec2": speech_encoder, "hubert": speech_encoder}
