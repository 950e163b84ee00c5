"""Plots of gait and of learned motion: what we make, beside what is real or asked for.

Matplotlib is an extra, so it is imported only where a plot is drawn.
"""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from entities.units import DT
from ml.measure.metrics import Motion, gait_figures, mean_speed
from ml.measure.similarity import CYCLE_ANGLES, CYCLE_POINTS, phase_shift
from sim.evaluate.animator_tables import CADENCE, DUTY, pack_clips
from sim.evaluate.model_tables import JERK, RolloutFigures, jerk_ratios
from sim.evaluate.rollouts import SHOWN_M

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOK = {"font.size": 10, "axes.grid": True, "grid.alpha": 0.3}
OURS, REAL, WANTED = "#d1495b", "#30638e", "#9bc59d"
OTHERS = (REAL, "#8d99ae", "#c9a227", "#6a994e")
LOWER_CM = 40
"""How much lower each curve of a foot's height is drawn than the one before it."""


def figure_class() -> type["Figure"]:
    """Matplotlib's Figure, with our look. Raises typer.BadParameter without that extra."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        missing = '--plots needs matplotlib: pip install "stride-sim[train]"'
        raise typer.BadParameter(missing) from None
    matplotlib.rcParams.update(LOOK)
    return Figure


def draw_gait(folder: Path, by_speed: dict[float, list[Motion]], means: dict) -> list[Path]:
    """Cadence and duty factor over speed, and the joint-angle cycles; returns the files made."""
    clips = [(row, clip.raw) for row, clip in pack_clips(("walk", "run"))]
    real = [(row.action, mean_speed(raw), gait_figures(raw)) for row, raw in clips]
    made = []
    for name, label, ranges in (
        ("cadence", "cadence, steps a minute", CADENCE),
        ("duty", "duty factor", DUTY),
    ):
        figure = figure_class()(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        for k, (speed, (low, high)) in enumerate(ranges.items()):
            axes.plot(
                [speed, speed],
                [low, high],
                color=WANTED,
                lw=9,
                zorder=1,
                solid_capstyle="butt",
                label="asked for" if k == 0 else None,
            )
        for gait, marker in (("walk", "o"), ("run", "^")):
            points = [(speed, getattr(g, name)) for action, speed, g in real if action == gait]
            if points:
                axes.scatter(
                    *zip(*points, strict=True),
                    s=18,
                    marker=marker,
                    color=REAL,
                    alpha=0.6,
                    zorder=3,
                    label=f"real {gait}s",
                )
        speeds = sorted(by_speed)
        values = [[getattr(gait_figures(m), name) for m in by_speed[speed]] for speed in speeds]
        for k, (speed, row) in enumerate(zip(speeds, values, strict=True)):
            axes.scatter(
                [speed] * len(row),
                row,
                s=12,
                color=OURS,
                alpha=0.5,
                zorder=3,
                label="procedural, each person" if k == 0 else None,
            )
        axes.plot(speeds, [np.mean(row) for row in values], color=OURS, label="procedural, mean")
        axes.set(xlabel="speed, m/s", ylabel=label)
        axes.legend()
        made.append(folder / f"{name}.png")
        _save(figure, made[-1])
    made.append(folder / "cycles.png")
    _draw_cycles(made[-1], means)
    return made


def _draw_cycles(path: Path, means: dict) -> None:
    figure = figure_class()(figsize=(10, 5.5), layout="constrained")
    grid = figure.subplots(len(means), len(CYCLE_ANGLES), squeeze=False)
    share = np.arange(CYCLE_POINTS) / CYCLE_POINTS * 100.0
    for axes_row, (gait, cycle) in zip(grid, means.items(), strict=True):
        ours = cycle["procedural"]
        if "real" in cycle:
            ours = np.roll(ours, phase_shift(ours, cycle["real"]), axis=1)
        for k, (axes, angle) in enumerate(zip(axes_row, CYCLE_ANGLES, strict=True)):
            if "real" in cycle:
                axes.plot(share, np.degrees(cycle["real"][k]), color=REAL, label="pack's mean")
            axes.plot(share, np.degrees(ours[k]), color=OURS, label="procedural")
            axes.set(title=f"{gait}: {angle}", xlabel="% of the stride", ylabel="flexion, degrees")
    grid[0, 0].legend()
    _save(figure, path)


def draw_windows(
    path: Path, rows: dict[str, tuple[float, ...]], metrics: tuple[str, ...], ours: list[str]
) -> None:
    """FID, R-precision and jerk of sources of motion.

    rows: by source, the figures that ``metrics`` names; the real row comes first.
    """
    figure = figure_class()(figsize=(10, 3.6), layout="constrained")
    drawn = figure.subplots(1, 3, sharey=True)
    for axes, metric, low in zip(
        drawn, ("FID", "top 3", "jerk / real"), (0.0, 0.8, 0.0), strict=True
    ):
        values = [row[metrics.index(metric)] for row in rows.values()]
        axes.barh(list(rows), values, color=_colours(list(rows), ours))
        axes.set(title=metric, xlim=(low, None))
    drawn[0].invert_yaxis()
    _save(figure, path)


def draw_rollout(path: Path, runs: dict[str, RolloutFigures], ours: list[str]) -> None:
    """Feet, jerk, routes and responses of rollouts by name; the animator comes first.

    ours: the names that are drawn in red.
    """
    figure = figure_class()(figsize=(10, 7), layout="constrained")
    (foot, jerk), (route, change) = figure.subplots(2, 2)
    width, animator = 0.8 / len(runs), next(iter(runs.values()))
    colours = _colours(list(runs), ours)
    for k, ((name, run), colour) in enumerate(zip(runs.items(), colours, strict=True)):
        heights = run.drawn.feet[-round(2.0 * run.drawn.fps) :, 0, 2]
        time = np.arange(len(heights)) / run.drawn.fps
        foot.plot(time, 100.0 * heights - LOWER_CM * k, color=colour, label=name)
        jerk.plot(*zip(*jerk_ratios(run, animator).items(), strict=True), "o-", color=colour)
        positions = np.arange(len(run.routes)) + (k + 0.5) * width - 0.4
        route.bar(positions, [100.0 * most for _, most in run.routes.values()], width, color=colour)
        apart = run.changes[0].apart
        change.plot(np.arange(len(apart)) * DT, 100.0 * apart, color=colour)
    foot.set(title="left foot at a steady speed", xlabel="s")
    foot.set_ylabel(f"height, cm, each {LOWER_CM} lower")
    jerk.axhspan(*JERK, color=WANTED, alpha=0.3)
    jerk.set(title="peak jerk / the animator's", xlabel="m/s", ylim=(0.0, None))
    route.set_xticks(range(len(animator.routes)), list(animator.routes))
    route.set(title="furthest from the route", ylabel="cm")
    change.axhline(100.0 * SHOWN_M, color="k", lw=0.8, ls=":")
    change.set(title="off what it would have been", xlabel="s after a change", ylabel="cm")
    figure.legend(loc="outside lower center", ncols=len(runs))
    _save(figure, path)


def _colours(names: list[str], ours: list[str]) -> list[str]:
    """A colour for each name: ours are red, others start with the blue of what is real."""
    reds, others = itertools.cycle((OURS, "#7b2033")), iter(OTHERS)
    return [next(reds if name in ours else others) for name in names]


def _save(figure: "Figure", path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
