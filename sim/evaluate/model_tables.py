"""Tables of models' rollouts, beside the procedural animator and rivals, with their checks.

In: models by name. Out: Sections; a figure outside its range is a miss of its Section.
"""

from dataclasses import dataclass

import numpy as np

from entities.actions import ACTIONS
from ml.episodes.features import N_POSE
from ml.measure.metrics import MOTION_FPS, Motion, mean_speed, peak_jerk, skating_ratio, speed_error
from ml.measure.report import Section
from ml.motion.runtime import MotionModel
from sim.evaluate import rollouts

ANIMATOR = "procedural"
MOVES_M, ALIVE = 0.02, (0.6, 1.6)
"""Where the animator moves joints by more than this many metres, the range of a model's ratio."""
SKATES, OFF_SPEED, JERK = 0.03, 0.03, (0.7, 1.4)
"""Most skating, most speed error (a share), and the range of jerk over the animator's."""
DRAWN_MPS = 3.0
"""The speed whose feet are plotted."""
ROUTE_M = {"circle": 0.05, "diamond": 0.08}
"""Largest distance allowed from a route, m."""
RESPONSE_S = 0.25
"""The longest a change of action may take to show."""
CHANGES = (("walk", "run"), ("walk", "idle"), ("run", "walk"), ("idle", "walk"), ("walk", "wave"))


@dataclass(frozen=True, slots=True)
class SteadyFigures:
    """Figures of an actor who keeps a speed."""

    error: float
    skating: float
    jerk: float  # m/s³


@dataclass(frozen=True, slots=True)
class RolloutFigures:
    """Figures of a model's rollouts, or of the animator's."""

    speeds: dict[float, SteadyFigures]  # by m/s
    drawn: Motion  # at DRAWN_MPS
    routes: dict[str, tuple[float, float]]  # mean and largest distance, m
    changes: list[rollouts.Response]  # one for each of CHANGES
    free: dict[float, rollouts.FreeStream]  # by m/s; only of our models
    share: float = np.nan  # of actor-ticks in locomotion that a model makes
    without_head: float = np.nan  # share of the distance left without the position head


def measure_rollouts(
    served: dict[str, MotionModel | None], ours: list[str], seconds: float, minutes: float
) -> dict[str, RolloutFigures]:
    """Figures of every model; the animator comes first, as its jerk says what a leap is.

    seconds: how long speeds are kept. minutes: how long the free streams of ``ours`` are.
    """
    runs: dict[str, RolloutFigures] = {}
    leaps = [np.inf] * len(CHANGES)
    for name, model in served.items():
        motions = rollouts.steady(model, seconds)
        free, own = {}, {}
        if name in ours:
            start = rollouts.steady_frames(rollouts.SPEEDS, model.history)
            streams = rollouts.free_streams(model, rollouts.SPEEDS, 60.0 * minutes, start)
            free = dict(zip(rollouts.SPEEDS, streams, strict=True))
        if model is not None:
            whole, without = rollouts.distance_without_head(model)
            own = {"share": rollouts.learned_share(model), "without_head": without / whole}
        runs[name] = RolloutFigures(
            speeds={
                speed: SteadyFigures(speed_error(one), skating_ratio(one), peak_jerk(one))
                for speed, one in motions.items()
            },
            drawn=motions[DRAWN_MPS],
            routes=rollouts.path_errors(model),
            changes=[
                rollouts.response(model, *pair, leap)
                for pair, leap in zip(CHANGES, leaps, strict=True)
            ],
            free=free,
            **own,
        )
        leaps = [JERK[1] * one.highest for one in runs[ANIMATOR].changes]
    return runs


def rollout_sections(
    runs: dict[str, RolloutFigures],
    ours: dict[str, MotionModel],
    *,
    seconds: float,
    minutes: float,
    int8: bool,
) -> list[Section]:
    """All tables of ``measure_rollouts``.

    seconds, minutes: as there. int8: the second of ours is the first in 8 bits.
    """
    return [
        _speeds(runs, list(ours), seconds, int8),
        _paths(runs, list(ours), int8),
        _endurance(runs, minutes),
        _changes(runs, list(ours)),
        _every_change(ours),
        _liveliness(ours),
    ]


def jerk_ratios(run: RolloutFigures, animator: RolloutFigures) -> dict[float, float]:
    """Peak jerk over the animator's, by speed in m/s."""
    return {speed: one.jerk / animator.speeds[speed].jerk for speed, one in run.speeds.items()}


def _speeds(
    runs: dict[str, RolloutFigures], ours: list[str], seconds: float, int8: bool
) -> Section:
    section = Section(
        f"Speeds kept for {seconds:g} s",
        ("source", "m/s", "error", "uncorrected", "skate 2cm", "jerk", "jerk / procedural"),
    )
    figures: dict[str, list[tuple[float, float, float]]] = {}
    for name, run in runs.items():
        ratios = jerk_ratios(run, runs[ANIMATOR])
        figures[name] = [(one.error, one.skating, ratios[at]) for at, one in run.speeds.items()]
        for speed, one in run.speeds.items():
            where, uncorrected = f"{name} at {speed:g} m/s", "-"
            if name in ours:
                off = abs(run.free[speed].speed / speed - 1.0)
                uncorrected = f"{off:.4f}"
                section.check("speed error", where, one.error, high=OFF_SPEED)
                section.check("skating", where, one.skating, high=SKATES)
                section.check("speed error, uncorrected", where, off, high=OFF_SPEED)
                section.check("peak jerk", where, ratios[speed], *JERK)
            cells = (f"{one.error:.4f}", uncorrected, f"{one.skating:.4f}", f"{one.jerk:.0f}")
            section.rows.append((name, f"{speed:g}", *cells, f"{ratios[speed]:.2f}"))
    skating = {name: np.mean([row[1] for row in rows]) for name, rows in figures.items()}
    _beside_retrieval(section, "skating", skating, ours)
    for k, speed in enumerate(rollouts.SPEEDS if int8 else ()):
        rows = {name: figures[name][k] for name in ours}
        section.check_same(("speed error", "skating", "jerk"), rows, f" at {speed:g} m/s")
    return section


def _paths(runs: dict[str, RolloutFigures], ours: list[str], int8: bool) -> Section:
    routes = list(rollouts.routes())
    section = Section("Paths: mean and largest distance, m", ("source", *routes))
    for name, run in runs.items():
        cells = (f"{mean:.3f} {most:.3f}" for mean, most in run.routes.values())
        section.rows.append((name, *cells))
        for route, most in ROUTE_M.items() if name in ours else ():
            section.check("path error", f"{name}, {route}", run.routes[route][1], high=most)
    rows = {name: tuple(np.ravel(list(run.routes.values()))) for name, run in runs.items()}
    means = {name: np.mean(row) for name, row in rows.items()}
    _beside_retrieval(section, "path error", means, ours)
    if int8:
        ends = [f"{route}, {of}" for route in routes for of in ("mean", "most")]
        section.check_same(ends, {name: rows[name] for name in ours})
    return section


def _endurance(runs: dict[str, RolloutFigures], minutes: float) -> Section:
    section = Section(
        f"{minutes:g} minutes on end, first and last minute",
        ("source", "m/s", "speed first", "last", "pose deviation m first", "last", "finite"),
    )
    minute = round(60.0 * MOTION_FPS)
    for name, run in runs.items():
        for speed, one in run.free.items():
            ends = one.states[:minute], one.states[-minute:]
            paces = [mean_speed(rollouts.stream_motion(end)) for end in ends]
            # A stream that has collapsed to the mean pose does not move its joints any more.
            spreads = [float(end[:, :N_POSE].std(axis=0).mean()) for end in ends]
            finite = bool(np.isfinite(one.states).all())
            where = f"{name} at {speed:g} m/s"
            section.check("finite", where, float(finite), low=1.0)
            kept = spreads[1] / spreads[0]
            section.check("pose deviation, last over first", where, kept, 0.7, 1.4)
            kept = paces[1] / max(paces[0], 1e-9)
            section.check("speed, last over first", where, kept, 0.95, 1.05)
            figures = (*(f"{pace:.3f}" for pace in paces), *(f"{each:.4f}" for each in spreads))
            section.rows.append((name, f"{speed:g}", *figures, "yes" if finite else "no"))
    return section


def _changes(runs: dict[str, RolloutFigures], ours: list[str]) -> Section:
    section = Section(
        "Changes: s until the pose is 2 cm off what it would have been, mean and longest of "
        f"{len(rollouts.MOMENTS_S)} moments",
        ("source", *(f"{a} to {b}" for a, b in CHANGES), "all", "settled", "jerk",
         "learned share", "without head"),
    )  # fmt: skip
    section.notes.append(
        f"settled: until then and until no joint jerks more than {JERK[1]:g} times as much as any "
        "of the animator's at the same change; mean of all"
    )
    settled: dict[str, float] = {}
    highest: dict[str, float] = {}
    for name, run in runs.items():
        settled[name] = np.mean([one.settled for one in run.changes])
        highest[name] = np.mean([one.jerk for one in run.changes])
        cells = [f"{one.seconds:.3f} {one.latest:.3f}" for one in run.changes]
        cells.append(f"{np.mean([one.seconds for one in run.changes]):.3f}")
        cells += [f"{settled[name]:.3f}", f"{highest[name]:.0f}"]
        cells += ["-", "-"] if name == ANIMATOR else [f"{run.share:.3f}", f"{run.without_head:.2f}"]
        section.rows.append((name, *cells))
        if name not in ours:
            continue
        for pair, one in zip(CHANGES, run.changes, strict=True):
            section.check("response", f"{name}, {' to '.join(pair)}", one.latest, high=RESPONSE_S)
        section.check("learned share", name, run.share, low=0.95)
        section.check(
            "displacement left without the position head", name, run.without_head, high=0.5
        )
    _beside_retrieval(section, "settled response", settled, ours)
    _beside_retrieval(section, "jerk at a change", highest, ours)
    return section


def _beside_retrieval(
    section: Section, metric: str, found: dict[str, float], ours: list[str]
) -> None:
    """Where retrieval is among the sources, check that ours have no more of the metric."""
    for name in ours if "retrieval" in found else ():
        section.check(f"{metric} to retrieval's", name, found[name], high=found["retrieval"])


def _every_change(models: dict[str, MotionModel]) -> Section:
    section = Section(
        "Changes between all that the model is for: highest jerk at each, m/s³",
        ("source", "changes", "median", "95 of 100 below", "above the animator's highest"),
    )
    first = next(iter(models.values()))
    actions = [action for action in ACTIONS if action in first.actions]
    if len(actions) < 2:
        return section
    wanted = rollouts.jerks_at_changes(None, actions)
    found = {name: rollouts.jerks_at_changes(model, actions) for name, model in models.items()}
    for name, jerks in ({ANIMATOR: wanted} | found).items():
        middle, high = np.percentile(jerks, (50, 95))
        over = f"{np.mean(jerks > wanted.max()):.3f}"
        section.rows.append((name, str(len(jerks)), f"{middle:.0f}", f"{high:.0f}", over))
        section.check("median jerk", name, float(middle), high=float(np.median(wanted)))
    return section


def _liveliness(models: dict[str, MotionModel]) -> Section:
    section = Section(
        "Actions let run: how far joints move from their mean, beside the animator's",
        ("action", "animator m", *models),
    )
    section.notes.append("(in brackets: not what the model is exported for)")
    wanted = rollouts.liveliness(None)
    # The model is asked for every action, also for those it would leave to the animator.
    found = {
        name: rollouts.liveliness(rollouts.for_all_actions(one)) for name, one in models.items()
    }
    for action, real in wanted.items():
        cells = []
        for name, model in models.items():
            ratio = found[name][action] / real
            used = not model.actions or action in model.actions
            cells.append(f"{ratio:.2f}" if used else f"({ratio:.2f})")
            if used and real > MOVES_M:
                section.check("movement", f"{name}, {action.value}", ratio, *ALIVE)
        section.rows.append((action.value, f"{real:.4f}", *cells))
    return section


def cost_section(models: dict[str, MotionModel]) -> Section:
    """CPU time of a chunk, alone and in a batch, and of a crowd's second."""
    section = Section(
        "Cost on one core",
        ("model", "MB", "1 actor ms", "64 actors, ms each", "100 walkers, s of CPU per s"),
    )
    for name, model in models.items():
        alone, many = (rollouts.call_cost(model, n) / n for n in (1, 64))
        crowd = rollouts.crowd_cost(model, 100)
        section.check("ms a chunk", name, alone, high=4.0)
        section.check("ms an actor in 64", name, many, high=3.5)
        section.check("s of CPU per s, 100 actors", name, crowd, high=1.0)
        size = model.path.stat().st_size / 1e6
        section.rows.append((name, f"{size:.1f}", *(f"{v:.2f}" for v in (alone, many, crowd))))
    return section
