"""OpenVINO: one synchronous infer request, one stream, static shapes, latency hint."""

from __future__ import annotations

from hwpredict.measure.engines.engine import CannotRunError, Loaded
from hwpredict.measure.job import Job
from hwpredict.measure.synthetic import arrays, shape

#: Precision → inference precision hint, and the capability that a device must state for it.
_HINTS = {"fp32": ("f32", "FP32"), "fp16": ("f16", "FP16"), "bf16": ("bf16", "BF16"), "int8": ("f32", "INT8")}


def load(job: Job) -> Loaded:
    """Compile a graph.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Loaded

    Raises
    ------
    CannotRunError
        No such device, or it does not compute in that precision.
    """
    import openvino as ov

    core, device = ov.Core(), job.device.upper()
    if device not in core.available_devices:
        raise CannotRunError(f"OpenVINO finds no {device}, only {', '.join(core.available_devices)}")
    known = list(core.get_property(device, "OPTIMIZATION_CAPABILITIES"))
    if job.precision not in _HINTS:
        raise CannotRunError(f"OpenVINO has no {job.precision}: give {', '.join(_HINTS)}")
    hint, capability = _HINTS[job.precision]
    if capability not in known:
        raise CannotRunError(f"OpenVINO's {device} computes {', '.join(known)} here, not {capability}")
    if device == "GPU" and job.precision == "int8":
        hint = "f16"  # what is not quantised runs in the GPU's own format
    model = core.read_model(job.graph)
    model.reshape({i.name: list(shape(i, job.sizes)) for i in job.inputs})
    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": hint}
    if device == "CPU":
        settings["INFERENCE_NUM_THREADS"] = str(job.threads)
    compiled = core.compile_model(model, device, settings)
    request = compiled.create_infer_request()
    for name, values in arrays(job.inputs, job.sizes, seed=job.seed).items():
        request.set_tensor(name, ov.Tensor(values))
    details = {name.lower(): str(value) for name, value in settings.items()}
    details["executed_precision"] = str(compiled.get_property("INFERENCE_PRECISION_HINT"))
    return Loaded(request.infer, str(ov.__version__).partition("-")[0], details)
