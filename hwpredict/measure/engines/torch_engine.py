"""PyTorch in eager mode: the model from transformers by its hyper-parameters, with the random weights of its class."""

from __future__ import annotations

from inspect import signature
from typing import Any

from hwpredict.measure.engines.engine import CannotRunError, Loaded
from hwpredict.measure.job import Job
from hwpredict.workload import Item

_TYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
#: Class of transformers that builds the models of an item.
_CLASSES = {Item.IMAGE: "AutoModelForImageClassification", Item.SEQUENCE: "AutoModel"}
#: Share by which the parameters of what was built may be off those of the catalog.
_TOLERANCE = 0.01


def load(job: Job) -> Loaded:
    """Build a model.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Loaded

    Raises
    ------
    CannotRunError
        No such device, no such number format, no transformers to build the model from, or it builds another model.
    """
    import torch

    if job.precision not in _TYPES:
        raise CannotRunError(f"PyTorch in eager mode computes {', '.join(_TYPES)}, not {job.precision}")
    if job.device == "cuda" and not torch.cuda.is_available():
        raise CannotRunError("this PyTorch finds no CUDA device")
    if job.device == "mps" and not torch.backends.mps.is_available():
        raise CannotRunError("this PyTorch finds no Metal device")
    torch.set_num_threads(job.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(job.seed)
    place = {"device": torch.device(job.device), "dtype": getattr(torch, _TYPES[job.precision])}
    generates = job.item in (Item.TOKEN_DECODE, Item.TOKEN_PREFILL)
    step = (_decoder if generates else _forward)(job, torch, place)
    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(job.device, lambda: None)

    def timed() -> None:
        with torch.inference_mode():
            step()
        wait()

    def memory() -> float | None:
        return torch.cuda.max_memory_allocated() / 1e6 if job.device == "cuda" else None

    details = {"threads": str(torch.get_num_threads()), "transformers": _transformers().__version__}
    return Loaded(timed, str(torch.__version__), details, memory)


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise CannotRunError("transformers is not installed: pip install 'hwpredict[torch]'") from error
    return transformers


def _build(job: Job, kind: str, place: dict[str, Any]) -> Any:
    library = _transformers()
    values = dict(job.config)
    if kind == "AutoModelForImageClassification":
        values.setdefault("num_labels", 1000)
    if values.get("model_type") == "vit":  # the default of transformers is that of the base model, whatever the width
        values.setdefault("intermediate_size", int(values["hidden_size"] * values.get("mlp_ratio", 4)))
    config = library.AutoConfig.for_model(**values)
    config.dtype = place["dtype"]  # built in the format, not converted: the peak would be that of float32
    model = getattr(library, kind).from_config(config)
    built = sum(weights.numel() for weights in model.parameters())
    if job.parameters and abs(built / job.parameters - 1) > _TOLERANCE:
        raise CannotRunError(
            f"transformers {library.__version__} builds {job.model} with {built:,} parameters, where the catalog has "
            f"{job.parameters:,}: measure it with onnxruntime or openvino"
        )
    return model.to(**place).eval()


def _forward(job: Job, torch: Any, place: dict[str, Any]) -> Any:
    """One forward pass of a batch of texts or images."""
    item = Item(job.item)
    model = _build(job, _CLASSES[item], place)
    if item is Item.IMAGE:
        side = model.config.image_size if hasattr(model.config, "image_size") else 224
        pixels = torch.randn(job.sizes["batch"], 3, side, side, **place)
        return lambda: model(pixel_values=pixels)
    ids = torch.randint(0, model.config.vocab_size, (job.sizes["batch"], job.sizes["sequence"]), device=place["device"])
    mask = torch.ones_like(ids)
    return lambda: model(input_ids=ids, attention_mask=mask)


def _decoder(job: Job, torch: Any, place: dict[str, Any]) -> Any:
    """Prefill of a prompt, or one decode step on a cache that is cut back to its length after every step."""
    model = _build(job, "AutoModelForCausalLM", place)
    batch, decode = job.sizes["batch"], job.item == Item.TOKEN_DECODE
    length = job.sizes["context" if decode else "sequence"]
    prompt = torch.randint(0, model.config.vocab_size, (batch, length), device=place["device"])
    if not decode:
        return lambda: model(input_ids=prompt, use_cache=True, logits_to_keep=1)
    name = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"  # renamed in transformers 5
    with torch.inference_mode():
        cache = model(input_ids=prompt, use_cache=True, logits_to_keep=1)[name]
    token = prompt[:, -1:]

    def step() -> None:
        model(input_ids=token, use_cache=True, **{name: cache})
        cache.crop(-1)  # by how much, not to what length: transformers 5 refuses the latter

    return step
