"""Networks as ONNX graphs with random weights, built from hyper-parameters: no framework and no download needed."""
