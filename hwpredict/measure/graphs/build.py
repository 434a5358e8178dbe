"""From the name of a model to its graph."""

from __future__ import annotations

from pathlib import Path

from hwpredict.catalog.architectures.config import Config
from hwpredict.catalog.models import hyperparameters
from hwpredict.errors import InvalidWorkloadError
from hwpredict.measure.graphs import decoder, encoder, resnet, vit
from hwpredict.measure.graphs.builder import Graph
from hwpredict.workload import Item

#: What one step of each kind of model is counted in: the first is the usual one.
ITEMS: dict[str, tuple[Item, ...]] = {
    **dict.fromkeys(encoder.KINDS, (Item.SEQUENCE,)),
    **dict.fromkeys(decoder.KINDS, (Item.TOKEN_DECODE, Item.TOKEN_PREFILL)),
    **dict.fromkeys((*resnet.KINDS, *vit.KINDS), (Item.IMAGE,)),
}


def config_of(model: str) -> Config:
    """Hyper-parameters of a model that a graph can be built of.

    Parameters
    ----------
    model : str

    Returns
    -------
    Config

    Raises
    ------
    UnknownNameError
        The catalog does not know the model.
    InvalidWorkloadError
        It has no hyper-parameters of it, or there is no graph of its kind.
    """
    config = Config(hyperparameters(model), model)
    if config.model_type not in ITEMS:
        known = ", ".join(sorted(ITEMS))
        raise InvalidWorkloadError(f"{model} is a {config.model_type}; graphs can be built of {known}")
    return config


def build_graph(model: str, item: str, directory: Path, dtype: str = "float32") -> Graph:
    """Build the graph of a model with random weights.

    Parameters
    ----------
    model : str
    item : str
        What a step is, one of :data:`ITEMS` of the model's kind.
    directory : path
        Of its own: graph and weights go there.
    dtype : {"float32", "float16", "bfloat16"}

    Returns
    -------
    Graph
    """
    config = config_of(model)
    kind = config.model_type
    if kind in encoder.KINDS:
        return encoder.encoder(config, directory, dtype)
    if kind in decoder.KINDS:
        return decoder.decoder(config, directory, dtype, decode=item == Item.TOKEN_DECODE)
    return (resnet.resnet if kind in resnet.KINDS else vit.vit)(config, directory, dtype)
