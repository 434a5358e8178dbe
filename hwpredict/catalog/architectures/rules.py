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
    (r"squeezebert", "squeezebert"),
    (r"^fsrcnn|^srcnn|vdsr|dcgan|pix2pix|swin2sr|gmcnn", "image-to-image"),
    (r"semantic-?fpn|(?:^|-)fpn-resnet|^fpn-|panoptic-fpn", "fpn"),
    (r"yolo-?fastest|yolo-fastestv2|fastestdet", "yolo-fastest"),
    (r"yolo-?x", "yolox"),
    (r"pp-?yolo-?e", "ppyoloe"),
    (r"pp-?yolo", "ppyolo"),
    (r"yolo-?world", "yolov8"),
    (r"yolo-?(?:v|-v-?)?(1[0-3]|26)(?!\d)", r"yolov\1"),
    (r"yolo-?v?-?([1-9])(?!\d)", r"yolov\1"),
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
    (r"detectron|ms-rcnn|libra|double-head|grid-rcnn|^rpn|rcnn|^htc|detectors|^scnet", "faster-rcnn"),
    (r"solov?2?(?:-|$)|blendmask|centermask|polarmask|condinst|queryinst|pointrend|point-rend", "mask-rcnn"),
    (
        r"retinanet|retinaface|freeanchor|fsaf|fovea|^atss|^gfl|^paa|^tood|^vfnet|^ld-|reppoints|^nas-fpn|^sabl",
        "retinanet",
    ),
    (r"efficientdet", "efficientdet"),
    (
        r"pointpillars|^centerpoint|pointpainting|^clocs|^second-|^hv-|^dv-|pv-?rcnn|part-?a2|bevfusion|bevdet|^petr|^votenet|^3dssd|groupfree"
        r"|pointnet|dgcnn|paconv|minkunet|spvcnn|cylinder3d|salsanext|^h3dnet|imvotenet|smoke-|^pgd-|^bev",
        "point-cloud",
    ),
    (r"centernet|centerpose|centerpoint|cornernet|centripetal|ctdet", "centernet"),
    (r"refinedet", "refinedet"),
    (
        r"lightface|ultra-lightweight-face|ultra-face|^face-det|face-mask|faceboxes|mobilefacedet|mtcnn|densebox|libfacedetection"
        r"|plate-detection",
        "face-detector",
    ),
    (r"ssd|mobiledet|pelee-coco|pelee-?net-?ssd|vpgnet|ctpn", "ssd"),
    (r"blazeface|blazepose|blazepalm|mediapipe|face-landmarks-lite|hand-landmark|palm-det|selfie", "mediapipe"),
    (r"scrfd", "scrfd"),
    (r"fcos", "fcos"),
    (r"nanodet", "nanodet"),
    (
        r"ocr-?rec|ocr-?det|ppocr|pp-ocr|paddle-ocr|easyocr|trocr|lprnet|license-plate-recognition|plate-recognition|plate-num|textmountain"
        r"|text-recognition|^crnn|^ocr-icdar|^craft|^db-|dbnet|psenet|^east",
        "ocr",
    ),
    (
        r"esrgan|edsr|sesr|rcan|espcn|quicksr|xlsr|single-image-super|super-resolution|srgan|fsrcnn|^ssr-|dncnn|zero-dce|drunet-?div|swinir"
        r"|aotgan|ddcolor|deblurgan|cyclegan|colorization|fast-neural-style|mosaic-?9|dn-cnn|^lama-",
        "image-to-image",
    ),
    (r"stereonet|fadnet|psmnet|crestereo|aanet|^raft|fcrn|midas|depth|monodepth|scdepth|^gmp-net", "depth"),
    (
        r"openpose|posenet|movenet|hourglass|(?<![a-z])spnet|human-pose|^pose-|vit-?pose|^mspn|simplepose|alphapose|dekr|directmhp",
        "pose",
    ),
    (r"deeplab", "deeplab"),
    (r"segformer|segnext", "segformer"),
    (r"mask2former|maskformer", "maskformer"),
    (r"nnu-?net|3d-?unet|unet-?3d", "unet3d"),
    (r"(?<!gp)u-?net", "unet"),
    (r"fcn-|^fcn", "fcn"),
    (
        r"bisenet|^stdc|fast-?scnn|^icnet|^cgnet|^erfnet|^enet|ffnet|fastseg|lraspp|pp-?lite-?seg|pp-lite-[bt]-seg|ppseg|regseg|^linknet|sinet"
        r"|contextnet|semantic-segmentation-adas|road-segmentation|^bgnet|^mosaic|^fssd-seg",
        "fast-segmenter",
    ),
    (
        r"^(?:upernet|ocrnet|ccnet|gcnet|isanet|nonlocal|psanet|ann|apcnet|encnet|danet|dnl|dmnet|emanet|knet|setr|segmenter|sem-fpn|dpt|dnlnet"
        r"|nonlocalnet|san|mask2former)-",
        "fcn",
    ),
    (r"pspnet", "pspnet"),
    (r"pidnet|ddrnet", "ddrnet"),
    (r"hrnet", "hrnet"),
    (r"sam2|sam-|^sam|segment-anything|fastsam|fast-sam", "sam"),
)
_DIFFUSION = (
    (r"controlnet", "stable-diffusion"),
    (r"sdxl|stable-?diffusion-?xl|stable-?diffusion-xl", "stable-diffusion-xl"),
    (r"stable-?diffusion-?(?:v-?)?3|^sd-?3", "stable-diffusion-3"),
    (r"stable-?diffusion|^sd-?[12]|^sd$|^sd-turbo|^lcm-", "stable-diffusion"),
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
    (
        r"conformer|zipformer|paraformer|wenet|parakeet|canary|sense-?voice|sherpa-onnx-(?!vits)|(?:^|-)nemo-(?!tron)",
        "conformer",
    ),
    (r"fastspeech|forward-?tacotron", "fastpitch"),
    (r"hifi-?gan|melgan|wavernn|wavenet", "hifigan"),
    (r"(?:^|-)vits(?:-|$)|^kokoro|matcha|generate-speech", "vits"),
    (r"miniresnet|^stmnist|ds-?cnn|kws|aclnet", "ds-cnn"),
    (r"yamnet", "yamnet"),
)
_MULTIMODAL = (
    (r"clip", "clip"),
    (r"siglip", "siglip"),
    (r"llava", "llava"),
    (r"blip", "blip"),
    (r"layoutlm", "layoutlm"),
    (r"perceiver|perveriver", "perceiver"),
    (r"dlrm|wide-(?:and-)?deep|deepfm|^din|^dien|two-?tower", "dlrm"),
    (r"^gnn|rgat|^r-gat|graphsage", "gnn"),
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
    (r"nomic", "nomic"),
    (r"longformer|bigbird|reformer|funnel|^xlm-|flaubert|perceiver-language|blendcnn|^bidaf", "bert"),
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
    (r"exaone|falcon-?(?:v-?)?3-", "llama"),
    (r"^aya-", "cohere"),
    (r"^grok", "mixtral-moe"),
    (r"redpajama", "gpt-neox"),
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
    (r"arcface-?resnet|face-recognition-resnet|cavaface|lresnet", "resnet"),
    (r"^resnet|-resnet|^iresnet|(?:^|-)res(?:18|34|50|101|152)(?!\d)", "resnet"),
    (r"regnet-?z", "regnetz"),
    (r"regnet-?x|^regnet$", "regnetx"),
    (r"regnet-?y|regnetv", "regnety"),
    (r"nf-?regnet", "nf-regnet"),
    (r"densenet", "densenet"),
    (r"efficientnet-?v-?2|efficientnetv2", "efficientnetv2"),
    (r"efficientnet-?lite", "efficientnet-lite"),
    (r"efficientnet|^gpunet", "efficientnet"),
    (r"efficientformer", "efficientformer"),
    (r"efficientvit", "efficientvit"),
    (r"fd-?mobilenet", "mobilenetv1"),
    (r"mobilenet-?v?-?4", "mobilenetv4"),
    (r"mobilenet-?v?-?3", "mobilenetv3"),
    (r"mobilenet-?v?-?2", "mobilenetv2"),
    (r"mobilenet", "mobilenetv1"),
    (r"mobilevit-?v2", "mobilevitv2"),
    (r"mobile-?vit", "mobilevit"),
    (r"mobileone", "mobileone"),
    (r"mnasnet", "mnasnet"),
    (r"shufflenet", "shufflenet"),
    (r"squeezenet|squeeze-", "squeezenet"),
    (r"googlenet|inception", "inception"),
    (r"^vgg|-vgg", "vgg"),
    (r"alexnet|caffenet|overfeat|zfnet", "alexnet"),
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
    (
        r"personreid|person-reid|(?:^|-)reid|extractor|osnet|facereid|face-reid|arcface|mobilefacenet|facenet|sphereface|deepsort"
        r"|vehicle-reid",
        "re-identification",
    ),
    (
        r"face-attr|face-quality|facemap|tddfa|3dmm|landmark|eyegaze|gaze-est|head-pose|person-attr|person-orientation|vehicle-(?:make|type|color)"
        r"|emotion|age-gender|foot-track|gear-guard|hand-?posture|open-closed-eye|anti-spoof",
        "attributes",
    ),
    (
        r"multi-?task|^mt-|^pmg|fairmot|yolop|ultra-?fast|^gkt|^cvt$|hfnet|superpoint|superglue|p2pnet|c2d2|^sa-gate",
        "multitask",
    ),
    (r"-(?:adas|retail|crossroad|barrier|security)-\d{4}|-0\d{3}(?:-onnx|-mxnet)?$|-10(?:16|32)$", "omz"),
)
_ORDER = (_NAS, _DIFFUSION, _SPEECH, _DETECTION, _MULTIMODAL, _ENCODERS, _LANGUAGE, _BACKBONES)
#: Image models come from many hands, and their names collide with those of language models ("vgg", "opt").
_VISION_ORDER = (_NAS, _DETECTION, _BACKBONES, _MULTIMODAL)
#: Fine-tunes of language models have any word in their names.
_TEXT_ORDER = (_NAS, _SPEECH, _MULTIMODAL, _ENCODERS, _LANGUAGE, _DETECTION, _BACKBONES)
_ORDERS = {"vision": _VISION_ORDER, "text_generation": _TEXT_ORDER, "embedding": _TEXT_ORDER}


@cache
def _compiled(family: str | None) -> tuple[tuple[re.Pattern[str], str], ...]:
    """The rules in their order; compiled when first asked for, since that takes longer than all the rest."""
    order = _ORDERS.get(family or "", _ORDER)
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
    for pattern, label in _compiled(family):
        found = pattern.search(text)
        if found:
            return found.expand(label) if "\\" in label else label
    leading = _LEADING.search(text)
    return leading[0] if leading else "other"
