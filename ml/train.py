"""``python -m ml.train DATASET … --out DIR``: from episodes to a motion model, top to bottom.

One command trains, goes on after a kill where it was (``DIR/state.safetensors``), plots its own
curve and keeps the weights that do best on episodes it has not learned from
(``DIR/best.safetensors``).
"""

import csv
import hashlib
import io
import math
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from entities.atomic_write import whole, write_whole
from entities.command import extra_imports, refused_by_system, run_command, users_fault
from entities.errors import UserError
from entities.files import read_text
from ml.episodes import open_dataset
from ml.measure.metrics import MOTION_FPS
from ml.motion.corpus import Corpus, cut_windows, read_corpus

with extra_imports("train", __name__):
    import torch
    from accelerate import Accelerator
    from matplotlib.figure import Figure
    from torch import Tensor
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    from ml.motion.model import ROOT, MotionConfig, MotionTransformer, n_parameters
    from ml.motion.objective import (
        Augmentation,
        augment,
        losses,
        objective,
        root_path,
        to_batch,
        weighted_mean,
    )
    from ml.motion.weights import load_into, load_model, load_state, save_state, save_weights


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Hyperparameters of a run. Its fields are part of the state of a run."""

    batch: int = 64  # windows per step and process
    takes: int = 2  # per window
    steps: int = 6_000  # of each stage
    rate: float = 1e-4  # highest learning rate
    mean_rate: float = 5e-4  # the same with regression
    last_rate: float = 1e-5
    warm_up: int = 300  # steps
    decay: float = 0.01  # weight decay, of matrices only
    average: float = 0.999  # decay of the weights' exponential moving average, which is kept
    near_change: float = 0.3  # share of windows just after a change of clause
    caption: float = 0.15  # share of windows whose text is the whole caption
    disturbance: Augmentation = field(default_factory=Augmentation)
    regression: bool = False  # one take without noise, by its square error: the mean
    check_every: int = 500  # steps from one validation to the next
    check_windows: int = 512
    seed: int = 0


STATE = "state.safetensors"
"""What a run needs to go on, in its folder."""
MEAN = "mean"
"""Subfolder of a run for its first stage, the regression."""
PRESETS = {
    "cpu-2h": TrainConfig(),
    "full": TrainConfig(
        batch=1024, steps=100_000, rate=3e-4, warm_up=1000, average=0.9998, check_every=1000
    ),
}


@torch.no_grad()
def validate(
    model: MotionTransformer, corpus: Corpus, config: TrainConfig, device: torch.device
) -> dict[str, float]:
    """The loss and errors in m of takes on a fixed sample of held-out windows.

    val_loss. joint_m, root_m: mean error of joints, and of the root over the chunk. spread_m: mean
    distance of two takes' joints, about joint_m if takes vary as much as real motion.
    """
    model.eval()
    rng = np.random.default_rng(12345)  # its own generator: measuring never changes training
    h, c = model.config.history, model.config.chunk
    starts, _ = corpus.chunk_starts(c)
    at = rng.choice(starts, min(config.check_windows, len(starts)), replace=False)
    generator = torch.Generator().manual_seed(12345)
    sums: dict[str, float] = {}
    for some in np.array_split(at, math.ceil(len(at) / config.batch)):
        batch = to_batch(cut_windows(corpus, some, 2 * h, c, rng), model, device)
        noise = torch.randn((n_takes(config), *batch.chunk.shape), generator=generator).to(device)
        made, contact = model(noise, *batch.conditions)
        values = {"val_loss": losses(model, batch, made, contact)["loss"]}
        for name, other in (("joint_m", batch.chunk), ("spread_m", made[-1])):
            poses = ((made[0] - other) * model.std)[..., : ROOT.start].unflatten(2, (-1, 2))
            values[name] = weighted_mean(poses.norm(dim=3), batch.valid[..., None])
        steps = (made[0] - batch.chunk)[..., ROOT] * model.std[ROOT]
        error = root_path(steps, batch.asked[..., 2]).norm(dim=2)
        values["root_m"] = weighted_mean(error, batch.valid * batch.root_valid)
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(some) / len(at)
    model.train()
    return sums


def n_takes(config: TrainConfig) -> int:
    """Takes per window."""
    return 1 if config.regression else config.takes


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
    """Train until ``config.steps`` or ``max_minutes``; returns the last ``validate``, if there was
    one, and the ``step`` reached.

    Goes on from ``out``/STATE if it exists. data: digest of the corpora, kept with the weights.
    start_from: initial weights, with a new optimiser. Raises UserError if the state belongs to
    another configuration, or is damaged, and if the corpora hold too little.
    """
    check_corpora(corpus, held_out, shape)
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".*.part"):  # of runs that were killed
        left.unlink(missing_ok=True)
    torch.manual_seed(config.seed)
    model = MotionTransformer(shape)
    mean, std = corpus.statistics()
    model.mean.copy_(torch.from_numpy(mean))
    model.std.copy_(torch.from_numpy(std))
    if start_from is not None:
        load_into(model, start_from)
    if config.regression:
        model.disable_noise()
    else:
        model.enable_noise()
    average = MotionTransformer(shape)
    average.load_state_dict(model.state_dict())
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.decay}, {"params": others}]
    optimiser = torch.optim.AdamW(groups, config.rate, (0.9, 0.99), weight_decay=0.0, fused=True)
    accelerator = Accelerator(mixed_precision="bf16" if has_bf16() else "no", cpu=not has_gpu())
    network, optimiser = accelerator.prepare(model, optimiser)
    device, main = accelerator.device, accelerator.is_main_process
    average.to(device)
    kept, learned = list(average.parameters()), list(model.parameters())
    state_file, curve_file = out / STATE, out / "curve.csv"
    run = {"train": asdict(config), "model": asdict(shape), "data": data}
    step, best, before_s = 0, math.inf, 0.0
    if state_file.exists():
        tensors, about = load_state(state_file)
        if about["run"] != run:
            raise UserError(f"{state_file}: of another run; expected the same data and settings")
        model.load_state_dict(_part(tensors, "model"))
        average.load_state_dict(_part(tensors, "average"))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optimiser").items():
            number, what = name.split(".")
            moments.setdefault(int(number), {})[what] = tensor
        optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        step, best, before_s = about["step"], float(about["best"]), about["seconds"]
    rows = read_curve(curve_file, step)
    # Frames at which chunks may start, with their sampling: all, and those after a change.
    pools = [(at, corpus.sampling_cdf(at)) for at in corpus.chunk_starts(shape.chunk)]
    started, found = time.monotonic(), {}

    def save() -> None:
        if not main:
            return
        moments = optimiser.state_dict()["state"]
        tensors = {
            **{f"model.{name}": tensor for name, tensor in model.state_dict().items()},
            **{f"average.{name}": tensor for name, tensor in average.state_dict().items()},
            **{
                f"optimiser.{number}.{name}": tensor
                for number, each in moments.items()
                for name, tensor in each.items()
            },
        }
        # The curve first: of its rows those behind the state's step are dropped after a kill.
        write_curve(curve_file, rows)
        about = {"run": run, "step": step, "best": str(best), "seconds": seconds()}
        save_state(state_file, tensors, about)

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
            rng = np.random.default_rng(seeds)  # by the step's number, so that a resume repeats it
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            torch.manual_seed(int(rng.integers(2**62)))  # dropout
            near = round(config.near_change * config.batch) if len(pools[1][0]) else 0
            drawn = [
                at[np.searchsorted(cdf, rng.random(n), side="right")]
                for n, (at, cdf) in zip((config.batch - near, near), pools, strict=True)
            ]
            at = rng.permutation(np.concatenate(drawn))
            windows = cut_windows(corpus, at, 2 * shape.history, shape.chunk, rng, config.caption)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, step)
            with accelerator.autocast():
                batch = to_batch(windows, model, device)
                batch = augment(model, batch, config.disturbance, generator)
                noise = torch.randn((n_takes(config), *batch.chunk.shape), generator=generator)
                parts = objective(model, batch, noise.to(device), network)
            accelerator.backward(parts["loss"])
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            keep = min(config.average, (1.0 + step) / (10.0 + step))
            get_ema_multi_avg_fn(keep)(kept, learned, step)
            row = {"step": step, "seconds": round(seconds(), 1)}
            rows.append(row | {name: round(part.item(), 6) for name, part in parts.items()})
            bar.update(task, completed=step, description=f"loss {rows[-1]['loss']:.3f}")
            late = max_minutes is not None and time.monotonic() - started > 60 * max_minutes
            # All processes stop at the same step, or some would wait for the others forever.
            out_of_time = bool(accelerator.reduce(torch.tensor(float(late), device=device)))
            if step % config.check_every == 0 or step == config.steps or out_of_time:
                if main:
                    found = validate(average, held_out, config, device)
                    rows[-1] |= {name: round(value, 6) for name, value in found.items()}
                    save_weights(average, out / "last.safetensors", data, step)
                    if found["val_loss"] < best:
                        best = found["val_loss"]
                        save_weights(average, out / "best.safetensors", data, step)
                    values = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
                    console.print(f"step {step}: {values}", highlight=False)
                save()
                if main:
                    plot(rows, out / "curve.png")
            if out_of_time:
                break
    accelerator.wait_for_everyone()
    return found | {"step": float(step)}


def check_corpora(corpus: Corpus, held_out: Corpus, shape: MotionConfig) -> None:
    """Raises UserError for corpora from which a model of this shape cannot be learned."""
    for name, one in (("train", corpus), ("val", held_out)):
        if not len(one.chunk_starts(shape.chunk)[0]):
            seconds = shape.chunk / MOTION_FPS
            raise UserError(f"split {name}: no episode of {seconds:.1f} s, as long as a chunk is")
    if not corpus.root_valid.any():
        raise UserError("split train: no episode whose root is to be learned")
    if not (np.isfinite(corpus.state).all() and np.isfinite(held_out.state).all()):
        raise UserError("the datasets hold numbers that are not finite")
    if corpus.vectors.shape[1] != shape.text:
        found, expected = corpus.vectors.shape[1], shape.text
        raise UserError(f"texts of {found} numbers; the model expected {expected}")


def train_from_scratch(
    corpus: Corpus, held_out: Corpus, out: Path, config: TrainConfig, shape: MotionConfig, **others
) -> dict[str, float]:
    """Train in two stages: a regression in ``out``/mean, then takes from its weights.

    From random weights takes do not learn to resemble real motion: what drives two of them apart is
    then as strong as what drives them together. others: keyword arguments of ``train``.
    """
    started, minutes = time.monotonic(), others.pop("max_minutes", None)
    mean = replace(config, regression=True)
    found = train(corpus, held_out, out / MEAN, mean, shape, max_minutes=minutes, **others)
    if found["step"] < mean.steps:
        return found
    if minutes is not None:
        minutes = max(minutes - (time.monotonic() - started) / 60.0, 0.0)
    others |= {"max_minutes": minutes, "start_from": out / MEAN / "best.safetensors"}
    return train(corpus, held_out, out, config, shape, **others)


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of one part of a state, by their names in it."""
    return {
        key.removeprefix(f"{name}."): tensor
        for key, tensor in tensors.items()
        if key.startswith(f"{name}.")
    }


def learning_rate(config: TrainConfig, step: int) -> float:
    """The learning rate at a step: a linear warm-up, then a cosine down to ``last_rate``."""
    rate = config.mean_rate if config.regression else config.rate
    if step < config.warm_up:
        return rate * (step + 1) / config.warm_up
    done = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    return config.last_rate + 0.5 * (rate - config.last_rate) * (1.0 + math.cos(math.pi * done))


def has_gpu() -> bool:
    """Whether there is a GPU that torch can use."""
    return torch.cuda.is_available()


def has_bf16() -> bool:
    """Whether the GPU, or without one the CPU, has instructions for bfloat16."""
    if has_gpu():
        return torch.cuda.is_bf16_supported()
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def read_curve(path: Path, step: int) -> list[dict[str, float]]:
    """The rows of curve.csv up to a step, one per step. Raises UserError for any other file."""
    if not path.is_file() or step == 0:
        return []
    lines = csv.DictReader(io.StringIO(read_text(path)))
    try:
        rows = [{k: float(v) for k, v in row.items() if v} for row in lines]
        rows = [row | {"step": int(row["step"])} for row in rows if row["step"] <= step]
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path}: damaged; remove it to go on without it") from None
    return rows


def write_curve(path: Path, rows: list[dict[str, float]]) -> None:
    """Write curve.csv, atomically: one row per step."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def plot(rows: list[dict[str, float]], path: Path) -> None:
    """Plot the curve: losses in training, and errors on held-out windows."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = np.array([row["step"] for row in rows])
    width = max(len(rows) // 200, 1)
    kernel = np.ones(width) / width
    for name in ("loss", "pose", "root", "travel", "speed", "bend"):
        values = np.array([row.get(name, np.nan) for row in rows])
        left.plot(steps[width - 1 :], np.convolve(values, kernel, "valid"), label=name)
    left.set(yscale="log", xlabel="step", title="learned from")
    left.legend()
    checks = [row for row in rows if "joint_m" in row]
    for name in ("joint_m", "spread_m", "root_m"):
        right.plot([row["step"] for row in checks], [row[name] for row in checks], "o-", label=name)
    right.set(yscale="log", xlabel="step", title="held out: m, over a chunk")
    right.legend()
    with whole(path) as part:
        figure.savefig(part, dpi=110, format="png")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def main(
    datasets: Annotated[list[Path], typer.Argument(help="Folders of recorded episodes.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; goes on from what is there.")],
    preset: Annotated[str, typer.Option(help=f"One of {', '.join(PRESETS)}.")] = "cpu-2h",
    steps: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Instead of the preset's.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.0, help="Highest learning rate; less, to go on from good weights."),
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0.0, help="Stop, resumable, after this.")
    ] = None,
    start_from: Annotated[Path | None, typer.Option(help="Weights to begin with.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    regression: Annotated[
        bool, typer.Option("--regression", help="The baseline: one take, by its mean square.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet")] = False,
) -> None:
    """Train the motion model."""
    with users_fault():
        if preset not in PRESETS:
            raise ValueError(f"--preset: {preset!r}; expected one of {', '.join(PRESETS)}")
        for name, number in (("rate", rate), ("max-minutes", max_minutes)):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"--{name}: {number}; expected a finite number")
        given = {"steps": steps, "batch": batch, "seed": seed, "regression": regression}
        given["mean_rate" if regression else "rate"] = rate
        config = replace(PRESETS[preset], **{k: v for k, v in given.items() if v is not None})
        shape = load_model(start_from)[0].config if start_from else MotionConfig()
        learn = Corpus.join([read_corpus(path, "train") for path in datasets])
        # A dataset of a single episode has none to hold out; the others' are enough.
        some = [path for path in datasets if "val" in open_dataset(path).splits]
        held_out = Corpus.join([read_corpus(path, "val") for path in some or datasets])
        digest = hashlib.sha256(learn.state.tobytes() + held_out.state.tobytes())
        others = {"data": digest.hexdigest()[:16], "max_minutes": max_minutes, "quiet": quiet}
    with refused_by_system():
        if start_from is None and not config.regression:
            train_from_scratch(learn, held_out, out, config, shape, **others)
        else:
            train(learn, held_out, out, config, shape, start_from=start_from, **others)


if __name__ == "__main__":
    run_command(app)
