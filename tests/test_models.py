"""The catalog of models: published figures, spellings of names, configs, scaling."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from hwpredict.catalog.architectures.rules import architecture_by_name
from hwpredict.catalog.models import (
    architecture,
    canonical,
    families_default,
    features,
    from_config,
    known,
    match,
)
from hwpredict.catalog.names import key
from hwpredict.errors import HwpredictError, InvalidWorkloadError, UnknownNameError
from hwpredict.workload import Family

DATA = Path(__file__).parents[2] / "shared" / "data" / "measurements.parquet"

# Millions of parameters, as published: model cards, papers, the size of the checkpoints.
PUBLISHED = {
    "bert-tiny": 4.386,
    "bert-base-uncased": 109.48,
    "bert-base-cased": 108.31,
    "bert-large-uncased": 335.14,
    "bert-base-multilingual-cased": 177.85,
    "roberta-base": 124.65,
    "roberta-large": 355.36,
    "xlm-roberta-base": 278.04,
    "distilbert-base-uncased": 66.36,
    "albert-base-v2": 11.68,
    "electra-small-discriminator": 13.55,
    "deberta-v3-base": 183.83,
    "all-MiniLM-L6-v2": 22.71,
    "all-MiniLM-L12-v2": 33.36,
    "all-mpnet-base-v2": 109.49,
    "bge-m3": 567.75,
    "t5-small": 60.51,
    "t5-base": 222.9,
    "t5-large": 737.67,
    "flan-t5-xl": 2849.76,
    "flan-t5-xxl": 11135.3,
    "mt0-xxl": 12921.1,
    "bart-large": 406.29,
    "distilgpt2": 81.91,
    "gpt2": 124.44,
    "gpt2-medium": 354.82,
    "gpt2-large": 774.03,
    "gpt2-xl": 1557.6,
    "gpt-j-6b": 6050.9,
    "gpt-neox-20b": 20554.6,
    "opt-125m": 125.24,
    "opt-350m": 331.2,
    "opt-30b": 29974.5,
    "opt-66b": 65719.7,
    "llama-2-7b": 6738.4,
    "llama-2-13b": 13015.9,
    "llama-2-70b": 68976.6,
    "llama-3-8b": 8030.3,
    "llama-3.1-405b": 405853.0,
    "llama-3.2-1b": 1235.8,
    "llama-4-scout-17b-16e": 107770.0,
    "tinyllama-1.1b": 1100.0,
    "mistral-7b": 7241.7,
    "mistral-small-3.1-24b": 23572.4,
    "mixtral-8x7b": 46702.8,
    "mixtral-8x22b": 140630.0,
    "qwen1.5-7b": 7721.3,
    "qwen2-7b": 7615.6,
    "qwen2.5-14b": 14770.0,
    "qwen3-0.6b": 596.05,
    "qwen3-32b": 32762.1,
    "qwen3-30b-a3b": 30532.1,
    "qwen3-235b-a22b": 235093.6,
    "qwen3-next-80b-a3b": 79674.4,
    "qwen3.5-397b-a17b": 397000.0,
    "gemma-2b": 2506.2,
    "gemma-2-9b": 9241.7,
    "gemma-3-27b": 27009.3,
    "phi-2": 2779.7,
    "phi-3-mini-4k": 3821.1,
    "falcon-7b": 6921.7,
    "falcon-40b": 41303.3,
    "mpt-7b": 6649.3,
    "bloom-560m": 559.2,
    "bloom-176b": 176247.0,
    "starcoder": 15517.5,
    "starcoder2-15b": 15957.9,
    "stablelm-3b-4e1t": 2795.4,
    "smollm3-3b": 3075.1,
    "deepseek-r1": 671026.0,
    "gpt-oss-20b": 20914.8,
    "gpt-oss-120b": 116829.2,
    "glm-4.5-air": 106852.0,
    "glm-5": 744000.0,
    "minimax-m2": 228690.0,
    "kimi-k2": 1026400.0,
    "whisper-tiny": 37.76,
    "whisper-base": 72.59,
    "whisper-small": 241.73,
    "whisper-medium": 763.86,
    "whisper-large-v2": 1543.3,
    "whisper-large-v3-turbo": 808.88,
    "wav2vec2-base": 94.4,
    "hubert-base": 94.4,
    "hubert-large": 315.4,
    "clip-vit-base-patch32": 151.28,
    "clip-vit-large-patch14": 427.6,
    "siglip-base-patch16-224": 203.16,
    "llava-1.5-7b": 7063.4,
    "vit-base-patch16-224": 86.57,
    "deit-tiny-patch16-224": 5.717,
    "swin-tiny-patch4-window7-224": 28.29,
    "convnext-tiny": 28.59,
    "resnet50": 25.557,
    "resnet152": 60.193,
    "densenet121": 7.979,
    "vgg16": 138.358,
    "efficientnet_b0": 5.289,
    "mobilenet_v2": 3.505,
    "squeezenet1_1": 1.235,
    "stable-diffusion-1.5": 859.52,
    "stable-diffusion-xl": 2567.46,
    "stable-diffusion-3.5-large": 8056.6,
    "flux.1-dev": 11901.4,
}

# GMACs of one item, as published or measured by others; with the length or size, and a tolerance.
WORK = [
    ("bert-base-uncased", {"sequence_length": 128}, 11.17, 0.01),
    ("bert-large-uncased", {"sequence_length": 512}, 167.5, 0.01),
    ("gpt2-large", {"sequence_length": 1024}, 887.3, 0.01),
    ("llama-2-7b", {"sequence_length": 256}, 1708.6, 0.01),
    ("resnet50", {}, 4.09, 0.01),
    ("resnet50", {"input_size": 288}, 6.76, 0.01),
    ("resnet50-v1", {}, 3.86, 0.01),
    ("vit-base-patch16-224", {}, 17.56, 0.01),
    ("swin-tiny-patch4-window7-224", {}, 4.5, 0.01),
    ("convnext-tiny", {}, 4.46, 0.01),
    ("mobilenet_v2", {}, 0.3008, 0.01),
    ("mobilenet-v1-0.25-128", {}, 0.0136, 0.01),
    ("efficientnet_b0", {}, 0.386, 0.01),
    ("vgg16", {}, 15.47, 0.01),
    ("whisper-base", {}, 43.68, 0.01),
    ("whisper-large-v2", {}, 1136.3, 0.01),
    ("stable-diffusion-1.5", {}, 401.6, 0.01),
    ("ssd-resnet34", {}, 216.5, 0.01),
]

ACTIVE = {
    "mixtral-8x7b": 12.9,
    "qwen3-30b-a3b": 3.35,
    "qwen3-235b-a22b": 22.2,
    "deepseek-v3": 37.6,
    "gpt-oss-20b": 4.2,
    "gpt-oss-120b": 5.7,
    "llama-4-scout-17b-16e": 17.2,
    "glm-4.5-air": 13.4,
    "nemotron-3-nano-30b-a3b": 3.6,
    "gemma-4-26b-a4b": 3.8,
}


@pytest.mark.parametrize(("name", "millions"), PUBLISHED.items())
def test_parameters_are_the_published_ones(name: str, millions: float) -> None:
    assert features(name).parameters / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize(("name", "size", "gmacs", "tolerance"), WORK)
def test_work_is_the_published_one(name: str, size: dict[str, int], gmacs: float, tolerance: float) -> None:
    assert features(name).macs(**size) / 1e9 == pytest.approx(gmacs, rel=tolerance)


@pytest.mark.parametrize(("name", "billions"), ACTIVE.items())
def test_mixtures_use_a_part_of_their_parameters(name: str, billions: float) -> None:
    found = features(name)
    assert found.active_parameters / 1e9 == pytest.approx(billions, rel=0.02)
    assert found.active_parameters < found.parameters


def test_dense_models_use_all_of_their_parameters() -> None:
    assert features("llama-3-8b").active_parameters == features("llama-3-8b").parameters


def test_activations_are_counted_as_timm_does() -> None:
    assert features("resnet50").activations() / 1e6 == pytest.approx(11.11, rel=0.01)
    assert features("vit_base_patch16_224").activations() / 1e6 == pytest.approx(23.9, rel=0.01)
    # the same transformer from its config must agree with the count of timm's
    assert from_config(VIT).activations() == pytest.approx(features("vit_base_patch16_224").activations(), rel=1e-3)


def test_cache_of_keys_and_values() -> None:
    assert features("llama-2-7b").kv_bytes_per_token_fp16 == 2 * 32 * 32 * 128 * 2
    assert features("llama-3-8b").kv_bytes_per_token_fp16 == 2 * 32 * 8 * 128 * 2
    assert features("falcon-7b").kv_bytes_per_token_fp16 == 2 * 32 * 64 * 2
    assert features("deepseek-v3").kv_bytes_per_token_fp16 == 61 * (512 + 64) * 2
    assert features("bert-base-uncased").kv_bytes_per_token_fp16 == 0


def test_layers_with_a_window_keep_no_more_than_it() -> None:
    gemma = features("gemma-3-27b")  # 62 layers, every sixth without the window of 1024 tokens
    layer = 2 * 16 * 128 * 2
    assert gemma.kv_bytes(1000) == 62 * layer * 1000 == gemma.kv_bytes_per_token_fp16 * 1000
    assert gemma.kv_bytes(100_000) == layer * (10 * 100_000 + 52 * 1024)
    llama = features("llama-3-8b")
    assert llama.kv_bytes(100_000) == llama.kv_bytes_per_token_fp16 * 100_000


def test_layers_that_share_keys_and_values_add_none() -> None:
    small = features("gemma-4-e2b")  # of 35 layers the last 20 use the cache of earlier ones; every fifth is global
    assert small.kv_bytes_per_token_fp16 == 2 * (12 * 2 * 256 + 3 * 2 * 512)
    assert small.kv_windows == ((512, 2 * 12 * 2 * 256),)
    # the model card counts 2.3 B effective parameters: without the tables that are looked up
    assert (small.parameters - small.embedding_parameters) / 1e9 == pytest.approx(2.3, rel=0.02)


def test_training_configs_of_known_detectors_are_those_detectors() -> None:
    for config, name in (
        ("yolov8_s_syncbn_fast_8xb16-500e_coco", "yolov8s"),
        ("rtmdet_tiny_8xb32-300e_coco", "rtmdet-tiny"),
        ("ppyoloe_plus_m_fast_8xb8-80e_coco", "ppyoloe-m"),
    ):
        assert canonical(config) == name
    # for larger images, and with masks, they are other networks
    for config in ("yolov5_s-p6-v62_syncbn_fast_8xb16-300e_coco", "rtmdet-ins_s_8xb32-300e_coco"):
        assert match(config) is None


def test_embeddings_are_what_is_looked_up() -> None:
    assert features("bert-base-uncased").embedding_parameters == (30522 + 512 + 2) * 768
    assert features("llama-2-7b").embedding_parameters == 32000 * 4096
    assert features("gpt2").embedding_parameters == 1024 * 768  # the token table is the output head too
    assert features("resnet50").embedding_parameters == 0


# -- lengths and sizes


@given(st.sampled_from(["gpt2", "llama-3-8b", "mixtral-8x7b", "bert-base-uncased"]), st.integers(1, 4096))
def test_a_prompt_is_its_tokens(name: str, length: int) -> None:
    found = features(name)
    once = found.parts[0].once_macs  # type: ignore[union-attr]
    assert found.macs(length) == pytest.approx(length * found.macs_per_token(length) + once)


def test_sliding_windows_bound_attention() -> None:
    gemma = features("gemma-3-27b")
    short, long, longer = (gemma.macs_per_token(c) for c in (0, 10_000, 20_000))
    assert short < long < longer
    full = gemma.attention_macs_per_token_per_context
    assert longer - long == pytest.approx(full * 10_000)  # only layers without a window still grow


@given(st.sampled_from(["resnet50", "vit_base_patch16_224", "swin_tiny_patch4_window7_224", "yolov8n"]), st.data())
def test_work_grows_with_the_image(name: str, data: st.DataObject) -> None:
    small = data.draw(st.integers(64, 1000))
    large = data.draw(st.integers(small + 1, 1100))
    found = features(name)
    # between two counted sizes, the nearer one is scaled by the pixels: at the change-over, a few percent are lost
    assert found.macs(input_size=small) < 1.05 * found.macs(input_size=large)
    assert found.macs(input_size=(small, large)) > 0


def test_images_scale_with_area_and_attention_with_its_square() -> None:
    resnet, vit = features("resnet18"), features("vit_base_patch16_224")
    assert resnet.macs(input_size=448) / resnet.macs(input_size=224) == pytest.approx(4, rel=0.01)
    assert vit.macs(input_size=448) / vit.macs(input_size=224) > 4.3
    assert from_config(VIT).macs(input_size=448) == pytest.approx(vit.macs(input_size=448), rel=0.01)


@pytest.mark.parametrize("bad", [{"sequence_length": 0}, {"sequence_length": math.nan}, {"input_size": -1}])
def test_senseless_sizes_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkloadError, match="positive"):
        features("gpt2").macs(**bad)
    with pytest.raises(InvalidWorkloadError, match="at least 0"):
        features("gpt2").macs_per_token(-1)


def test_what_is_not_known_is_not_a_number() -> None:
    assert math.isnan(features("hifigan").macs())
    assert math.isnan(features("resnet50").macs_per_token(1))


# -- names


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("facebook/opt-30b", "opt-30b"),
        ("OPT-30B", "opt-30b"),
        ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("timm/resnet50.a1_in1k", "resnet50"),
        ("ResNet-50", "resnet50"),
        ("microsoft/resnet-50", "resnet50"),
        ("google/vit-base-patch16-224", "vit_base_patch16_224"),
        ("openai/whisper-base", "whisper-base"),
        ("openai/clip-vit-base-patch32", "clip-vit-base-patch32"),
        ("sentence-transformers/all-MiniLM-L6-v2", "all-minilm-l6-v2"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-r1-distill-qwen-1.5b"),
        ("Qwen/Qwen3-30B-A3B", "qwen3-30b-a3b"),
    ],
)
def test_strict_names(spelling: str, name: str) -> None:
    assert features(spelling).name == name
    assert match(spelling) is features(spelling) or match(spelling) == features(spelling)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Qwen3-30B-A3B-UD-Q4_K_XL", "qwen3-30b-a3b"),
        ("llama-2-7b.Q4_K_M", "llama-2-7b"),
        ("Llama-2-7b-chat", "llama-2-7b"),
        ("Qwen3-235B-A22B-Instruct-2507-UD-Q3_K_XL", "qwen3-235b-a22b"),
        ("Llama 3.2 1B Instruct", "llama-3.2-1b"),
        ("llama_v3_2_1b_instruct", "llama-3.2-1b"),
        ("llama3.2:3b", "llama-3.2-3b"),
        ("shisa-v2-llama3.1-8b.i1-Q4_K_M", "shisa-v2-llama3.1-8b"),
        ("gpt-oss-20b-F16", "gpt-oss-20b"),
        ("Gemma4-26B-A4B mlx-vlm kv4", "gemma-4-26b-a4b"),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b"),
        ("qwen2_5_7b_instruct", "qwen2.5-7b"),
        ("resnet-50-pytorch", "resnet50"),
        ("resnet50-v1.5", "resnet50"),
        ("resnet-50-tf [224x224]", "resnet50"),
        ("ResNet50 V1.5 (ONNX Model Zoo)", "resnet50"),
        ("densenet-121-tf", "densenet121"),
        ("vgg16-ImageNet", "vgg16"),
        ("mobilenet-v2-1.0-224", "mobilenetv2_100"),
        ("mobilenet_v2", "mobilenetv2_100"),
        ("BERT base MRPC", "bert-base-uncased"),
        ("bert-large-squad", "bert-large-uncased"),
        ("DistilBERT base (distilbert-base-uncased)", "distilbert-base-uncased"),
        ("Stable Diffusion XL Base", "stable-diffusion-xl"),
        ("yolov5su.pt", "yolov5su"),
        ("YOLOv8_det/yolov8s", "yolov8s"),
    ],
)
def test_tolerant_names(spelling: str, name: str) -> None:
    found = match(spelling)
    assert found is not None
    assert found.name == canonical(spelling) == name


@pytest.mark.parametrize(
    "name",
    [
        "llama-2-8b",
        "llama-27b",
        "qwen3-31b",
        "gpt-oss-21b-Q4_K_M",
        "resnet51",
        "resnet50_0.5",
        "bert-large-pruned80",
        "bert-large-squad[open:Deci]",
        "yolov8s-pose2",
        "yolov5s-p2",
        "ViT_small_patch16_224",  # PaddleClas has another network of this name
        "fbnet-c100-2403",
        "nb201-1662",
        "mobilenet",
        "",
        "???",
    ],
)
def test_other_models_are_not_matched(name: str) -> None:
    assert match(name) is None


def test_a_name_keeps_its_model() -> None:
    """Models that are merely of one shape keep their names, and say which network they share."""
    zephyr, mistral = features("zephyr-7b-beta"), features("mistral-7b")
    assert zephyr.name != mistral.name
    assert zephyr.network == mistral.network
    assert features("llama-3.1-8b").network == features("llama-3-8b").network
    assert canonical("HuggingFaceH4/zephyr-7b-beta") == "zephyr-7b-beta"


def test_unknown_names_are_kept_but_tidied() -> None:
    assert canonical("Some-Org/My-Model_v2") == "my-model_v2"


def test_unknown_names_are_errors_that_help() -> None:
    with pytest.raises(UnknownNameError, match=r"bert-base-uncased.*config\.json") as error:
        features("bert-base-uncasd")
    assert "give its features" in str(error.value)


def test_every_known_name_is_found() -> None:
    for name in known():
        found = features(name)
        assert found.name == name
        assert found.source
        assert found.family in set(Family)
        assert canonical(name) == name, name
        assert not found.active_parameters > found.parameters
    assert len(known()) > 2000


def test_no_two_models_have_one_key() -> None:
    twice = [k for k, n in Counter(key(name) for name in known()).items() if n > 1]
    assert not twice


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet-v1-0.25-160",
        "mobilenet0.5",
        "mobilenet-v2-1.3-224",
        "whisper_tiny/HfWhisperEncoder",
        "an organisation / a model/",
        "x.a1_in1k.b2_in22k",
    ],
)
def test_the_name_of_a_name_is_that_name(name: str) -> None:
    assert canonical(canonical(name)) == canonical(name)


def test_widths_in_hundredths_are_not_image_sizes() -> None:
    quarter, whole = features("mobilenetv1_025"), features("mobilenetv1_100")
    assert quarter.parameters < whole.parameters / 5
    assert quarter.default_input_size == 224
    with pytest.raises(UnknownNameError):
        features("mobilenetv1_000")


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_name(name: str) -> None:
    try:
        features(name)
    except UnknownNameError:
        assert canonical(canonical(name)) == canonical(name)
    found = match(name)
    assert found is None or found.parameters > 0
    assert architecture(name)


@given(st.sampled_from(known()), st.sampled_from(["", "-Q4_K_M", " (ONNX Model Zoo)", "-tf", "-pytorch", "-int8"]))
@settings(deadline=None)
def test_suffixes_do_not_change_the_model(name: str, suffix: str) -> None:
    found = match(name.upper() + suffix if suffix else name)
    assert found is None or found.network == features(name).network or found.parameters == features(name).parameters


# -- pooling labels


@pytest.mark.parametrize(
    ("name", "family", "label"),
    [
        ("resnet50", None, "resnet"),
        ("tf_resnetv1_50_imagenet_224_224_6.97G", "vision", "resnet"),
        ("faster_rcnn_r50_fpn_1x_coco", "vision", "faster-rcnn"),
        ("ssd_mobilenet_v2_coco", "vision", "ssd"),
        ("yolo11n-seg", "vision", "yolov11"),
        ("YOLOv10/yolov10s", "vision", "yolov10"),
        ("gluon_resnext101_64x4d", "vision", "resnext"),
        ("seresnet50", "vision", "seresnet"),
        ("vit_huge_patch14_xyz", "vision", "vit"),
        ("swinv2_base_window16_256", "vision", "swinv2"),
        ("mobilenetV3_large", "vision", "mobilenetv3"),
        ("nb201-1662", "vision", "nasbench201"),
        ("ofa-mbv3-358", "vision", "ofa"),
        ("HAT-wmt14ende-1473", "text_generation", "hat"),
        ("unheard-of-llama-9b-Q4_K_M", "text_generation", "llama"),
        ("Qwen9.7-Foo", "text_generation", "qwen"),
        ("qwen3-99b-a9b", "text_generation", "qwen3-moe"),
        ("obert-large-pruned97[open:X]", "embedding", "bert"),
        ("whisper_small/HfWhisperDecoder", "audio", "whisper"),
        ("sd1.5", "multimodal", "stable-diffusion"),
        ("frobnicator_v2_large", "vision", "frobnicator"),
        ("123", None, "other"),
    ],
)
def test_labels(name: str, family: str | None, label: str) -> None:
    assert architecture(name, family) == label


def test_rules_agree_with_the_catalog() -> None:
    found = [features(name) for name in known()]
    agreeing = sum(f.architecture == architecture_by_name(f.name, f.family) for f in found)
    assert agreeing > 0.98 * len(found)


# -- configs

VIT = {
    "model_type": "vit",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "image_size": 224,
    "patch_size": 16,
}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
    "rope_theta": 500000.0,
    "torch_dtype": "bfloat16",
}
CONFIGS: list[tuple[dict[str, Any], float]] = [
    (VIT, 86.567656),
    (LLAMA, 8030.261248),
    (
        {"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257},
        124.4398,
    ),
    (
        {
            "model_type": "swin",
            "embed_dim": 96,
            "depths": [2, 2, 6, 2],
            "num_heads": [3, 6, 12, 24],
            "window_size": 7,
            "image_size": 224,
            "patch_size": 4,
            "mlp_ratio": 4.0,
        },
        28.288354,
    ),
    (
        {"model_type": "convnext", "depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768], "patch_size": 4},
        28.589128,
    ),
    ({"model_type": "convnextv2", "depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]}, 28.635496),
    ({"model_type": "resnet", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048]}, 25.557032),
    (
        {"model_type": "resnet", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"},
        11.689512,
    ),
    (
        {
            "model_type": "deit",
            "hidden_size": 192,
            "num_hidden_layers": 12,
            "num_attention_heads": 3,
            "intermediate_size": 768,
            "patch_size": 16,
        },
        5.7174 + 2 * 192 / 1e6,  # the distillation token and its position
    ),
    (
        {  # as llava-hf/llava-1.5-7b-hf saves it: nested configs without their defaults
            "model_type": "llava",
            "text_config": {"model_type": "llama", "vocab_size": 32064},
            "vision_config": {
                "model_type": "clip_vision_model",
                "hidden_size": 1024,
                "intermediate_size": 4096,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "image_size": 336,
                "patch_size": 14,
            },
        },
        7063.427,
    ),
    (
        {
            "model_type": "gemma3",
            "text_config": {
                "model_type": "gemma3_text",
                "hidden_size": 2560,
                "intermediate_size": 10240,
                "num_hidden_layers": 34,
                "sliding_window": 1024,
            },
            "vision_config": {},
        },
        3880.263,
    ),
]


@pytest.mark.parametrize(("config", "millions"), CONFIGS, ids=lambda v: v["model_type"] if isinstance(v, dict) else "")
def test_parameters_from_a_config(config: dict[str, Any], millions: float) -> None:
    assert from_config(config).parameters / 1e6 == pytest.approx(millions, rel=1e-4)


def test_work_of_a_config_agrees_with_the_counted_network() -> None:
    for config, name in (
        (CONFIGS[3][0], "swin_tiny_patch4_window7_224"),
        (CONFIGS[4][0], "convnext_tiny"),
        (CONFIGS[6][0], "resnet50"),
    ):
        assert from_config(config).macs() == pytest.approx(features(name).macs(), rel=0.005)
        assert from_config(config).activations() == pytest.approx(features(name).activations(), rel=0.005)


def test_a_config_can_be_a_file_or_its_directory(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"_name_or_path": "me/My-Llama", **LLAMA}))
    for path in (tmp_path, tmp_path / "config.json", str(tmp_path)):
        assert from_config(path).name == "my-llama"
    assert from_config(tmp_path) == from_config({"_name_or_path": "me/My-Llama", **LLAMA})


@pytest.mark.parametrize(
    "missing", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "intermediate_size"]
)
def test_a_missing_key_is_named(missing: str) -> None:
    config = {k: v for k, v in {**LLAMA, "model_type": "bert"}.items() if k != missing}
    config |= {"max_position_embeddings": 512}
    with pytest.raises(InvalidWorkloadError, match=missing):
        from_config({k: v for k, v in config.items() if k != missing})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": 3},
        {**LLAMA, "hidden_size": "wide"},
        {**LLAMA, "num_hidden_layers": 10**9},
        {**LLAMA, "hidden_size": -4096},
        {**LLAMA, "vocab_size": math.nan},
        {"model_type": "resnet", "depths": [3, 4], "hidden_sizes": [256]},
        {"model_type": "clip"},
        {
            "model_type": "nemotron_h",
            **{k: v for k, v in LLAMA.items() if k != "model_type"},
            "hybrid_override_pattern": "M",
        },
    ],
)
def test_a_senseless_config_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidWorkloadError):
        from_config(config)


def test_an_unknown_kind_of_config_is_named() -> None:
    with pytest.raises(UnknownNameError, match="lama"):
        from_config({"model_type": "lama"})


def test_a_file_that_is_no_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    for name in ("absent.json", "broken.json", "list.json"):
        with pytest.raises(InvalidWorkloadError, match=name):
            from_config(tmp_path / name)


_KEYS = st.sampled_from([*LLAMA, "layer_types", "num_local_experts", "kv_lora_rank", "sliding_window", "attn_config"])
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 300), st.floats(), st.text(max_size=3), st.lists(st.integers(0, 3))
)


@given(
    st.dictionaries(_KEYS, _VALUES), st.sampled_from(["llama", "bert", "t5", "whisper", "swin", "falcon", "nemotron_h"])
)
@settings(deadline=None)
def test_any_config_gives_features_or_a_reason(changes: dict[str, Any], kind: str) -> None:
    try:
        found = from_config({**LLAMA, **changes, "model_type": kind})
    except HwpredictError:
        return
    assert found.parameters > 0


# -- families


@pytest.mark.parametrize("family", list(Family))
def test_a_family_has_a_typical_model(family: str) -> None:
    default = families_default(family)
    assert default.features.family == family
    assert default.features.macs() > 0
    assert default.features.activations() > 0
    assert default.sd_log_parameters > 0
    assert default.sd_log_macs > 0
    larger = families_default(family, parameters=1e11)
    assert larger.features.parameters == pytest.approx(1e11)
    assert larger.sd_log_parameters == 0
    assert larger.features.macs() >= default.features.macs()


def test_the_typical_language_model_does_a_mac_or_less_per_parameter() -> None:
    typical = families_default("text_generation", parameters=7e9).features
    assert 0.3 < typical.macs_per_token(0) / 7e9 < 1.1


def test_unknown_families_are_errors() -> None:
    with pytest.raises(UnknownNameError, match="vision"):
        families_default("vison")
    with pytest.raises(InvalidWorkloadError, match="positive"):
        families_default("vision", parameters=-1)


# -- cost and agreement


def test_a_look_up_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from hwpredict.catalog.models import features\n"
        "features('bert-base-uncased')\n"
        "assert not {'numpy', 'pandas', 'json'} & set(sys.modules)"
    )
    here = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-S", "-c", program], cwd=here, capture_output=True, text=True, check=True)


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared measurements, which are not part of the repository")
def test_agreement_with_what_tables_say_of_their_models() -> None:
    import pandas as pd

    row: Any
    columns = ["model", "gmacs", "parameters", "input_size", "sequence_length"]
    rows = pd.read_parquet(DATA, columns=columns).dropna(subset=["gmacs"])
    counts = rows.groupby(columns, dropna=False).size().reset_index(name="n")
    agreeing = compared = 0
    for row in counts.itertuples():
        found = match(row.model)
        if (
            found is None or row.gmacs <= 0 or {"<", ",", "*"} & set(str(row.input_size))
        ):  # some tables have a link where a size belongs, or the sizes of two inputs
            continue
        sides = [int(float(s)) for s in str(row.input_size).split("x")] if row.input_size == row.input_size else []
        size = (sides[0], sides[1]) if len(sides) > 1 else sides[0] if sides else None
        length = row.sequence_length if row.sequence_length == row.sequence_length else None
        macs = found.macs(length, size)
        if macs == macs:
            compared += row.n
            agreeing += row.n * (abs(math.log(macs / 1e9 / row.gmacs)) < 0.1)
    assert compared > 50_000
    assert agreeing > 0.96 * compared


# -- names of the Vitis AI model zoo


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("pt_resnet50_imagenet_224_224_8.2G", "resnet50"),
        ("cf_resnet50_imagenet_224_224_7.7G", "resnet50-v1"),
        ("tf_resnetv1_50_imagenet_224_224_6.97G", "resnet50-v1-slim"),
        ("tf2_resnet50_imagenet_224_224_7.76G", "resnet50-v1"),
        ("tf_mlperf_resnet50_imagenet_224_224_8.19G", "resnet50"),
        ("tf_mobilenetv1_0.25_imagenet_128_128_27.15M", "mobilenetv1_025"),
        ("dk_yolov3_voc_416_416_65.42G", "yolov3"),
        ("pt_squeezenet_imagenet_224_224_351.7M", "squeezenet1_1"),
        ("pt_resnet50_imagenet_224_224_0.6_3.3G", "resnet50-pruned-0.6"),
        ("pt_resnet50_0.6", "resnet50-pruned-0.6"),
    ],
)
def test_names_with_operations(spelling: str, name: str) -> None:
    found = match(spelling)
    assert found is not None
    assert found.name == canonical(spelling) == name
    assert architecture(spelling, "vision") == found.architecture


def test_a_pruned_network_does_the_work_its_name_says() -> None:
    whole, pruned = features("resnet50"), match("pt_resnet50_imagenet_224_224_0.6_3.3G")
    assert pruned is not None
    assert pruned.macs(input_size=224) == pytest.approx(1.65e9)
    assert pruned.parameters == pytest.approx(whole.parameters * 0.4, rel=0.02)
    assert whole.activations() * 0.4 < pruned.activations() < whole.activations()
    assert "resnet50 pruned to 40%" in pruned.source


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        # 4.1 GOP is half of ResNet-50: not that network, whatever its name says
        ("pt_resnet50_imagenet_224_224_4.1G", "pt_resnet50_imagenet_224_224_4.1g"),
        ("cf_refinedet_coco_360_480_0.8_25G", "refinedet-coco-pruned-0.8"),
        ("pt_face-quality_80_60_61.68M", "face-quality"),
        ("cf_face-quality_80_60_61.68M", "face-quality"),
        ("pt_pointpillars_kitti_12000_100_10.8G", "pointpillars-kitti"),
    ],
)
def test_names_with_operations_of_networks_not_known(spelling: str, name: str) -> None:
    assert match(spelling) is None
    assert canonical(spelling) == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("MobileNetV2_x0_5", "mobilenetv2_050"),
        ("MobileNetV1_x0_25", "mobilenetv1_025"),
        ("MobileNetV3_large_x1_0_ssld", "mobilenetv3_large_100"),
        ("PPLCNet_x0_35", "lcnet_035"),
        ("PPHGNetV2_B4", "hgnetv2_b4"),
        ("ReXNet_1_5", "rexnet_150"),
        ("ResNeXt101_32x16d_wsl", "resnext101_32x16d"),
        ("tv_resnet50", "resnet50"),
        ("swsl_resnext50_32x4d", "resnext50_32x4d"),
        ("googlenet-12", "googlenet"),
    ],
)
def test_names_of_paddleclas_and_retired_names(spelling: str, name: str) -> None:
    assert canonical(spelling) == name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("gear_guard_net", "attributes"),
        ("foot_track_net", "attributes"),
        ("DeepSORT/extractor", "re-identification"),
        ("quicksrnetsmall", "image-to-image"),
        ("cf_densebox_wider_320_320_0.49G", "face-detector"),
        ("pspnet_r50-d8_512x1024_40k_cityscapes", "pspnet"),
        ("ffnet_78s_lowres", "fast-segmenter"),
    ],
)
def test_labels_of_small_networks(name: str, label: str) -> None:
    assert architecture(name, "vision") == label


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("yolov8n-640", "yolov8n"),
        ("yolov8n_416", "yolov8n"),
        ("yolov4-tiny-416", "yolov4-tiny"),
        ("Qwen3.5 TurboQuant 3bit ctx", "qwen3.5-35b-a3b"),
        ("Coder llama.cpp Q4 kv-q8", "qwen3-coder-next"),
        ("HuggingFace BERT-Large Ph2 pre-training", "bert-large-uncased"),
        ("llama-2-7b.Q4_K_M", "llama-2-7b"),
        ("llama-3.1-70b-instruct[open:Krai]", "llama-3.1-70b-instruct[open:krai]"),
    ],
)
def test_names_of_runs(spelling: str, name: str) -> None:
    found = match(spelling)
    assert found is not None
    assert found.name == canonical(spelling) == name


def test_an_open_submission_is_as_large_as_what_it_changes() -> None:
    found = match("llama-2-70b-chat[open:NVIDIA]")
    assert found is not None
    assert found.parameters == features("llama-2-70b").parameters
    assert match("llama-3.1-405b-instruct[llama3_1-405b_pruned][open:AMD]") is None
    assert match("Qwen3.5-31B something") is None
