"""Weights as files: safetensors that say what they are of, and refuse to be taken for others."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ml.motion.model import MotionConfig, MotionTransformer
from ml.motion.runtime import FITS, check_fit
from ml.text.encoders import DEFAULT

SHARD_BYTES = 14_000_000


def describe(config: MotionConfig, data: str, step: int) -> dict[str, str]:
    """What has to be known of a model to use it; the same in checkpoints and ONNX files.

    data: what it was learned from. step: how long.
    """
    return {
        **FITS,
        "config": json.dumps(asdict(config)),
        "encoder": DEFAULT,
        "data": data,
        "step": str(step),
    }


def save_weights(model: MotionTransformer, path: Path, data: str, step: int) -> None:
    """Write ``path`` whole or not at all."""
    state = model.state_dict()
    _write(
        {name: tensor.cpu().contiguous() for name, tensor in state.items()},
        path,
        describe(model.config, data, step),
    )


def save_shards(model: MotionTransformer, folder: Path, data: str, step: int) -> list[Path]:
    """The weights as float16 in files of no more than SHARD_BYTES: what a later run starts from."""
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, tensor in model.state_dict().items():
        tensor = tensor.cpu().contiguous()
        if name not in ("mean", "std"):
            tensor = tensor.half()
        if size + tensor.nbytes > SHARD_BYTES:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    paths = [folder / f"motion-{k + 1}-of-{len(shards)}.safetensors" for k in range(len(shards))]
    for path, shard in zip(paths, shards, strict=True):
        _write(shard, path, describe(model.config, data, step))
    return paths


def load_model(path: Path) -> tuple[MotionTransformer, dict[str, str]]:
    """The model in a file, or in a folder of shards, and what is known of it.

    Raises ValueError naming what does not fit.
    """
    tensors, about = _read(path)
    try:
        model = MotionTransformer(MotionConfig(**json.loads(about["config"])))
    except TypeError as error:
        raise ValueError(f"{path}: config is {about['config']} ({error})") from None
    _fill(model, tensors, path)
    return model.eval(), about


def load_into(model: MotionTransformer, path: Path) -> None:
    """Give a model the weights in a file or a folder of shards, mean and deviation included.

    Raises ValueError if they are of another shape.
    """
    _fill(model, _read(path)[0], path)


def _write(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, str]) -> None:
    part = path.with_name(f".{path.name}.part")
    save_file(tensors, part, about)
    os.replace(part, path)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    tensors: dict[str, torch.Tensor] = {}
    about: dict[str, str] = {}
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path}: holds no weights; expected *.safetensors")
    for each in files:
        try:
            with safe_open(each, "pt") as file:
                about = file.metadata() or {}
                names = list(file.keys())
                tensors |= {name: file.get_tensor(name).float() for name in names}
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{each}: not a weights file ({error})") from None
        check_fit(each, about)
    return tensors, about


def _fill(model: MotionTransformer, tensors: dict[str, torch.Tensor], path: Path) -> None:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        what = str(error).splitlines()[1].strip()
        raise ValueError(f"{path}: weights of another shape ({what})") from None
