"""Models of images and text together: CLIP, SigLIP, LLaVA, from their hyper-parameters."""

from __future__ import annotations

from dataclasses import replace

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.architectures.decoder import BUILDERS as LANGUAGE_MODELS
from hwpredict.catalog.architectures.encoder import encoder_layer
from hwpredict.catalog.architectures.features import ModelFeatures
from hwpredict.catalog.architectures.vision import image_size, patch_tower
from hwpredict.catalog.architectures.work import Stack, Tally, Tokens
from hwpredict.errors import unknown


def _text_tower(tally: Tally, config: Config) -> None:
    hidden, heads = config.need("hidden_size"), config.need("num_attention_heads")
    for _ in range(config.need("num_hidden_layers")):
        encoder_layer(tally, hidden, heads, config.need("intermediate_size"))
    tally.table(config.need("vocab_size"), hidden)
    tally.table(config.need("max_position_embeddings"), hidden)
    tally.vector(2 * hidden)


def _image_tower(tally: Tally, config: Config, *, siglip: bool) -> Tokens:
    """Add the vision side: CLIP has a class token and norms before and after, SigLIP a pooling attention."""
    if not siglip:
        return patch_tower(tally, config, extra=1, patch_bias=False, norms=2)
    tokens = patch_tower(tally, config, extra=0, norms=1)
    hidden, inner = config.need("hidden_size"), config.need("intermediate_size")
    tally.linear(hidden, 2 * hidden, bias=True)  # keys and values of the pooling attention
    tally.once(hidden, hidden)
    tally.once(hidden, hidden)
    tally.once(hidden, inner)
    tally.once(inner, hidden)
    tally.vector(3 * hidden)
    return tokens


def clip(config: Config) -> ModelFeatures:
    """Features of CLIP or SigLIP: an image tower and a text tower.

    Parameters
    ----------
    config : Config
        Its config.json, with ``text_config`` and ``vision_config``.

    Returns
    -------
    ModelFeatures
        An item is one image and one text.
    """
    siglip = config.model_type in {"siglip", "siglip2"}
    text, vision = Tally(), Tally()
    text_config, vision_config = config.part("text_config"), config.part("vision_config")
    _text_tower(text, text_config)
    tokens = _image_tower(vision, vision_config, siglip=siglip)
    width = text_config.need("hidden_size")
    joint = config.get("projection_dim", 512)
    if siglip:
        text.once(width, width)
        text.vector(2)
    else:
        text.once(width, joint, bias=False)
        text.vector(1)
        vision.once(vision_config.need("hidden_size"), joint, bias=False)
    length = text_config.need("max_position_embeddings")
    table = text_config.need("vocab_size") + length
    return ModelFeatures(
        name=config.model_type,
        family="multimodal",
        architecture="siglip" if siglip else "clip",
        parameters=text.parameters + vision.parameters,
        embedding_parameters=float(table * width),
        layers=text_config.need("num_hidden_layers") + vision_config.need("num_hidden_layers"),
        hidden=vision_config.need("hidden_size"),
        calls=text.calls + vision.calls,
        attention_macs_per_token_per_context=vision.pair_macs,
        default_input_size=image_size(vision_config, 224),
        default_sequence_length=length,
        source="computed from config.json",
        parts=(vision.stack(tokens), text.stack(Tokens())),
    )


def llava(config: Config) -> ModelFeatures:
    """Features of LLaVA: a CLIP image tower, a projector of two layers, a language model.

    Parameters
    ----------
    config : Config
        Its config.json, with ``text_config`` and ``vision_config``.

    Returns
    -------
    ModelFeatures
        An item is one image at the size of its tower, and a prompt of ``sequence_length`` tokens.
    """
    vision = Tally()
    vision_config, text_config = config.part("vision_config"), config.part("text_config")
    tokens = _image_tower(vision, vision_config, siglip=vision_config.raw("model_type") == "siglip_vision_model")
    kind = text_config.model_type
    if kind not in LANGUAGE_MODELS:
        raise unknown("model_type of text_config", kind, LANGUAGE_MODELS)
    text = LANGUAGE_MODELS[kind](text_config)
    width = vision_config.need("hidden_size")
    vision.linear(width, text.hidden, bias=True)
    vision.linear(text.hidden, text.hidden, bias=True)
    size = image_size(vision_config, 336)
    images = tokens.of(0, size) - tokens.count
    assert text.decoder is not None
    prompt: Stack = replace(text.decoder, tokens=Tokens("sequence", images))
    return replace(
        text,
        name=config.model_type,
        family="multimodal",
        architecture="llava",
        parameters=text.parameters + vision.parameters,
        active_parameters=text.active_parameters + vision.parameters,
        layers=text.layers + vision_config.need("num_hidden_layers"),
        calls=text.calls + vision.calls,
        default_input_size=size,
        default_sequence_length=64,
        parts=(vision.stack(tokens), prompt),
    )


BUILDERS = {"clip": clip, "siglip": clip, "llava": llava}
