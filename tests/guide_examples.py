"""Every example of the guide, as printed but for the names of the program and of the modules.

``test_guide_examples.py`` holds them to the guide, where it is beside this checkout, and runs each.
"""

from __future__ import annotations

#: Command lines without the program's name.
RECOMMEND = "--model bert-base-uncased --batch-size 8"
AMONG = "--model t5-small --hardware cuda cpu --precision fp16"
TRAINING = "--model gpt2 --mode training --batch-size 32"
MATRIX = "--generate-matrix --output-file matrix.json"
MATRIX_AMONG = "--generate-matrix --hardware cuda cpu --output-file matrix.json"
FIGURES = "--generate-matrix --visualize --output-dir visualizations"
DETECT = "--detect-hardware"
DETECT_AND_RECOMMEND = "--detect-hardware --model gpt2 --batch-size 32"
DISTRIBUTED = "--model llama-7b --mode training --distributed --gpu-count 8"
WEB = "--model bert-base-uncased --hardware webnn webgpu"

COMMANDS = (
    RECOMMEND, AMONG, TRAINING, MATRIX, MATRIX_AMONG, FIGURES, DETECT, DETECT_AND_RECOMMEND, DISTRIBUTED, WEB,
)  # fmt: skip

FIRST_SNIPPET = """\
from hwpredict import HardwareModelPredictor

# Initialize predictor
predictor = HardwareModelPredictor(
    benchmark_dir="./benchmark_results",
    database_path="./benchmark_db.duckdb",
    config_path="./config.json"
)

# Get hardware recommendation
recommendation = predictor.predict_optimal_hardware(
    model_name="bert-base-uncased",
    model_family="embedding",
    batch_size=8,
    sequence_length=128,
    mode="inference",
    precision="fp32"
)

# Print recommendation
print(f"Primary recommendation: {recommendation['primary_recommendation']}")
print(f"Fallback options: {recommendation['fallback_options']}")
print(f"Explanation: {recommendation['explanation']}")

# Get performance prediction for specific hardware
performance = predictor.predict_performance(
    model_name="bert-base-uncased",
    model_family="embedding",
    hardware="cuda",
    batch_size=8,
    precision="fp32"
)

# Print performance metrics
hw = "cuda"
if hw in performance["predictions"]:
    pred = performance["predictions"][hw]
    print(f"Throughput: {pred.get('throughput', 'N/A'):.2f} items/sec")
    print(f"Latency: {pred.get('latency', 'N/A'):.2f} ms")
    print(f"Memory Usage: {pred.get('memory_usage', 'N/A'):.2f} MB")
"""

MATRIX_SNIPPET = """\
# Define custom models to test
models = [
    {"name": "bert-base-uncased", "family": "embedding"},
    {"name": "t5-small", "family": "text_generation"},
    {"name": "gpt2", "family": "text_generation"},
    {"name": "vit-base-patch16-224", "family": "vision"}
]

# Define hardware platforms and batch sizes
hardware_platforms = ["cuda", "cpu", "openvino"]
batch_sizes = [1, 16, 64]

# Generate prediction matrix
matrix = predictor.create_hardware_prediction_matrix(
    models=models,
    batch_sizes=batch_sizes,
    hardware_platforms=hardware_platforms,
    precision="fp16",
    mode="inference"
)

# Save matrix to file
import json
with open("custom_matrix.json", "w") as f:
    json.dump(matrix, f, indent=2)

# Generate visualizations
visualization_files = predictor.visualize_matrix(matrix, "visualizations")
"""

DATABASE_SNIPPET = """\
# Connect predictor to database
predictor = HardwareModelPredictor(database_path="./benchmark_db.duckdb")

# Use database as data source for predictions
recommendation = predictor.predict_optimal_hardware(
    model_name="bert-base-uncased",
    model_family="embedding"
)
"""

TRAINING_SNIPPET = """\
from hwpredict import train_prediction_models

# Train custom models on specific data
custom_models = train_prediction_models(
    db_path="./my_benchmark_data.parquet",
    output_dir="./my_models"
)

# Use custom models with predictor
predictor = HardwareModelPredictor()
predictor.prediction_models = custom_models

# Make predictions with custom models
recommendation = predictor.predict_optimal_hardware(...)
"""

DISTRIBUTED_SNIPPET = """\
# Programmatic configuration
recommendation = predictor.predict_optimal_hardware(
    model_name="llama-7b",
    model_family="text_generation",
    mode="training",
    batch_size=32,
    is_distributed=True,
    gpu_count=8
)
"""

WEB_SNIPPET = """\
# Check compatibility for web platforms
recommendation = predictor.predict_optimal_hardware(
    model_name="bert-base-uncased",
    model_family="embedding",
    available_hardware=["webnn", "webgpu", "cpu"]
)

# Get browser-specific recommendations
performance = predictor.predict_performance(
    model_name="bert-base-uncased",
    model_family="embedding",
    hardware=["webnn", "webgpu"],
    precision="fp16"
)
"""

SNIPPETS = (FIRST_SNIPPET, MATRIX_SNIPPET, DATABASE_SNIPPET, TRAINING_SNIPPET, DISTRIBUTED_SNIPPET, WEB_SNIPPET)

#: What the program and the modules are called in the guide, and here.
RENAMED = {
    "python hardware_model_predictor.py ": "",
    "from hardware_model_predictor import": "from hwpredict import",
    "from model_performance_predictor import": "from hwpredict import",
}

#: The guide's prediction matrix as printed, a sample of its format.
MATRIX_KEYS = ("timestamp", "mode", "models", "hardware_platforms", "batch_sizes", "precision_options")
MODEL_KEYS = ("name", "category", "predictions")
CELL_KEYS = ("throughput", "latency_mean", "memory_usage")
