"""Static 8-bit quantisation with ONNX Runtime's own tool (QDQ): convolutions per channel, all else per tensor.

ONNX Runtime and OpenVINO both turn the pairs of QuantizeLinear and DequantizeLinear into their 8-bit kernels, so one
graph serves both. The ranges come from random inputs: they decide accuracy, of which random weights have none, not
speed.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwpredict.measure.graphs.builder import Graph
from hwpredict.measure.synthetic import arrays

#: Operators with 8-bit kernels that matter: the products; in a convolutional network also what lies between them.
_PRODUCTS = ("Conv", "MatMul", "Gemm")
_BETWEEN = ("Add", "MaxPool", "GlobalAveragePool")
#: Sizes of the calibration inputs.
_SIZES = {"batch": 1, "sequence": 32, "context": 32}
_CALIBRATION_BATCHES = 2


def quantize(graph: Graph, directory: Path) -> Graph:
    """Quantise a float32 graph.

    Parameters
    ----------
    graph : Graph
    directory : path
        Where the new graph goes.

    Returns
    -------
    Graph
        With the same inputs.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc] # the base class is not typed
        def __init__(self) -> None:
            self._left = iter(range(_CALIBRATION_BATCHES))

        def get_next(self) -> dict[str, Any] | None:
            seed = next(self._left, None)
            return None if seed is None else arrays(graph.inputs, _SIZES, seed=seed)

    directory.mkdir(parents=True, exist_ok=True)
    folded, target = directory / "folded.onnx", directory / "model.onnx"
    logging.getLogger().addFilter(_quiet)
    try:
        quant_pre_process(  # folds batch norms into convolutions
            graph.path, str(folded), skip_symbolic_shape=True, save_as_external_data=True, all_tensors_to_one_file=True
        )
        convolutional = "resnet" in directory.name
        quantize_static(
            str(folded),
            str(target),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*_PRODUCTS, *(_BETWEEN if convolutional else ())],
            per_channel=convolutional,  # of a vocabulary of 50,000 columns it would take a minute, and run no slower
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            use_external_data_format=True,
        )
    finally:
        logging.getLogger().removeFilter(_quiet)
    for path in directory.iterdir():  # the float32 graph in between
        if not path.name.startswith(target.name):
            path.unlink()
    return replace(graph, path=str(target))


def _quiet(record: logging.LogRecord) -> bool:
    """The tool advises through the root logger to do what is done here."""
    return "pre-processing" not in record.getMessage()
