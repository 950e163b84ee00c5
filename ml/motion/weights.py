"""Checkpoints: safetensors files whose metadata says what they are, checked when they are read."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ml.motion.model import MotionConfig, MotionTransformer
from ml.motion.runtime import COMPATIBILITY, check_compatible
from ml.text.encoders import DEFAULT

SHARD_BYTES = 14_000_000
"""Largest size of a shard's tensors."""


def model_metadata(config: MotionConfig, data: str, step: int) -> dict[str, str]:
    """What is needed to use a model; the same in checkpoints and ONNX files.

    data: digest of the training data. step: number of training steps.
    """
    return {
        **COMPATIBILITY,
        "config": json.dumps(asdict(config)),
        "encoder": DEFAULT,
        "data": data,
        "step": str(step),
    }


def save_weights(model: MotionTransformer, path: Path, data: str, step: int) -> None:
    """Write a checkpoint, atomically. data, step: see ``model_metadata``."""
    state = model.state_dict()
    _write(
        {name: tensor.cpu().contiguous() for name, tensor in state.items()},
        path,
        model_metadata(model.config, data, step),
    )


def save_shards(model: MotionTransformer, folder: Path, data: str, step: int) -> list[Path]:
    """Write the weights as float16 in files of at most SHARD_BYTES, to start training from."""
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
        _write(shard, path, model_metadata(model.config, data, step))
    return paths


def load_model(path: Path) -> tuple[MotionTransformer, dict[str, str]]:
    """Read the model in a file or a folder of shards, and its metadata.

    Raises ValueError naming the file and what does not fit.
    """
    tensors, about = _read(path)
    try:
        model = MotionTransformer(MotionConfig(**json.loads(about["config"])))
    except TypeError as error:
        raise ValueError(f"{path}: config is {about['config']} ({error})") from None
    _fill(model, tensors, path)
    return model.eval(), about


def load_into(model: MotionTransformer, path: Path) -> None:
    """Load weights into a model, its mean and standard deviation included.

    path: a file or a folder of shards. Raises ValueError if the weights have another shape.
    """
    _fill(model, _read(path)[0], path)


def _write(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, str]) -> None:
    """Write a file, atomically. about: its metadata."""
    part = path.with_name(f".{path.name}.part")
    save_file(tensors, part, about)
    os.replace(part, path)


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors as float32 and metadata of a file or a folder of shards. Raises ValueError."""
    tensors: dict[str, torch.Tensor] = {}
    about: dict[str, str] = {}
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path}: holds no weights; expected *.safetensors")
    for shard in files:
        try:
            with safe_open(shard, "pt") as file:
                about = file.metadata() or {}
                names = list(file.keys())
                tensors |= {name: file.get_tensor(name).float() for name in names}
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{shard}: not a weights file ({error})") from None
        check_compatible(shard, about)
    return tensors, about


def _fill(model: MotionTransformer, tensors: dict[str, torch.Tensor], path: Path) -> None:
    """Load tensors of ``path`` into a model. Raises ValueError if they have another shape."""
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        what = str(error).splitlines()[1].strip()
        raise ValueError(f"{path}: weights of another shape ({what})") from None
