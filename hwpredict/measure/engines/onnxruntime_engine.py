"""ONNX Runtime: one session, inputs and outputs bound once, so that a step copies nothing."""

from __future__ import annotations

from typing import Any

from hwpredict.measure.engines.engine import CannotRunError, Loaded
from hwpredict.measure.job import Job
from hwpredict.measure.synthetic import arrays

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
#: What the CPU provider has kernels for; in 16 bits it would convert back and forth and compute in fp32.
_CPU_PRECISIONS = ("fp32", "int8")


def load(job: Job) -> Loaded:
    """Load a graph.

    Parameters
    ----------
    job : Job

    Returns
    -------
    Loaded

    Raises
    ------
    CannotRunError
        No such provider, or no kernels for the precision.
    """
    import onnxruntime as ort

    provider = _PROVIDERS[job.device]
    if provider not in ort.get_available_providers():
        raise CannotRunError(f"this ONNX Runtime has no {provider}, only {', '.join(ort.get_available_providers())}")
    if job.device == "cpu" and job.precision not in _CPU_PRECISIONS:
        able = " and ".join(_CPU_PRECISIONS)
        raise CannotRunError(f"ONNX Runtime's CPU provider computes {able}, not {job.precision}")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = job.threads, 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    for name, size in job.sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    session = ort.InferenceSession(job.graph, options, providers=[provider])
    if session.get_providers()[0] != provider:
        raise CannotRunError(f"ONNX Runtime fell back from {provider} to {session.get_providers()[0]}")
    binding = session.io_binding()
    place = (job.device, 0)
    kept: list[Any] = []  # the binding holds no reference to what it is bound to
    for name, values in arrays(job.inputs, job.sizes, seed=job.seed).items():
        kept.append(ort.OrtValue.ortvalue_from_numpy(values, *place))
        binding.bind_ortvalue_input(name, kept[-1])
    for output in session.get_outputs():
        binding.bind_output(output.name, *place)

    def step() -> object:
        session.run_with_iobinding(binding)
        if job.device != "cpu":
            binding.synchronize_outputs()
        return kept

    details = {"provider": provider, "optimization": "all", "intra_op": str(job.threads), "inter_op": "1"}
    return Loaded(step, str(ort.__version__), details)
