"""The pictures of ``tools.measure``: cadence, duty factor, joint angles, beside real people's."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ml.likeness import CYCLE_ANGLES, CYCLE_POINTS, phase_shift
from ml.metrics import Motion, gait_figures, mean_speed
from tools.sections import CADENCE, DUTY, pack_clips

matplotlib.rcParams.update({"font.size": 10, "axes.grid": True, "grid.alpha": 0.3})
OURS, REAL, WANTED = "#d1495b", "#30638e", "#9bc59d"


def draw_all(folder: Path, by_speed: dict[float, list[Motion]], means: dict) -> list[Path]:
    """Cadence and duty factor over speed, and the joint-angle cycles; returns the files made."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = [(row, clip.raw) for row, clip in pack_clips(("walk", "run"))]
    real = [(row.action, mean_speed(raw), gait_figures(raw)) for row, raw in clips]
    made = []
    for name, label, ranges in (
        ("cadence", "cadence, steps a minute", CADENCE),
        ("duty", "duty factor", DUTY),
    ):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
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
        figure.savefig(made[-1], dpi=110)
    made.append(folder / "cycles.png")
    _draw_cycles(made[-1], means)
    return made


def _draw_cycles(path: Path, means: dict) -> None:
    figure = Figure(figsize=(10, 5.5), layout="constrained")
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
    figure.savefig(path, dpi=110)
