"""``python -m ml.train DATASET … --out DIR``: from episodes to a motion model, top to bottom.

One command trains, goes on after a kill where it was (``DIR/state.pt``), plots its own curve and
keeps the weights that do best on episodes it has not learned from (``DIR/best.safetensors``).
"""

import csv
import hashlib
import math
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from entities.skeleton import L_FOOT, R_FOOT
from ml.corpus import Corpus, Windows, cut, read_corpus
from ml.model import ROOT, MotionConfig, MotionTransformer, Sampler, n_parameters
from ml.weights import load_into, save_weights

REACH_M = 0.10
"""A root this far from where it belongs weighs as much as features one deviation off."""
FAST_M = 0.01
"""A foot that slides this far in a frame while it stands does too."""

# What each part of the loss weighs beside the features themselves; chosen on a small corpus.
W_STEP, W_TRAVEL, W_SPEED, W_SLIDE, W_CONTACT = 1.0, 1.0, 1.0, 0.1, 0.1


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How long and how fast; what is learned from is an argument."""

    batch: int = 128  # windows a step, of each process
    steps: int = 14_000
    rate: float = 4e-4  # highest learning rate
    last_rate: float = 2e-5
    warm_up: int = 300  # steps
    decay: float = 0.01  # of weights, not of biases
    average: float = 0.999  # of the weights that are kept (EMA)
    near_change: float = 0.3  # share of windows just after a change of clause
    caption: float = 0.15  # share whose text is the whole caption
    no_text: float = 0.1  # shares that are asked nothing
    no_style: float = 0.1
    no_velocity: float = 0.1
    noise: float = 0.05  # most noise on the history, in deviations
    own_history: float = 0.25  # share whose history the model makes itself
    check_every: int = 500  # steps from one validation to the next
    check_windows: int = 512
    seed: int = 0


PRESETS = {
    "cpu-2h": TrainConfig(),
    "full": TrainConfig(batch=1024, steps=100_000, warm_up=1000, average=0.9998, check_every=1000),
}


@dataclass(slots=True, eq=False)
class Batch:
    """Windows as tensors; see ml.corpus.Windows. Features are normalised."""

    earlier: Tensor  # (B, H, F) the frames before the history
    history: Tensor  # (B, H, F)
    chunk: Tensor  # (B, C, F)
    asked: Tensor  # (B, C, 3)
    asked_earlier: Tensor  # (B, C, 3) of the chunk that starts with the history
    given: Tensor  # (B, 1)
    text: Tensor  # (B, E)
    style: Tensor  # (B, E)
    contact: Tensor  # (B, C, 2)
    valid: Tensor  # (B, C)
    rooted: Tensor  # (B, 1)


def as_batch(windows: Windows, model: MotionTransformer, device: torch.device) -> Batch:
    """To the device, normalised, with what is asked seen from where each chunk starts."""
    h, c = model.config.history, model.config.chunk

    def send(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    state = (send(windows.state) - model.mean) / model.std
    velocity, offset = send(windows.velocity), send(windows.offset)

    def asked(start: int) -> Tensor:
        turn = offset[:, start : start + 1]
        cos, sin = torch.cos(turn), torch.sin(turn)
        x, y = velocity[:, start : start + c].unbind(2)
        own = offset[:, start : start + c] - turn
        return torch.stack([x * cos + y * sin, y * cos - x * sin, own], dim=2)

    rooted = send(windows.rooted)
    return Batch(
        earlier=state[:, :h],
        history=state[:, h : 2 * h],
        chunk=state[:, 2 * h :],
        asked=asked(2 * h),
        asked_earlier=asked(h),
        given=rooted.clone(),
        text=send(windows.text),
        style=send(windows.style),
        contact=send(windows.contact),
        valid=send(windows.valid),
        rooted=rooted,
    )


def objective(
    model: MotionTransformer, batch: Batch, noise: Tensor, moment: Tensor, network=None
) -> dict[str, Tensor]:
    """The parts of the loss, and ``loss`` itself. noise (B, C, F), moment (B,) in [0, 1).

    network: what is called for the model, where it is wrapped for several devices.
    """
    along = moment[:, None, None]
    noised = (1.0 - along) * noise + along * batch.chunk
    clean, contact = (network or model)(
        noised, moment, batch.asked, batch.given, batch.history, batch.text, batch.style
    )
    clean, contact = clean.float(), contact.float()
    valid = batch.valid[..., None]
    moves = valid * batch.rooted[..., None]
    error = clean - batch.chunk
    first = batch.history[:, -1:]
    change = torch.diff(torch.cat([torch.zeros_like(first), error], dim=1), dim=1)[:, 1:]
    jump = (clean[:, 0] - first[:, 0]) - (batch.chunk[:, 0] - first[:, 0])
    step = error[..., ROOT] * model.std[ROOT]
    cos, sin = torch.cos(batch.asked[..., 2]), torch.sin(batch.asked[..., 2])
    x, y = step.unbind(2)
    travel = torch.stack([x * cos - y * sin, x * sin + y * cos], dim=2).cumsum(dim=1)
    ahead = clean * model.std + model.mean
    feet = ahead[..., [2 * L_FOOT, 2 * R_FOOT]]
    slide = feet[:, 1:] - feet[:, :-1] + ahead[:, :-1, ROOT][..., :1]
    stands = batch.contact[:, 1:] * batch.contact[:, :-1] * moves[:, 1:]
    parts = {
        "pose": _mean(error[..., : ROOT.start] ** 2, valid),
        "step": _mean(error[..., ROOT] ** 2, moves),
        "travel": _mean(F.smooth_l1_loss(travel / REACH_M, 0.0 * travel, reduction="none"), moves),
        "speed": _mean(change[..., : ROOT.start] ** 2, valid[:, 1:])
        + _mean(jump[:, None, : ROOT.start] ** 2, valid[:, :1]) / clean.shape[1],
        "slide": _mean(torch.clamp(slide / FAST_M, -5.0, 5.0) ** 2, stands),
        "contact": _mean(
            F.binary_cross_entropy_with_logits(contact, batch.contact, reduction="none"), valid
        ),
    }
    weights = {"pose": 1.0, "step": W_STEP, "travel": W_TRAVEL, "speed": W_SPEED}
    weights |= {"slide": W_SLIDE, "contact": W_CONTACT}
    return {"loss": sum(weights[name] * part for name, part in parts.items()), **parts}


def _mean(value: Tensor, weight: Tensor) -> Tensor:
    weight = weight.expand_as(value)
    return (value * weight).sum() / weight.sum().clamp(min=1.0)


def disturb(
    model: MotionTransformer, batch: Batch, config: TrainConfig, draw: torch.Generator
) -> Batch:
    """The batch with conditions left out and histories as a rollout will have them.

    Part of them are the model's own: made from the frames before, so that it learns to come back
    from where its mistakes lead. The others are noised.
    """
    n, device = len(batch.chunk), batch.chunk.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=draw).to(device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw).to(device)

    size = config.noise * uniform(n, 1, 1)
    history = batch.history + size * normal(*batch.history.shape)
    history = history + 2.0 * size * normal(n, 1, history.shape[2])
    text = batch.text * (uniform(n, 1) >= config.no_text)
    style = batch.style * (uniform(n, 1) >= config.no_style)
    given = batch.given * (uniform(n, 1) >= config.no_velocity)
    own = round(config.own_history * n)
    if own:
        noise = normal(own, *batch.chunk.shape[1:])
        with torch.no_grad():
            made, _ = model(
                noise,
                torch.zeros(own, device=device),
                batch.asked_earlier[:own],
                batch.given[:own],
                batch.earlier[:own],
                batch.text[:own],
                batch.style[:own],
            )
        made = made[:, : history.shape[1]].float()
        history = torch.cat([made, history[own:]])
    return replace(batch, history=history, text=text, style=style, given=given)


@torch.no_grad()
def validate(
    model: MotionTransformer, corpus: Corpus, config: TrainConfig, device: torch.device
) -> dict[str, float]:
    """How far sampled chunks are off on windows that never change: joints, and root over 2 s."""
    model.eval()
    rng = np.random.default_rng(12345)  # its own generator: measuring never changes training
    h, c = model.config.history, model.config.chunk
    fits, _ = corpus.starts(c)
    at = rng.choice(fits, min(config.check_windows, len(fits)), replace=False)
    draw = torch.Generator().manual_seed(12345)
    sampler = Sampler(model)
    sums: dict[str, float] = {}
    for some in np.array_split(at, math.ceil(len(at) / config.batch)):
        batch = as_batch(cut(corpus, some, 2 * h, c, rng), model, device)
        noise = torch.randn(batch.chunk.shape, generator=draw).to(device)
        moment = torch.rand(len(some), generator=draw).to(device)
        loss = objective(model, batch, noise, moment)["loss"]
        history = batch.history * model.std + model.mean
        made, _ = sampler(history, batch.text, batch.style, batch.asked, batch.given, noise)
        true = batch.chunk * model.std + model.mean
        joints = (made - true)[..., : ROOT.start].unflatten(2, (-1, 2)).norm(dim=3)
        cos, sin = torch.cos(batch.asked[..., 2]), torch.sin(batch.asked[..., 2])

        def way(state: Tensor, cos: Tensor = cos, sin: Tensor = sin) -> Tensor:
            x, y = state[..., ROOT].unbind(2)
            return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=2).cumsum(dim=1)

        off = (way(made) - way(true)).norm(dim=2) * batch.valid * batch.rooted
        share = len(some) / len(at)
        found = {
            "val_loss": loss,
            "joint_m": _mean(joints, batch.valid[..., None]),
            "root_m": off.sum() / (batch.valid * batch.rooted).sum().clamp(min=1.0),
        }
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + share * float(value)
    model.train()
    sums["score_m"] = sums["joint_m"] + sums["root_m"]
    return sums


def train(
    corpus: Corpus,
    held_out: Corpus,
    out: Path,
    config: TrainConfig,
    shape: MotionConfig,
    *,
    data: str = "",
    max_minutes: float | None = None,
    start_from: Path | None = None,
    quiet: bool = False,
) -> dict[str, float]:
    """Learn until ``config.steps`` or the minutes are over; returns the last validation.

    Goes on from ``out``/state.pt where there is one. data: what the corpora are, kept with the
    weights. start_from: weights to begin with, the optimiser anew. Raises ValueError if the state
    there belongs to another configuration.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = MotionTransformer(shape)
    mean, std = corpus.statistics()
    model.mean.copy_(torch.from_numpy(mean))
    model.std.copy_(torch.from_numpy(std))
    if start_from is not None:
        load_into(model, start_from)
    average = MotionTransformer(shape)
    average.load_state_dict(model.state_dict())
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.decay}, {"params": others}]
    optimiser = torch.optim.AdamW(groups, config.rate, betas=(0.9, 0.99), weight_decay=0.0)
    accelerator = Accelerator(mixed_precision="bf16" if has_bf16() else "no", cpu=not cuda())
    network, optimiser = accelerator.prepare(model, optimiser)
    device, main = accelerator.device, accelerator.is_main_process
    average.to(device)
    state_file, curve_file = out / "state.pt", out / "curve.csv"
    run = {"train": asdict(config), "model": asdict(shape), "data": data}
    step, best, before_s = 0, math.inf, 0.0
    if state_file.is_file():
        state = torch.load(state_file, map_location="cpu", weights_only=True)
        if state["run"] != run:
            raise ValueError(f"{state_file}: of another run; expected the same data and settings")
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, best, before_s = state["step"], state["best"], state["seconds"]
    rows = read_curve(curve_file, step)
    fits, changed = corpus.starts(shape.chunk)
    started, found = time.monotonic(), {}

    def save() -> None:
        if not main:
            return
        state = {
            "run": run, "step": step, "best": best, "seconds": seconds(),
            "model": model.state_dict(), "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
        }  # fmt: skip
        part = state_file.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, state_file)
        write_curve(curve_file, rows)

    def seconds() -> float:
        return before_s + time.monotonic() - started

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    console = Console(stderr=True, quiet=quiet or not main)
    console.print(
        f"{n_parameters(model) / 1e6:.2f}M parameters, {corpus.hours:.2f} h to learn from, "
        f"{held_out.hours:.2f} h held out, {accelerator.num_processes} x {device}"
    )
    with Progress(*columns, console=console, refresh_per_second=1) as bar:
        task = bar.add_task("", total=config.steps, completed=step)
        network.train()
        while step < config.steps:
            seeds = (config.seed, step, accelerator.process_index)
            rng = np.random.default_rng(seeds)  # a step is drawn by its number: a resume repeats it
            draw = torch.Generator().manual_seed(int(rng.integers(2**62)))
            torch.manual_seed(int(rng.integers(2**62)))  # dropout
            near = round(config.near_change * config.batch) if len(changed) else 0
            at = [rng.choice(changed, near), rng.choice(fits, config.batch - near)]
            at = rng.permutation(np.concatenate([part for part in at if len(part)]))
            windows = cut(corpus, at, 2 * shape.history, shape.chunk, rng, config.caption)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, step)
            with accelerator.autocast():
                batch = disturb(model, as_batch(windows, model, device), config, draw)
                noise = torch.randn(batch.chunk.shape, generator=draw).to(device)
                moment = torch.rand(len(at), generator=draw).to(device)
                parts = objective(model, batch, noise, moment, network)
            accelerator.backward(parts["loss"])
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            keep = min(config.average, (1.0 + step) / (10.0 + step))
            with torch.no_grad():
                for mine, new in zip(average.parameters(), model.parameters(), strict=True):
                    mine.lerp_(new, 1.0 - keep)
            row = {"step": step, "seconds": round(seconds(), 1)}
            rows.append(row | {name: round(part.item(), 6) for name, part in parts.items()})
            bar.update(task, completed=step, description=f"loss {rows[-1]['loss']:.3f}")
            out_of_time = max_minutes is not None and time.monotonic() - started > 60 * max_minutes
            if step % config.check_every == 0 or step == config.steps or out_of_time:
                if main:
                    found = validate(average, held_out, config, device)
                    rows[-1] |= {name: round(value, 6) for name, value in found.items()}
                    save_weights(average, out / "last.safetensors", data, step)
                    if found["score_m"] < best:
                        best = found["score_m"]
                        save_weights(average, out / "best.safetensors", data, step)
                    told = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
                    console.print(f"step {step}: {told}", highlight=False)
                save()
                if main:
                    plot(rows, out / "curve.png")
            if out_of_time:
                break
    accelerator.wait_for_everyone()
    return found


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then a cosine down to ``last_rate``."""
    if step < config.warm_up:
        return config.rate * (step + 1) / config.warm_up
    done = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    return config.last_rate + 0.5 * (config.rate - config.last_rate) * (
        1.0 + math.cos(math.pi * done)
    )


def cuda() -> bool:
    """Whether there is a GPU to learn on."""
    return torch.cuda.is_available()


def has_bf16() -> bool:
    """Whether bfloat16 is fast here: a GPU that has it, or a CPU with instructions for it."""
    if cuda():
        return torch.cuda.is_bf16_supported()
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def read_curve(path: Path, step: int) -> list[dict[str, float]]:
    """What was learned up to a step: one row a step."""
    if not path.is_file() or step == 0:
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    return [row | {"step": int(row["step"])} for row in rows if row["step"] <= step]


def write_curve(path: Path, rows: list[dict[str, float]]) -> None:
    """One row a step, as CSV."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """The curve as a picture: what is learned from, and what is held out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = np.array([row["step"] for row in rows])
    width = max(len(rows) // 200, 1)
    kernel = np.ones(width) / width
    for name in ("loss", "pose", "step", "travel", "speed"):
        values = np.array([row[name] for row in rows])
        left.plot(steps[width - 1 :], np.convolve(values, kernel, "valid"), label=name)
    left.set(yscale="log", xlabel="step", title="learned from")
    left.legend()
    checks = [row for row in rows if "joint_m" in row]
    for name in ("joint_m", "root_m"):
        right.plot([row["step"] for row in checks], [row[name] for row in checks], "o-", label=name)
    right.set(yscale="log", xlabel="step", title="held out: m, over a chunk")
    right.legend()
    part = path.with_suffix(".part.png")
    figure.savefig(part, dpi=110)
    os.replace(part, path)


app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    datasets: Annotated[list[Path], typer.Argument(help="Folders of recorded episodes.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; goes on from what is there.")],
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")] = "cpu-2h",
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Stop, resumable, after this.")] = None,
    start_from: Annotated[Path | None, typer.Option(help="Weights to begin with.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet")] = False,
) -> None:
    """Train the motion model."""
    if preset not in PRESETS:
        raise typer.BadParameter(f"--preset: {preset!r}; expected one of {', '.join(PRESETS)}")
    given = {"steps": steps, "batch": batch, "seed": seed}
    config = replace(PRESETS[preset], **{k: v for k, v in given.items() if v is not None})
    try:
        learn = Corpus.join([read_corpus(path, "train") for path in datasets])
        held_out = Corpus.join([read_corpus(path, "val") for path in datasets])
        digest = hashlib.sha256(learn.state.tobytes() + held_out.state.tobytes())
        train(
            learn,
            held_out,
            out,
            config,
            MotionConfig(),
            data=digest.hexdigest()[:16],
            max_minutes=max_minutes,
            start_from=start_from,
            quiet=quiet,
        )
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None


if __name__ == "__main__":
    app()
