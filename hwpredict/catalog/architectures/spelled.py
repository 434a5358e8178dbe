"""Hyper-parameters of image models whose names spell them: ResNet by its depth, ViT by its size and patches.

Sources: He et al. 2015, table 1 (ResNet-18 to 152); timm's ``resnet26``; Dosovitskiy et al. 2021, table 1 (ViT-B, L
and H); Touvron et al. 2021, table 1 (DeiT-Ti and S, which timm's ``vit_tiny`` and ``vit_small`` follow).
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # known to type checkers; importing typing takes longer than all else here
if TYPE_CHECKING:
    from typing import Any

#: Blocks per stage, and whether a block is a bottleneck.
_RESNETS: dict[str, tuple[tuple[int, ...], bool]] = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet26": ((2, 2, 2, 2), True),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
    "resnet152": ((3, 8, 36, 3), True),
}
#: Width, heads, layers.
_VITS = {
    "tiny": (192, 3, 12),
    "small": (384, 6, 12),
    "base": (768, 12, 12),
    "large": (1024, 16, 24),
    "huge": (1280, 16, 32),
}
_VIT = re.compile(r"(?:vit|deit)_(tiny|small|base|large|huge)_patch(\d+)_(\d+)")


def spelled(name: str) -> dict[str, Any] | None:
    """Keys of a config.json from the canonical name of a ResNet or a ViT.

    Parameters
    ----------
    name : str
        ``resnet50``, ``vit_base_patch16_224``, ``deit_tiny_patch16_224``.

    Returns
    -------
    dict or None
        None if the name spells neither.

    Examples
    --------
    >>> spelled("vit_small_patch16_224")["hidden_size"]
    384
    """
    if name in _RESNETS:
        depths, bottleneck = _RESNETS[name]
        widths = [256, 512, 1024, 2048] if bottleneck else [64, 128, 256, 512]
        kind = "bottleneck" if bottleneck else "basic"
        return {"model_type": "resnet", "depths": list(depths), "hidden_sizes": widths, "layer_type": kind}
    if found := _VIT.fullmatch(name):
        hidden, heads, layers = _VITS[found[1]]
        return {
            "model_type": "vit",
            "hidden_size": hidden,
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "patch_size": int(found[2]),
            "image_size": int(found[3]),
        }
    return None
