"""Checkpoints: safetensors files whose metadata says what they are, checked when they are read."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from entities.atomic_write import whole
from entities.errors import UserError
from entities.files import parse_json
from ml.motion.model import MotionConfig, MotionTransformer
from ml.motion.runtime import COMPATIBILITY, check_compatible
from ml.text.encoders import DEFAULT

SHARD_BYTES = 14_000_000
"""Largest size of a shard's tensors."""
MAX_FILE_BYTES = 2 << 30
"""The largest file of weights, or of a run's state; a state has four numbers for each weight."""


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

    Raises UserError naming the file and what does not fit.
    """
    tensors, about = _read(path)
    text = about.get("config", "null")
    try:
        shape = MotionConfig(**parse_json(text, "config"))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: config is {text[:200]} ({error})") from None
    if about.get("encoder") != DEFAULT:
        raise UserError(f"{path}: encoder is {about.get('encoder')}; expected {DEFAULT}")
    # A config cannot ask for more memory than its file has: the blocks are most of a network.
    found, least = sum(map(torch.numel, tensors.values())), 12 * shape.layers * shape.width**2
    if found < least:
        raise UserError(f"{path}: weights of another shape (has {found}; expected {least} or more)")
    model = MotionTransformer(shape)
    _check_shapes(tensors, model.state_dict(), path)
    model.load_state_dict(tensors)
    return model.eval(), about


def load_into(model: MotionTransformer, path: Path) -> None:
    """Load weights into a model, its mean and standard deviation included.

    path: a file or a folder of shards. Raises UserError if the weights have another shape.
    """
    tensors, _ = _read(path)
    _check_shapes(tensors, model.state_dict(), path)
    model.load_state_dict(tensors)


def save_state(path: Path, tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> None:
    """Write the state of a run, atomically. about: what else it is, as JSON can hold it."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(about)
    _write(tensors, path, {"state": text, "digest": _digest(tensors, text)})


def load_state(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """What ``save_state`` wrote. Raises UserError for a file that is damaged, or none of those."""
    tensors, about = read_tensors(path)
    if not {"state", "digest"} <= set(about):
        raise UserError(f"{path}: not the state of a run; expected one that ml.train wrote")
    if _digest(tensors, about["state"]) != about["digest"]:
        raise UserError(f"{path}: damaged; remove it to train from the beginning")
    return tensors, json.loads(about["state"])


def _digest(tensors: dict[str, torch.Tensor], text: str) -> str:
    """A digest of a state: what is damaged elsewhere than in its header has no other mark."""
    found = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _write(tensors: dict[str, torch.Tensor], path: Path, about: dict[str, str]) -> None:
    """Write a file, atomically and durably. about: its metadata."""
    content = save(tensors, about)  # to write it ourselves: safetensors has its own disk errors
    with whole(path) as part, part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors as float32 and metadata of a file or a folder of shards.

    Raises UserError for other files, and for weights that cannot be a model's.
    """
    tensors: dict[str, torch.Tensor] = {}
    about: dict[str, str] = {}
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise UserError(f"{path}: holds no weights; expected *.safetensors")
    for shard in files:
        there, about = read_tensors(shard)
        check_compatible(shard, about)
        tensors |= {name: tensor.float() for name, tensor in there.items()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"{path}: {name} has numbers that are not finite")
    if "std" in tensors and not (tensors["std"] > 0.0).all():
        raise UserError(f"{path}: std has numbers that are not above 0")
    return tensors, about


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file. Raises UserError for any other."""
    try:
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no such file"
            raise UserError(f"{path}: {what}; expected a weights file")
        if path.stat().st_size > MAX_FILE_BYTES:
            most = MAX_FILE_BYTES >> 20
            raise UserError(f"{path}: larger than {most} MiB, the most that is read")
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in list(file.keys())}
            return tensors, file.metadata() or {}
    except (SafetensorError, OSError, RuntimeError) as error:  # the last: a dtype torch lacks
        why = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a weights file ({why})") from None


def _check_shapes(
    tensors: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], path: Path
) -> None:
    """Raises UserError for weights of ``path`` that are not those ``wanted``."""
    lacking = [name for name in wanted if name not in tensors]
    excess = [name for name in tensors if name not in wanted]
    if lacking or excess:
        what = f"lacks {lacking[0]}" if lacking else f"has {excess[0][:60]}"
        raise UserError(f"{path}: weights of another shape ({what})")
    for name, tensor in wanted.items():
        if tensors[name].shape != tensor.shape:
            found, expected = tuple(tensors[name].shape), tuple(tensor.shape)
            raise UserError(
                f"{path}: weights of another shape ({name} is {found}; expected {expected})"
            )
