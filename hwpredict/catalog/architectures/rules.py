"""The pooling label of any model's name, by an ordered table of patterns: the first that fits decides.

Detectors and segmenters come before the backbones they are named after, newer generations before older ones.
"""

from __future__ import annotations

import re
from functools import cache

from hwpredict.catalog.names import normalise

_NAS = (
    (r"^nb201-|nas-?bench-?201", "nasbench201"),
    (r"^fbnet-c100", "fbnet"),
    (r"^ofa-", "ofa"),
    (r"^hat-", "hat"),
)
_DETECTION = (
    (r"yolo-?fastest|yolo-fastestv2|fastestdet", "yolo-fastest"),
    (r"yolo-?x", "yolox"),
    (r"yolo-?(?:v|-v-?)?(1[0-3]|26)(?!\d)", r"yolov\1"),
    (r"yolo-?v?-?([1-9])(?!\d)", r"yolov\1"),
    (r"pp-?yolo-?e", "ppyoloe"),
    (r"pp-?yolo", "ppyolo"),
    (r"damoyolo", "damoyolo"),
    (r"yolo-?nas", "yolo-nas"),
    (r"yolact", "yolact"),
    (r"yolop|yolor|yolo", "yolo"),
    (r"rtmdet|rtmpose|^rtm", "rtmdet"),
    (r"rt-?detr", "rtdetr"),
    (r"detr|^dino-|dab-|deformable", "detr"),
    (r"cascade-?(?:mask-?)?r-?cnn", "cascade-rcnn"),
    (r"mask-?-?r-?cnn", "mask-rcnn"),
    (r"keypoint-?r-?cnn", "mask-rcnn"),
    (r"fast(?:er)?-?r-?cnn|r-?fcn|^rcnn", "faster-rcnn"),
    (r"retinanet|retinaface", "retinanet"),
    (r"efficientdet", "efficientdet"),
    (r"centernet|centerpoint", "centernet"),
    (r"refinedet", "refinedet"),
    (r"ssd", "ssd"),
    (r"blazeface|blazepose|mediapipe", "mediapipe"),
    (r"scrfd", "scrfd"),
    (r"fcos", "fcos"),
    (r"nanodet", "nanodet"),
    (r"deeplab", "deeplab"),
    (r"segformer|segnext", "segformer"),
    (r"mask2former|maskformer", "maskformer"),
    (r"nnu-?net|3d-?unet|unet-?3d", "unet3d"),
    (r"(?<!gp)u-?net", "unet"),
    (r"fcn-|^fcn", "fcn"),
    (r"bisenet", "bisenet"),
    (r"pspnet", "pspnet"),
    (r"pidnet|ddrnet", "ddrnet"),
    (r"hrnet", "hrnet"),
    (r"sam2|sam-|^sam|segment-anything|fastsam|fast-sam", "sam"),
)
_DIFFUSION = (
    (r"sdxl|stable-?diffusion-?xl|stable-?diffusion-xl", "stable-diffusion-xl"),
    (r"stable-?diffusion-?(?:v-?)?3|^sd-?3", "stable-diffusion-3"),
    (r"stable-?diffusion|^sd-?[12]|^sd$", "stable-diffusion"),
    (r"flux", "flux"),
    (r"sana\d|^sana", "sana"),
    (r"wan-?2|^wan", "wan"),
    (r"hunyuanvideo", "hunyuanvideo"),
    (r"cogvideo", "cogvideox"),
    (r"pixart", "pixart"),
)
_SPEECH = (
    (r"whisper", "whisper"),
    (r"wav2vec", "wav2vec2"),
    (r"hubert", "hubert"),
    (r"wavlm", "wavlm"),
    (r"deepspeech", "deepspeech"),
    (r"(?<!c)rnn-?t(?![a-z])", "rnnt"),
    (r"tacotron", "tacotron2"),
    (r"waveglow", "waveglow"),
    (r"fastpitch", "fastpitch"),
    (r"quartznet", "quartznet"),
    (r"jasper", "jasper"),
    (r"conformer|zipformer|paraformer|wenet", "conformer"),
    (r"hifi-?gan", "hifigan"),
    (r"^vits", "vits"),
    (r"yamnet", "yamnet"),
)
_MULTIMODAL = (
    (r"clip", "clip"),
    (r"siglip", "siglip"),
    (r"llava", "llava"),
    (r"blip", "blip"),
    (r"layoutlm", "layoutlm"),
    (r"dlrm", "dlrm"),
    (r"^ncf|neumf", "ncf"),
)
_ENCODERS = (
    (r"distil-?roberta|xlm-?roberta|roberta|camembert|codebert|bge-m3", "roberta"),
    (r"distil-?bert", "distilbert"),
    (r"mobile-?bert", "mobilebert"),
    (r"albert", "albert"),
    (r"electra", "electra"),
    (r"deberta", "deberta"),
    (r"squeezebert", "squeezebert"),
    (r"mpnet", "mpnet"),
    (r"minilm|bge-|^bge|gte-|^e5|arctic-embed|bert|^mxbai", "bert"),
    (r"xlnet", "xlnet"),
)
_LANGUAGE = (
    (r"flan|^t5|[-_]t5|mt5|mt0|^ul2", "t5"),
    (r"distilbart|mbart|^bart|barthez", "bart"),
    (r"pegasus", "pegasus"),
    (r"transformer-?xl|transfo-xl", "transformer-xl"),
    (r"gnmt", "gnmt"),
    (r"opus-?mt|marian|(?<!vision-)transformer", "transformer"),
    (r"deepseek-?r1-?distill-?-?qwen", "qwen2"),
    (r"deepseek-?r1-?distill-?-?llama", "llama"),
    (r"deepseek-?(?:coder-?)?v2", "deepseek-v2"),
    (r"deepseek-?(?:r1|v3)", "deepseek-v3"),
    (r"kimi", "kimi-k2"),
    (r"minimax", "minimax-m2"),
    (r"qwen-?[23]?(?:\.\d)?-?vl(?!l)", "qwen-vl"),
    (r"qwen-?3-?(?:next|coder-next)", "qwen3-next"),
    (r"qwen-?3\.[56].*-a\d", "qwen3.5-moe"),
    (r"qwen-?3\.[56]", "qwen3.5"),
    (r"qwen-?3.*-a\d", "qwen3-moe"),
    (r"qwen-?3", "qwen3"),
    (r"qwen-?(?:1\.5|2).*(?:moe|-a\d)", "qwen2-moe"),
    (r"qwen-?(?:1\.5|2)|qwq", "qwen2"),
    (r"qwen", "qwen"),
    (r"mixtral", "mixtral-moe"),
    (r"mistral|ministral|codestral|devstral|magistral|zephyr-7b|neural-chat", "mistral"),
    (r"llama-?4|llama-?v4", "llama4"),
    (r"gemma-?4", "gemma4"),
    (r"gemma-?3n", "gemma3n"),
    (r"gemma-?3", "gemma3"),
    (r"gemma-?2(?!b)(?=[-:]|$)", "gemma2"),
    (r"gemma", "gemma"),
    (r"phi-?[34].*moe", "phi-moe"),
    (r"^phi-?(?:3|4)|[-_]phi-?[34]", "phi3"),
    (r"^phi", "phi"),
    (r"falcon", "falcon"),
    (r"mpt-|^mpt", "mpt"),
    (r"bloom", "bloom"),
    (r"^opt-|[-_]opt-", "opt"),
    (r"gpt-?oss", "gpt-oss"),
    (r"gpt-?j", "gpt-j"),
    (r"gpt-?neox|pythia|dolly|stablelm-(?:7b|.*alpha)", "gpt-neox"),
    (r"gpt-?neo", "gpt-neo"),
    (r"starcoder-?2", "starcoder2"),
    (r"starcoder|santacoder|gpt-?bigcode", "starcoder"),
    (r"codegen-?25|codegen-?2\.5", "llama"),
    (r"codegen", "codegen"),
    (r"gpt-?2|gpt-?3|^gpt-?\d+", "gpt2"),
    (r"stable-?lm|stable-zephyr", "stablelm"),
    (r"chatglm", "chatglm"),
    (r"glm-?5", "glm5"),
    (r"glm-?4\.7-flash", "glm4-moe-lite"),
    (r"glm-?4\.[5-9]", "glm4-moe"),
    (r"glm-?4-9b", "chatglm"),
    (r"glm", "glm"),
    (r"baichuan", "baichuan"),
    (r"internlm", "internlm2"),
    (r"minicpm-?3", "minicpm3"),
    (r"minicpm", "minicpm"),
    (r"smollm-?3(?!\d)", "smollm3"),
    (r"nemotron-?-?3|nemotron-h", "nemotron-h"),
    (r"hunyuan", "hunyuan-moe"),
    (r"dots\.?-?llm", "dots1"),
    (r"granite", "granite"),
    (r"^command-r|c4ai-command", "cohere"),
    (r"olmoe", "olmoe"),
    (r"olmo", "olmo2"),
    (r"^nllb|m2m", "m2m"),
    (r"rwkv", "rwkv"),
    (r"lfm-?2", "lfm2"),
    (r"deepseek|llama|vicuna|alpaca|orca|^yi-|solar|aquila|smollm", "llama"),
)
_BACKBONES = (
    (r"^r3d|^mc3-|r2plus1d|resnet-(?:3d|2plus1d|mixed)", "resnet3d"),
    (r"resnest", "resnest"),
    (r"res2nex?t", "res2net"),
    (r"wide-?resnet|wrn", "wide-resnet"),
    (r"(?:^|-)se-?resnext", "seresnext"),
    (r"(?:^|-)se-?resnet", "seresnet"),
    (r"resnext", "resnext"),
    (r"inception-?resnet", "inception-resnet"),
    (r"resnet-?v2|resnet-\d+-v2", "resnetv2"),
    (r"resnet-?rs", "resnetrs"),
    (r"ecaresnet", "ecaresnet"),
    (r"^resnet|-resnet|^iresnet", "resnet"),
    (r"regnet-?z", "regnetz"),
    (r"regnet-?x", "regnetx"),
    (r"regnet-?y|regnetv", "regnety"),
    (r"nf-?regnet", "nf-regnet"),
    (r"densenet", "densenet"),
    (r"efficientnet-?v-?2|efficientnetv2", "efficientnetv2"),
    (r"efficientnet-?lite", "efficientnet-lite"),
    (r"efficientnet", "efficientnet"),
    (r"efficientformer", "efficientformer"),
    (r"efficientvit", "efficientvit"),
    (r"mobilenet-?v?-?4", "mobilenetv4"),
    (r"mobilenet-?v?-?3", "mobilenetv3"),
    (r"mobilenet-?v?-?2", "mobilenetv2"),
    (r"mobilenet", "mobilenetv1"),
    (r"mobilevit-?v2", "mobilevitv2"),
    (r"mobilevit", "mobilevit"),
    (r"mobileone", "mobileone"),
    (r"mnasnet", "mnasnet"),
    (r"shufflenet", "shufflenet"),
    (r"squeezenet|squeeze-", "squeezenet"),
    (r"googlenet|inception", "inception"),
    (r"^vgg|-vgg", "vgg"),
    (r"alexnet|caffenet", "alexnet"),
    (r"darknet", "darknet"),
    (r"xception", "xception"),
    (r"convnext-?v2", "convnextv2"),
    (r"convnext", "convnext"),
    (r"swin-?v2|swinv2", "swinv2"),
    (r"swin", "swin"),
    (r"maxvit|maxxvit", "maxvit"),
    (r"coatnet|coatnext", "coatnet"),
    (r"deit", "deit"),
    (r"beit", "beit"),
    (r"eva-?02|^eva", "eva"),
    (r"dinov2", "dinov2"),
    (r"^vit|-vit|vision-?transformer|^vit$|flexivit|samvit", "vit"),
    (r"nfnet", "nfnet"),
    (r"repvgg", "repvgg"),
    (r"dla-?\d", "dla"),
    (r"^dpn", "dpn"),
    (r"hardnet", "hardnet"),
    (r"vovnet", "vovnet"),
    (r"-(?:adas|retail|crossroad|barrier|security)-\d{4}|-0\d{3}(?:-onnx|-mxnet)?$|-10(?:16|32)$", "omz"),
)
_ORDER = (_NAS, _DIFFUSION, _SPEECH, _DETECTION, _MULTIMODAL, _ENCODERS, _LANGUAGE, _BACKBONES)
#: Image models come from many hands, and their names collide with those of language models ("vgg", "opt").
_VISION_ORDER = (_NAS, _DETECTION, _BACKBONES, _MULTIMODAL)


@cache
def _compiled(vision: bool) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The rules in their order; compiled when first asked for, since that takes longer than all the rest."""
    order = _VISION_ORDER if vision else _ORDER
    return tuple((re.compile(pattern), label) for table in order for pattern, label in table)


_PREFIX = re.compile(r"^(?:tf2?|pt|cf|dk|gluon|ig|ssl|swsl|legacy|onnx|torchvision|keras|jx)-(?=[a-z])")
_LEADING = re.compile(r"[a-z]{3,}?(?:v\d+)?(?=[^a-z]|$)|[a-z][a-z0-9]*")


@cache
def architecture_by_name(name: str, family: str | None = None) -> str:
    """Pooling label of a name, known or not, by its spelling alone.

    Parameters
    ----------
    name : str
        Any name of a model.
    family : str, optional
        Value of :class:`hwpredict.workload.Family`; it settles names that could be of either kind.

    Returns
    -------
    str
        For example "resnet", "yolov8", "llama". If no pattern fits, the leading word of the name; "other" if it has
        none.
    """
    text = re.sub(r"[\s_/:]+", "-", normalise(name))
    text = _PREFIX.sub("", text)
    for pattern, label in _compiled(family == "vision"):
        found = pattern.search(text)
        if found:
            return found.expand(label) if "\\" in label else label
    leading = _LEADING.search(text)
    return leading[0] if leading else "other"
