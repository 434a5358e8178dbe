"""The features of a model: what a roofline needs to know about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from hwpredict.catalog.architectures.work import NAN, Part, Size, Stack, total_macs, total_outputs
from hwpredict.errors import InvalidWorkloadError


@dataclass(frozen=True, slots=True)
class ModelFeatures:
    """Features of one model, computed from its hyper-parameters or taken from a published table.

    Attributes
    ----------
    name : str
        Canonical name.
    family : str
        Value of :class:`hwpredict.workload.Family`.
    architecture : str
        Label under which effects are pooled ("resnet", "llama", "bert").
    parameters : float
        All parameters, embedding tables included; a tied output head is counted once.
    active_parameters : float
        Parameters that act on one token: fewer than all in a mixture of experts.
    embedding_parameters : float
        Token and position tables that are looked up, not multiplied. A table that is also the output head is multiplied
        and therefore not in here. 0 for convolutional networks.
    layers : int
        Blocks of a transformer (encoder and decoder together), weight layers of anything else; 0 if not known.
    hidden : int
        Width of a transformer, or of the last feature map; 0 if not known.
    calls : int
        Convolutions and matrix products launched per forward pass, attention products included; 0 if not known.
    kv_bytes_per_token_fp16 : float
        Bytes that one token adds to the key-value cache at 16 bits; layers with a sliding window are counted in full.
    kv_windows : tuple of (int, float)
        Of these, the bytes of layers with a sliding window, by window (tokens): see :meth:`kv_bytes`.
    vocabulary : int
        Logits that a language model's head gives per token; 0 for any other model.
    attention_macs_per_token_per_context : float
        MACs of attention per token and context token, of layers without a window.
    default_input_size : int or None
        Side of the image the model is made for, pixels (of the square of equal area, if it is not square).
    default_sequence_length : int or None
        Length assumed when none is given, tokens (audio frames of 20 ms for speech encoders).
    network : str
        Name of the network, which models that were merely trained further share: what runs is the same. By default the
        model's own name.
    source : str
        Where the hyper-parameters or the figures come from.
    parts : tuple of Stack or Picture
        The work of one forward pass. Empty if nothing is known about it.
    decoder : Stack or None
        The work of one decode step, where the model generates.
    """

    name: str
    family: str
    architecture: str
    parameters: float
    active_parameters: float = NAN
    embedding_parameters: float = 0.0
    layers: int = 0
    hidden: int = 0
    calls: int = 0
    kv_bytes_per_token_fp16: float = 0.0
    kv_windows: tuple[tuple[int, float], ...] = ()
    vocabulary: int = 0
    attention_macs_per_token_per_context: float = 0.0
    default_input_size: int | None = None
    default_sequence_length: int | None = None
    network: str = ""
    source: str = ""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    decoder: Stack | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if math.isnan(self.active_parameters):
            object.__setattr__(self, "active_parameters", self.parameters)
        if not self.network:
            object.__setattr__(self, "network", self.name)

    def _sizes(self, sequence_length: float | None, input_size: Size | None) -> tuple[float, Size]:
        length = self.default_sequence_length or 1 if sequence_length is None else sequence_length
        size = self.default_input_size or 1 if input_size is None else input_size
        sides = size if isinstance(size, tuple) else (size,)
        if not all(0 < value < math.inf for value in (length, *sides)):
            given = f"sequence_length={sequence_length!r}, input_size={input_size!r}"
            raise InvalidWorkloadError(f"lengths and sizes must be positive, not {given}")
        return length, size

    def macs(self, sequence_length: float | None = None, input_size: Size | None = None) -> float:
        """Multiply-accumulates of the forward pass of one item.

        Parameters
        ----------
        sequence_length : float, optional
            Tokens of the sequence; by default the model's own. Ignored by models of images alone.
        input_size : int or (int, int), optional
            Side, or height and width, of the image in pixels; by default the model's own. Ignored by models of text.

        Returns
        -------
        float
            MACs; not a number if they are not known. An item is

            - one image, at that size; one denoising step of a diffusion model, without guidance or decoder;
            - one sequence: every token through every layer, attention over the whole square of the sequence (not its
              causal half), and the output head, where there is one, at every token;
            - encoder-decoder (T5, BART): the encoder over the sequence, then the first step of the decoder;
            - Whisper: the encoder over one window of 30 s (1500 frames), whatever the length;
            - CLIP: one image and one text of ``sequence_length`` tokens; LLaVA: one image and a prompt.
        """
        return total_macs(self.parts, *self._sizes(sequence_length, input_size))

    def activations(
        self, sequence_length: float | None = None, input_size: Size | None = None, *, fused: bool = False
    ) -> float:
        """Elements written by convolutions and matrix products in the forward pass of one item.

        Parameters
        ----------
        sequence_length, input_size
            As in :meth:`macs`. Activations grow linearly with the length or the area, and with its square where
            attention scores are.
        fused : bool
            Whether attention over tokens is fused, so that its scores are never written.

        Returns
        -------
        float
            Elements, by timm's definition (scores and weighted values of attention included); not a number if they are
            not known.
        """
        parts = tuple(part.fused() if fused and isinstance(part, Stack) else part for part in self.parts)
        return total_outputs(parts, *self._sizes(sequence_length, input_size))

    def macs_per_token(self, context: float = 0) -> float:
        """Multiply-accumulates of one decode step of one sequence.

        Parameters
        ----------
        context : float
            Tokens attended to (of prompt and output, and for an encoder-decoder of the source), tokens.

        Returns
        -------
        float
            MACs, output head included; not a number for a model without tokens.
        """
        if not context >= 0:
            raise InvalidWorkloadError(f"context must be at least 0 tokens, not {context!r}")
        if self.decoder is not None:
            return self.decoder.step_macs(context)
        stacks = [p for p in self.parts if isinstance(p, Stack) and p.tokens.kind == "sequence"]
        return sum(s.step_macs(context) for s in stacks) if stacks else NAN

    def kv_bytes(self, context: float) -> float:
        """Key-value cache of one sequence at 16 bits.

        Parameters
        ----------
        context : float
            Tokens in the cache.

        Returns
        -------
        float
            Bytes; a layer with a sliding window keeps no more tokens than its window. 0 if not known.
        """
        outside = sum(size * max(context - window, 0.0) for window, size in self.kv_windows)
        return self.kv_bytes_per_token_fp16 * context - outside

    def named(self, name: str) -> ModelFeatures:
        """Another model with the same network (a fine-tune)."""
        return replace(self, name=name)
