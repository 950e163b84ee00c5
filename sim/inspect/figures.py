"""Figures of a dataset: counts, balance, spread, realism by action, worst samples."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTIONS, ActionType
from ml.episodes.reader import SPLITS, Episode, EpisodeDataset, TrainingUse
from ml.measure.metrics import (
    MOTION_FPS,
    bone_deviation,
    foot_penetration,
    joint_speed,
    limit_violations,
    mean_speed,
    peak_jerk,
    skating_ratio,
)
from ml.measure.report import Section
from sim.inspect.reconstruct import actions_of, motion_of, walks_on_two_legs

SHORTEST_S = 1.0
"""Stretches of an action shorter than this are counted but not measured."""
TURN = np.radians(60.0)
"""rad: an episode turns if its heading changes by more between any two moments."""
WANTED = (ActionType.WALK, ActionType.JOG, ActionType.RUN, ActionType.SPRINT, ActionType.JUMP)
"""Actions that a dataset must have, beside turns; each that is missing is a miss."""
FAR_EDGES = (0, 0.05, 0.5, 1, 2, 4, 6, 8, 10, 15, 20, 30, 40, 60, 100)
SPEED_EDGES = (0, 0.05, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 12)


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of an episode."""

    index: int
    task: str
    split: str
    teaches: str
    kind: str
    style: str
    seconds: float
    far: float  # m from where it starts to where it ends
    speed: float  # m/s
    turn: float  # rad, largest change of heading
    actions: dict[str, float]  # seconds of each, in order of appearance
    skate: float
    sink: float  # m
    jerk: float  # m/s³
    bones: float
    limits: float
    pop: float  # m/s, the fastest joint
    parts: list["Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one action."""

    action: ActionType
    seconds: float
    speed: float
    skate: float
    jerk: float
    limits: float


def measure(episode: Episode) -> Sample:
    """Every figure of an episode. Contacts, knees and elbows are those of two-legged bodies."""
    motion, upright = motion_of(episode), walks_on_two_legs(episode)
    stretches = actions_of(episode)
    ends = [first for first, _ in stretches[1:]] + [len(episode)]
    actions: dict[str, float] = {}
    parts = []
    for (first, action), end in zip(stretches, ends, strict=True):
        seconds = (end - first) / MOTION_FPS
        actions[action.value] = actions.get(action.value, 0.0) + seconds
        if upright and seconds >= SHORTEST_S:
            part = motion.between(first / MOTION_FPS, (end - 1) / MOTION_FPS)
            parts.append(
                Part(
                    action=action,
                    seconds=seconds,
                    speed=mean_speed(part),
                    skate=skating_ratio(part),
                    jerk=peak_jerk(part),
                    limits=limit_violations(part)[0],
                )
            )
    away = motion.root[-1, :2] - motion.root[0, :2]
    return Sample(
        index=episode.index,
        task=episode.task,
        split=episode.split,
        teaches=episode.teaches,
        kind=episode.actor_type,
        style=episode.style,
        seconds=len(episode) / MOTION_FPS,
        far=float(np.hypot(*away)),
        speed=mean_speed(motion),
        turn=float(np.ptp(motion.heading)),
        actions=actions,
        skate=skating_ratio(motion) if upright else 0.0,
        sink=foot_penetration(motion)[0],
        jerk=_number(peak_jerk(motion)),
        bones=bone_deviation(motion),
        limits=limit_violations(motion)[0] if upright else 0.0,
        pop=float(joint_speed(motion).max(initial=0.0)),
        parts=parts,
    )


def _number(value: float) -> float:
    return 0.0 if np.isnan(value) else value


def counts_section(dataset: EpisodeDataset, samples: list[Sample]) -> Section:
    """Numbers of episodes, minutes, captions and kinds, by split."""
    section = Section("Counts", ("", "all", *SPLITS))

    split_of = dict(zip(dataset.indices, dataset.splits, strict=True))

    def row(name: str, count: Callable[[list[Sample]], object]) -> None:
        by_split = [[s for s in samples if split_of[s.index] == split] for split in SPLITS]
        section.rows.append((name, *(str(count(of)) for of in (samples, *by_split))))

    row("episodes", len)
    row("minutes", lambda of: f"{sum(s.seconds for s in of) / 60.0:.1f}")
    row("captions", lambda of: len({s.task for s in of}))
    row("that turn by more than 60 degrees", lambda of: sum(s.turn > TURN for s in of))
    row("that change their action", lambda of: sum(len(s.actions) > 1 for s in of))
    row("in a style", lambda of: sum(bool(s.style) for s in of))
    for kind in TrainingUse:
        row(f"that teach {kind.value}", lambda of, kind=kind: sum(s.teaches == kind for s in of))
    for kind, _ in Counter(s.kind for s in samples).most_common():
        row(f"bodies: {kind}", lambda of, kind=kind: sum(s.kind == kind for s in of))
    size = dataset.n_bytes
    section.notes = [
        f"{dataset.n_scenes} scenes, {dataset.n_frames} frames, {size / 1e6:.1f} MB, "
        f"{size / 1e3 / max(len(dataset), 1):.0f} kB an episode; {dataset.own_info['licence']}; "
        f"{dataset.own_info['origin']}"
    ]
    if dataset.splits != dataset.column("split"):
        section.notes.append(
            "no episode is marked val: training holds out those that are counted as val here"
        )
    return section


def balance_section(samples: list[Sample]) -> Section:
    """Seconds and episodes of every action; a wanted one that is missing is a miss."""
    section = Section("Balance", ("action", "s", "share", "episodes"))
    seconds, episodes = by_action(samples)
    total = max(sum(seconds.values()), 1e-9)
    for name, of_action in seconds.most_common():
        share = of_action / total
        section.rows.append((name, f"{of_action:.1f}", f"{share:.2%}", str(episodes[name])))
    for action in WANTED:
        section.check("episodes", action.value, episodes[action.value], 1)
    section.check("episodes", "turns", sum(s.turn > TURN for s in samples), 1)
    missing = [action.value for action in ACTIONS if action.value not in seconds]
    section.notes = [f"without: {', '.join(missing) or 'none'}"]
    return section


def by_action(samples: Iterable[Sample]) -> tuple[Counter[str], Counter[str]]:
    """Seconds and episodes of every action."""
    seconds: Counter[str] = Counter()
    episodes: Counter[str] = Counter()
    for sample in samples:
        seconds.update(sample.actions)
        episodes.update(dict.fromkeys(sample.actions, 1))
    return seconds, episodes


def histogram(values: Iterable[float], edges: tuple[float, ...]) -> list[int]:
    """How many values lie from each edge to the next; values beyond the last edge count as it."""
    values = np.minimum(np.fromiter(values, float), edges[-1])
    return np.histogram(values, edges)[0].tolist()


def spread_section(samples: list[Sample]) -> Section:
    """Histograms of net displacement and of mean speed."""
    section = Section("Spread", ("net displacement, m", "episodes", "mean speed, m/s", "episodes"))
    columns = []
    for values, edges in (
        ([s.far for s in samples], FAR_EDGES),
        ([s.speed for s in samples], SPEED_EDGES),
    ):
        counts = histogram(values, edges)
        most = max([*counts, 1])
        column = []
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
            column.append((f"{low:g} to {high:g}", f"{count} {'█' * round(12 * count / most)}"))
        columns.append(column)
    rows = max(map(len, columns))
    filled = [column + [("", "")] * (rows - len(column)) for column in columns]
    section.rows = [(*far, *speed) for far, speed in zip(*filled, strict=True)]
    far = np.array([s.far for s in samples] or [0.0])
    quantiles = np.percentile(far, [0, 10, 50, 90, 100])
    section.notes = [
        "net displacement, m: "
        + ", ".join(
            f"{name} {value:.2f}"
            for name, value in zip(
                ("least", "10 %", "median", "90 %", "most"), quantiles, strict=True
            )
        )
    ]
    return section


def realism_section(samples: list[Sample]) -> Section:
    """Means over time by action, over its stretches of SHORTEST_S or more."""
    section = Section(
        "By action", ("action", "stretches", "s", "m/s", "skate", "jerk", "past limits")
    )
    found: dict[str, list[Part]] = defaultdict(list)
    for part in (part for sample in samples for part in sample.parts):
        found[part.action.value].append(part)
    for name, of in sorted(found.items(), key=lambda item: -sum(p.seconds for p in item[1])):
        seconds = np.array([p.seconds for p in of])

        def mean(field: str, of=of, seconds=seconds) -> float:
            values = np.nan_to_num([getattr(p, field) for p in of])
            return float(np.average(values, weights=seconds))

        section.rows.append(
            (
                name,
                str(len(of)),
                f"{seconds.sum():.0f}",
                f"{mean('speed'):.2f}",
                f"{mean('skate'):.4f}",
                f"{mean('jerk'):.0f}",
                f"{mean('limits'):.4f}",
            )
        )
    section.notes = [
        "two-legged bodies only; skate: share of frames in which a low foot moves faster than "
        "0.5 m/s; jerk: m/s³, highest joint per second; past limits: share of frames with a knee "
        "or an elbow past its limits"
    ]
    return section


WORST: dict[str, tuple[str, str]] = {  # figure of a Sample -> its words and format
    "skate": ("share of frames skating", "4f"),
    "sink": ("m below the floor", "3f"),
    "jerk": ("m/s³ of jerk", "0f"),
    "bones": ("share a bone is off its length", "5f"),
    "limits": ("share of frames past limits", "3f"),
    "pop": ("m/s, the fastest joint", "1f"),
}


def worst(samples: list[Sample], each: int) -> list[tuple[str, Sample]]:
    """The ``each`` worst samples by each figure of WORST, where the figure is not 0."""
    found = []
    for name in WORST:
        ranked = sorted(samples, key=lambda s: (-getattr(s, name), s.index))[:each]
        found += [(name, sample) for sample in ranked if getattr(sample, name) > 1e-6]
    return found


def worst_section(samples: list[Sample], each: int) -> Section:
    """A row for each of ``worst``."""
    section = Section("Worst samples", ("by", "episode", "value", "caption"))
    for name, sample in worst(samples, each):
        words, spec = WORST[name]
        value = format(getattr(sample, name), f".{spec}")
        section.rows.append((words, str(sample.index), value, sample.task))
    return section
