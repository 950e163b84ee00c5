"""Every command, given what is damaged or meant to do harm.

A command that is given such a thing ends within LIMIT_S with 0, with 1 and what it left out, or
with 2 and one line; it prints no number that is not one, and changes nothing but what it was to
write.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import sim.evaluate.model_tables
import sim.window.window
from ml.motion.runtime import default_model
from sim.robustness import damaged_datasets, damaged_files, damaged_models
from sim.robustness.campaign import Outcome, pick
from sim.robustness.isolation import Ended, command, isolated
from sim.robustness.watch import changes, state_of

LIMIT_S = 10.0
"""Of processor time, for a command; longer is a hang. By the clock it may be three times as much:
the machine may have other things to do."""
MOST_FILMS, FILM_S = 100, 5.0
"""Lines up to which a damaged list is given to the command that films it, and the time for each."""
WINDOW_PICTURES = 30
"""After which a window that odd flags have opened is closed."""
SMALL = ("--size", "64x36", "--fps", "10", "--seconds", "0.2", "--quiet")
"""Flags of a tiny film."""
LOADED = (
    *("run_sim", "ml.train", "ml.export", "matplotlib.figure", "onnxruntime", "rerun"),
    *("sim.output.video", "sim.window.window", "tools.benchmark", "tools.contact_sheet"),
    *("tools.evaluate", "tools.generate_dataset", "tools.import_bvh", "tools.inspect_dataset"),
    *("tools.measure", "tools.preprocess_embeddings", "tools.render_batch"),
)
"""Modules that commands load: a process that has them already forks a command in no time."""


def ready() -> None:
    """Load what commands need, and make what is damaged, once for all tries."""
    for name in LOADED:
        import_module(name)
    with TemporaryDirectory() as folder:
        damaged_datasets.write_sample(Path(folder))
    damaged_files.scene_text()
    damaged_models.still_model()


@dataclass(frozen=True, slots=True)
class Order:
    """A command and its arguments. may_change: what it may write, relative to the try's folder."""

    name: str
    module: str
    arguments: tuple[object, ...]
    may_change: tuple[str, ...] = ("out",)
    before: Callable[[], None] | None = None  # done in its process first
    limit_s: float = 3.0 * LIMIT_S  # by the clock; a machine may have other things to do


def run_orders(orders: Iterable[Order], folder: Path, outcome: Outcome) -> None:
    """Run commands one after the other in a folder, and add what became of them."""
    before = state_of(folder)
    for order in orders:
        out = folder / "out"
        out.mkdir(exist_ok=True)
        work = partial(_obey, order)
        ended = isolated(work, order.limit_s, out)
        outcome.runs += 1
        outcome.refused += ended.code == 2
        outcome.slowest_s = max(outcome.slowest_s, ended.seconds)
        wrong = wrong_end(ended)
        after = state_of(folder)
        wrong += changes(before, after, order.may_change)
        outcome.failures += [f"{order.name}: {line}" for line in wrong]
        before = after


def _obey(order: Order) -> None:
    if order.before is not None:
        order.before()
    command(order.module, *order.arguments)()


def wrong_end(ended: Ended) -> list[str]:
    """What is wrong with the way a command ended, with its stderr where that says why."""
    if ended.hung or ended.cpu_s > LIMIT_S:
        return [f"hangs: {ended.seconds:.1f} s, {ended.cpu_s:.1f} s of processor time"]
    lines = ended.err.strip().splitlines()
    if ended.code not in (0, 1, 2) or "Traceback (most recent call last)" in ended.err:
        return [f"{ended.what()}\n{ended.err}"]
    if ended.code == 2 and len(lines) != 1:
        return [f"refused in {len(lines)} lines: {lines[:3]}"]
    if ended.left_behind:
        return ["what it had started lives on"]
    if found := re.search(r"(?<![\w./-])(nan|-?inf)(?![\w./-])", ended.out, re.IGNORECASE):
        return [f"prints {found[0]}: {_line_of(ended.out, found.start())!r}"]
    return []


def _line_of(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 :].split("\n", 1)[0].strip()


def dataset_orders(dataset: Path, clips: Path, scene: Path, model: Path) -> list[Order]:
    """Every quick command that takes a dataset, for one that lies beside ``out``.

    Those that only read come first. clips: a folder of BVH files. scene: a scene file. model: a
    motion model.
    """
    out, writes = dataset.parent / "out", ("out", dataset.name)
    at_once = "--headless", "--quiet", "--motion", "procedural", "--seconds", 0.2
    a_step = "--steps", 1, "--max-minutes", 0, "--quiet"
    few = "--samples", 3, "--seconds", 1, "--workers", 1, "--quiet"
    a_moment = "--minutes", 0.01, "--steady", 1
    inspect, generate = "tools.inspect_dataset", "tools.generate_dataset"
    files = "--json", out / "a.json", "--bvh", out / "a.bvh"
    return [
        Order("replay", "run_sim", ("--replay", dataset, "--headless", "--quiet")),
        Order("inspect", inspect, (dataset,)),
        Order("inspect to files", inspect, (dataset, *files)),
        Order("check a scene", generate, (dataset, "--check", 0)),
        Order("measure", "tools.measure", ("compare", dataset, dataset)),
        Order("train", "ml.train", (dataset, "--out", out / "run", *a_step)),
        Order(
            "evaluate",
            "tools.evaluate",
            ("rollout", model, "--data", dataset, *a_moment),
            before=_without_rollouts,
        ),
        Order("embeddings", "tools.preprocess_embeddings", (dataset, "--quiet"), writes),
        Order("record", "run_sim", ("--scene", scene, *at_once, "--record", dataset), writes),
        Order("import", "tools.import_bvh", (clips, "--out", dataset), writes),
        Order("generate", generate, (dataset, *few), writes),
    ]


def slow_dataset_orders(dataset: Path) -> list[Order]:
    """The other commands that take a dataset: they take seconds, and read it as those above do."""
    out = dataset.parent / "out"
    inspect, pages = "tools.inspect_dataset", ("--html", out / "g", "--markdown", out / "a.md")
    films = out / "films", "--workers", 1, *SMALL
    return [
        Order("films", "tools.render_batch", (dataset, *films)),
        Order("replay to a film", "run_sim", ("--replay", dataset, "--video", "a.mp4", *SMALL)),
        Order("replay to pictures", "run_sim", ("--replay", dataset, "--frames", "p", *SMALL)),
        Order("inspect to rerun", inspect, (dataset, "--rerun", out / "a.rrd")),
        Order("inspect to pages", inspect, (dataset, *pages)),
        Order("inspect to sheets", inspect, (dataset, "--sheets", out / "s")),
    ]


def _without_rollouts() -> None:
    """Leave out what takes minutes and does not depend on the data that is read before it."""

    def enough(*_: object) -> None:
        raise SystemExit(0)

    sim.evaluate.model_tables.measure_rollouts = enough


def _window_closes() -> None:
    """Have a viewer close the window soon, who would otherwise be waited for."""
    step, shown = sim.window.window.Window.step, count()

    def shortly(window: sim.window.window.Window, elapsed_s: float) -> None:
        step(window, elapsed_s)
        window.session.open = window.session.open and next(shown) < WINDOW_PICTURES

    sim.window.window.Window.step = shortly


def damaged_dataset(seed: int, folder: Path) -> Outcome:
    """Give a damaged dataset to every command that takes one; to the slow ones in turn."""
    dataset = damaged_datasets.damaged(seed, folder)
    clips, scene = folder / "clips", folder / "scene.json"
    clips.mkdir()
    (clips / "walk_1.bvh").write_text(damaged_files.walk_bvh(), encoding="utf-8")
    scene.write_text(damaged_files.scene_text(), encoding="utf-8")
    slow = slow_dataset_orders(dataset)
    first = slow[seed % len(slow)]
    orders = [first, *dataset_orders(dataset, clips, scene, default_model())]
    outcome = Outcome()
    run_orders(orders, folder, outcome)
    return outcome


def damaged_file(seed: int, folder: Path) -> Outcome:
    """Read a damaged text file, then give it to the command that it is for."""
    outcome = damaged_files.attempt(seed, folder)
    (path,) = (path for path in folder.iterdir() if path.name in FILE_ORDERS)
    module, *arguments = FILE_ORDERS[path.name]
    given = [path if one == "FILE" else folder / one[2:] if one[:2] == "./" else one
             for one in arguments]  # fmt: skip
    (folder / damaged_files.CLIP).write_text(damaged_files.walk_bvh(), encoding="utf-8")
    # A list that is sound after all is filmed, line by line.
    films = path.read_bytes().count(b"\n") if module == "tools.render_batch" else 0
    if films > MOST_FILMS:
        return outcome
    limit_s = 3.0 * LIMIT_S + films * FILM_S
    run_orders([Order(path.name, module, tuple(given), limit_s=limit_s)], folder, outcome)
    return outcome


_TALE = ("--prompt", "anna waves, bob waits", "--headless", "--quiet", "--motion", "procedural")
FILE_ORDERS: dict[str, tuple[str, ...]] = {
    "scene.json": (
        *("run_sim", "--scene", "FILE", "--headless", "--quiet"),
        *("--seconds", "0.1", "--motion", "procedural"),
    ),
    "script.txt": ("run_sim", *_TALE, "--seconds", "1", "--script", "FILE"),
    "script.json": ("run_sim", *_TALE, "--seconds", "1", "--script", "FILE"),
    **dict.fromkeys(
        ("shots.jsonl", "shots.csv", "shots.txt"),
        ("tools.render_batch", "FILE", "films", "--workers", "1", *SMALL, "--motion", "procedural"),
    ),
    "walk.bvh": ("tools.import_bvh", "FILE", "--out", "d"),
    **dict.fromkeys(
        ("index.csv", "captions.txt"),
        ("tools.import_bvh", f"./{damaged_files.CLIP}", "--index", "FILE", "--out", "d"),
    ),
}
"""The command for each kind of file, in a folder of its own."""


def odd_flags(seed: int, folder: Path) -> Outcome:
    """Give odd values, unknown flags and too many or too few of them to every command in turn."""
    draw = np.random.default_rng([seed, 41])
    scene = folder / "scene.json"
    scene.write_text(damaged_files.scene_text(), encoding="utf-8")
    clip = folder / damaged_files.CLIP
    clip.write_text(damaged_files.walk_bvh(), encoding="utf-8")
    damaged_datasets.write_sample(folder / "d")
    known = {"SCENE": str(scene), "CLIP": str(clip), "DATA": str(folder / "d")}
    known |= {"HERE": str(folder), "MODEL": str(default_model())}
    outcome = Outcome()
    module, *words = PLAIN[seed % len(PLAIN)]
    words = [known.get(word, word) for word in words]
    for _ in range(1 + int(draw.random() < 0.3)):
        at = int(draw.integers(len(words) + 1))
        way = int(draw.integers(4))
        if way == 0 and words:
            del words[min(at, len(words) - 1)]
        elif way == 1:
            words.insert(at, pick(draw, FLAGS))
        elif values := [k for k, word in enumerate(words) if not word.startswith("--")]:
            words[pick(draw, values)] = pick(draw, [*ODD_VALUES, *known.values()])
    (folder / "words.txt").write_text("\n".join([module, *words]), encoding="utf-8")
    name = " ".join([module, *words])[:150]
    before = {"tools.evaluate": _without_rollouts, "run_sim": _window_closes}.get(module)
    order = Order(name, module, tuple(words), ("out", "d"), before)
    run_orders([order], folder, outcome)
    return outcome


PLAIN = (
    ("run_sim", *_TALE, "--seconds", "0.2"),
    ("run_sim", "--scene", "SCENE", "--headless", "--seconds", "0.2", "--motion", "procedural"),
    ("run_sim", "--prompt", "a man runs", "--video", "a.mp4", *SMALL),
    ("run_sim", "--prompt", "a man runs", "--frames", "p", *SMALL, "--camera", "orbit"),
    ("run_sim", "--replay", "DATA", "--headless", "--episode", "1"),
    ("run_sim", "--prompt", "a man runs", "--dump-scene", "a.json", "--seed", "3"),
    ("tools.render_batch", "DATA", "films", *SMALL, "--workers", "1", "--kind", "gif"),
    ("tools.import_bvh", "CLIP", "--out", "e", "--up", "y", "--split", "val"),
    ("tools.inspect_dataset", "DATA", "--json", "a.json", "--episode", "0"),
    ("tools.inspect_dataset", "DATA", "--sheets", "s", "--worst", "1"),
    ("tools.generate_dataset", "g", "--samples", "3", "--seconds", "1", "--workers", "1"),
    ("tools.generate_dataset", "DATA", "--check", "0"),
    ("tools.preprocess_embeddings", "DATA", "--encoder", "minilm"),
    ("tools.measure", "compare", "DATA", "SCENE"),
    ("tools.contact_sheet", "prompt", "a man runs", "a.png", "--frames", "2", "--width", "64"),
    ("tools.contact_sheet", "stages", "a.png", "park", "--width", "64"),
    ("tools.evaluate", "rollout", "MODEL", "--data", "DATA", "--minutes", "0.01"),
    ("tools.evaluate_story", "SCENE"),
    ("ml.train", "DATA", "--out", "run", "--steps", "1", "--max-minutes", "0", "--quiet"),
    ("ml.export", "MODEL", "--out", "a.onnx"),
    ("tools.fit_adapter", "minilm", "--corpus", "SCENE", "--out", "a.npz"),
    ("tools.embeddings", "benchmark", "minilm", "--out", "a.md"),
    ("tools.benchmark", "window", "--seconds", "0.2", "--actors", "1"),
)
"""A short run of every command: SCENE, CLIP, DATA, HERE and MODEL stand for what lies there."""
ODD_VALUES = (
    "", " ", "-", "--", "0", "-1", "1e999", "-nan", "infinity", "0.0001", "99999999999999999999",
    "true", "\u2028", "\x1b[31m", "é", "a:b", "x" * 300, "..", "/", "/dev/null", "/proc/self/mem",
    "~", "none.json", "a.json", "a.png", "a.mp4", "1x1", "64x36", "0x0", "99999x99999", "[/bold]",
    "minilm@3", "gemini", "ray", "procedural", "learned", "walk", "a man runs",
)  # fmt: skip
FLAGS = (
    "--help", "--no", "-x", "--seed", "--size", "--seconds", "--fps", "--out", "--quiet",
    "--workers", "--address", "--engine", "--motion", "--model", "--scene", "--record", "--version",
    "--data", "--markdown", "--episode", "--camera", "--follow", "--transparent",
)  # fmt: skip
