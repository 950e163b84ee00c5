"""Tables of the procedural animator: one function for each runs, measures and checks.

In: nothing but seeds, and the mocap pack where there is one. Out: Sections of checked figures.
"""

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from entities.actions import ACTIONS, ActionType
from ml.capture.index import IndexRow, mocap_folder, read_index
from ml.capture.retarget import Clip, retarget_file
from ml.measure.metrics import (
    GaitFigures,
    Motion,
    bone_deviation,
    foot_penetration,
    gait_figures,
    joint_speed,
    limit_violations,
    mean_speed,
    omnicontrol_skating,
    peak_jerk,
    pop_score,
    skating_ratio,
    speed_error,
    support_speed,
)
from ml.measure.report import Section
from ml.measure.similarity import CYCLE_ANGLES, cycle_match, cycles, distance_matrix
from sim.evaluate import trials

# Speed -> range of cadence in steps/min, and of duty factor; ``sim.animation.gait`` names the
# sources. At 2.0 m/s either gait will do.
CADENCE = {0.8: (90, 105), 1.3: (110, 122), 3.0: (155, 172), 5.0: (170, 190), 8.0: (215, 260)}
DUTY = {
    0.8: (0.62, 0.68),
    1.3: (0.59, 0.63),
    3.0: (0.33, 0.38),
    5.0: (0.26, 0.31),
    8.0: (0.20, 0.25),
}
# m the pelvis is over its mean height at mid-stance when walking, under it when running: the centre
# of mass rises by about 3 cm and sinks by about 7 cm, of which the pelvis shows the most part.
MID_STANCE = {"walk": (0.005, 0.04), "run": (0.02, 0.08)}
LEAST_CORRELATION = 0.90
MOST_JERK = 1.5
"""Largest ratio of a peak jerk to that of the median real clip."""
LEAST_DISTANCE_M = 0.08
"""Two actions look alike if no point of theirs is further apart than this."""
REAL_SPEEDS = {"walk": 1.3, "run": 3.0}
"""The procedural speed, m/s, that each gait of the pack is compared with."""

# Figure -> its column's name and format: how firmly the feet stand, then how they step.
FEET = {
    "speed": ("m/s", "2f"),
    "error": ("speed err", "4f"),
    "skate": ("skate 2cm", "4f"),
    "omni": ("skate 5cm", "4f"),
    "p50": ("supp p50", "3f"),
    "p90": ("supp p90", "3f"),
    "sink": ("sink max", "4f"),
    "sink_mean": ("sink mean", "4f"),
    "bones": ("bones", "5f"),
    "limits": ("past limits", "3f"),
}
STEPS = {
    "speed": ("m/s", "2f"),
    "cadence": ("cadence", "0f"),
    "duty": ("duty", "3f"),
    "double_support": ("double", "2f"),
    "flight": ("flight", "2f"),
    "step_length": ("step m", "2f"),
    "pelvis_range": ("pelvis m", "3f"),
    "pelvis_mid_stance": ("mid-st. m", "3f"),
    "jerk": ("jerk", "0f"),
}
FEET_NOTE = (
    "skate: share of 30 Hz frames, balls of the feet under 2 cm (OmniControl's 5 cm and 20 Hz "
    "beside it); supp: m/s of the slower low foot; sink: m below the floor; bones: largest share "
    "off their length; past limits: share of frames with a knee or elbow past its limits"
)
STEPS_NOTE = (
    "cadence: steps a minute; duty, double support, flight: shares; pelvis: range of its height in "
    "a stride, and its height at mid-stance over its mean; jerk: m/s³, highest joint per second"
)
PELVIS_NOTE = (
    "a runner's pelvis at mid-stance: the pack's are 3.5-6 cm under their mean and 9-12 cm under "
    "their highest point, none 7 cm under its mean; ours is a spring between ballistic flights "
    "that gives way by 3 cm more in mid-stance"
)
KNEE_NOTE = (
    "the contract's shank ends at the ball of the foot, so its knee is bent 40-50 degrees in the "
    "stance of recorded walks too, whose own knees, measured to the ankle, are bent 5-10"
)
SHEETS_NOTE = (
    "eight moments of every action: actions-1.png to actions-6.png, made by `python -m "
    "tools.contact_sheet actions docs`"
)
STYLES_NOTE = (
    "a walk under every style: styles.png, made by `python -m tools.contact_sheet styles "
    "docs/styles.png`"
)


def gait_tables(title: str) -> tuple[Section, Section]:
    """Empty tables for ``add_gait``: feet and steps."""
    feet = Section(f"{title}: feet", ("source", *(name for name, _ in FEET.values())))
    steps = Section(f"{title}: steps", ("source", *(name for name, _ in STEPS.values())))
    feet.notes.append(FEET_NOTE)
    steps.notes.append(STEPS_NOTE)
    return feet, steps


def add_gait(tables: tuple[Section, Section], name: str, motions: list[Motion]) -> dict[str, float]:
    """Add a row to both tables: means over ``motions``, weighted by length. Returns its figures."""
    weight = np.array([len(motion) for motion in motions])

    def mean(values: Iterable[float]) -> float:
        values = np.array(list(values), float)
        known = np.isfinite(values)
        return float(np.average(values[known], weights=weight[known])) if any(known) else np.nan

    gaits = [gait_figures(motion) for motion in motions]
    support = [support_speed(motion) for motion in motions]
    sinks = [foot_penetration(motion) for motion in motions]
    figures = {
        "speed": mean(map(mean_speed, motions)),
        "error": max((speed_error(m) for m in motions if m.target_speed), default=np.nan),
        "skate": mean(map(skating_ratio, motions)),
        "omni": mean(map(omnicontrol_skating, motions)),
        "p50": mean(p50 for p50, _ in support),
        "p90": mean(p90 for _, p90 in support),
        "sink": max(deepest for deepest, _ in sinks),
        "sink_mean": mean(depth for _, depth in sinks),
        "bones": max((bone_deviation(m) for m in motions if m.bones is not None), default=np.nan),
        "limits": max(limit_violations(motion)[0] for motion in motions),
        "jerk": mean(map(peak_jerk, motions)),
    }
    for field in fields(GaitFigures):
        figures[field.name] = mean(getattr(gait, field.name) for gait in gaits)
    for table, columns in zip(tables, (FEET, STEPS), strict=True):
        table.rows.append(
            (name, *(_cell(figures[key], form) for key, (_, form) in columns.items()))
        )
    return figures


def _cell(value: float, form: str) -> str:
    return f"{value:.{form}}" if np.isfinite(value) else "-"


def gait_sections() -> tuple[list[Section], dict[float, list[Motion]]]:
    """Steady gait at seven speeds, beside the pack's walks and runs."""
    tables = feet, steps = gait_tables("Steady gait")
    real = _add_real(tables)
    by_speed = {}
    for speed in trials.STEADY_SPEEDS:
        motions = by_speed[speed] = trials.steady_motions(speed)
        where = f"{speed:g} m/s"
        seen = add_gait(tables, f"procedural {where}", motions)
        feet.check("speed error", where, seen["error"], high=0.01)
        feet.check("skating ratio", where, seen["skate"], high=0.002)
        feet.check("support-foot speed p50, m/s", where, seen["p50"], high=0.02)
        feet.check("support-foot speed p90, m/s", where, seen["p90"], high=0.10)
        feet.check("foot penetration, m", where, seen["sink"], high=0.01)
        feet.check("bone-length deviation", where, seen["bones"], high=0.005)
        feet.check("frames past joint limits", where, seen["limits"], high=0.0)
        if speed in CADENCE:
            steps.check("cadence, steps/min", where, seen["cadence"], *CADENCE[speed])
            steps.check("duty factor", where, seen["duty"], *DUTY[speed])
        gait = "walk" if seen["flight"] < 0.05 else "run"
        rise = seen["pelvis_mid_stance"] * (1.0 if gait == "walk" else -1.0)
        steps.check(f"pelvis at mid-stance of a {gait}, m", where, rise, *MID_STANCE[gait])
        if gait in real:
            most = real[gait]["omni"]
            feet.check(f"skating at 5 cm beside real {gait}s", where, seen["omni"], high=most)
            ratio = seen["jerk"] / real[gait]["jerk"]
            refit = seen["jerk"] / real[gait]["jerk_refit"]
            steps.notes.append(
                f"peak jerk at {where} is {ratio:.2f}x the median real {gait}'s, "
                f"{refit:.2f}x that {gait}'s on the contract's body"
            )
            if speed in REAL_SPEEDS.values():
                steps.check("peak jerk beside real", where, ratio, high=MOST_JERK)
    steps.notes.append(
        f"procedural rows are means over {trials.PERSONS} people, {trials.STEADY_S:g} s each"
    )
    return [feet, steps], by_speed


def _add_real(tables: tuple[Section, Section]) -> dict[str, dict[str, float]]:
    """Add rows of the pack by gait and source, raw and refit; figures of all raw clips by gait."""
    clips = pack_clips(("walk", "run"))
    if not clips:
        tables[0].notes.append("no mocap pack at ../shared/mocap: real rows are missing")
        return {}
    real = {}
    for gait in ("walk", "run"):
        of_gait = [(row, clip) for row, clip in clips if row.action == gait]
        for source in sorted({row.source for row, _ in of_gait}):
            group = [clip for row, clip in of_gait if row.source == source]
            name = f"{source} {gait}s ({len(group)})"
            add_gait(tables, f"{name}, real", [clip.raw for clip in group])
            add_gait(tables, f"{name}, refit", [clip.motion for clip in group])
        raw = [clip.raw for _, clip in of_gait]
        real[gait] = add_gait(tables, f"all real {gait}s", raw)
        real[gait]["jerk"] = float(np.median([peak_jerk(motion) for motion in raw]))
        refit = [peak_jerk(clip.motion) for _, clip in of_gait]
        real[gait]["jerk_refit"] = float(np.median(refit))
    tables[1].notes += [PELVIS_NOTE, KNEE_NOTE]
    tables[1].notes.append(
        "real: the pack's own joints, in contact from heel strike on; refit: the contract's body, "
        "where only the ball of the foot counts as contact"
    )
    return real


def pack_clips(actions: tuple[str, ...]) -> list[tuple[IndexRow, Clip]]:
    """The pack's clips of these actions whose root travels as recorded; none without a pack."""
    folder = mocap_folder()
    if folder is None:
        return []
    rows = [row for row in read_index(folder) if row.action in actions and row.full_root]
    return [(row, retarget_file(row.path)) for row in rows]


def course_sections() -> list[Section]:
    """A minute of starts, stops and turns."""
    tables = feet, _ = gait_tables("60 s of starts, stops and turns")
    real = _add_real(gait_tables(""))
    most = max((figures["omni"] for figures in real.values()), default=np.inf)
    for name, motion in trials.course_motions().items():
        seen = add_gait(tables, name, [motion])
        where = f"course, {name}"
        feet.check("skating ratio", where, seen["skate"], high=0.01)
        feet.check("skating at 5 cm beside real walks", where, seen["omni"], high=most)
        feet.check("support-foot speed p90, m/s", where, seen["p90"], high=0.10)
        feet.check("foot penetration, m", where, seen["sink"], high=0.01)
        feet.check("frames past joint limits", where, seen["limits"], high=0.0)
    return list(tables)


def cycle_section(by_speed: dict[float, list[Motion]]) -> tuple[Section, dict]:
    """Hip, knee and elbow through the stride against the pack's mean cycle."""
    section = Section("Gait cycles against mocap", ("gait", "what", *CYCLE_ANGLES))
    means: dict[str, dict[str, np.ndarray]] = {}
    clips = pack_clips(("walk", "run"))
    if not clips:
        section.notes.append("no mocap pack at ../shared/mocap: nothing to compare with")
    for gait, speed in REAL_SPEEDS.items():
        ours = np.concatenate([cycles(motion) for motion in by_speed[speed]]).mean(axis=0)
        means[gait] = {"procedural": ours}
        found = [cycles(clip.raw) for row, clip in clips if row.action == gait]
        found = [cycle.mean(axis=0) for cycle in found if len(cycle)]
        if not found:
            continue
        real = means[gait]["real"] = np.mean(found, axis=0)
        own = np.median([cycle_match(cycle, real) for cycle in found], axis=0)
        match = cycle_match(ours, real)
        section.rows += [
            (gait, f"procedural {speed:g} m/s to the pack's mean", *(f"{v:.3f}" for v in match)),
            (gait, f"median of {len(found)} clips to their mean", *(f"{v:.3f}" for v in own)),
        ]
        for name, value in zip(CYCLE_ANGLES[:2], match, strict=False):
            section.check(f"{name} correlation", gait, value, low=LEAST_CORRELATION)
        section.check("elbow correlation", gait, match[2], low=round(own[2], 3))
    return section, means


def transition_section(full: bool, sample: int) -> Section:
    """The highest joint speed where one action takes over from another.

    full: every ordered pair of actions, not a ``sample`` of them.
    """
    section = Section("Transitions", ("from", "to", "joint m/s", "own m/s", "score"))
    own = {solo.action: solo.own_mps for solo in trials.solos()}
    pairs = [(a, b) for a in ACTIONS for b in ACTIONS if a is not b]
    if not full:
        picked = np.random.default_rng(0).choice(len(pairs), min(sample, len(pairs)), False)
        pairs = [pairs[k] for k in sorted(picked.tolist())]
    scored = []
    past: dict[ActionType, float] = {}
    for first, second, motion in trials.transition_motions(pairs):
        most = max(own[first], own[second])
        score = pop_score(motion, trials.SWITCH_S, most, trials.AFTER_S)
        near = motion.between(trials.SWITCH_S, trials.SWITCH_S + trials.AFTER_S)
        scored.append((score, first, second, float(joint_speed(near).max()), most))
        past[second] = max(past.get(second, 0.0), limit_violations(near)[1])
    scored.sort(key=lambda entry: -entry[0])
    for score, first, second, speed, most in scored[:15]:
        section.rows.append((first, second, f"{speed:.2f}", f"{most:.2f}", f"{score:.2f}"))
    bad = [entry for entry in scored if entry[0] > 1.0]
    section.notes.append(
        f"{len(pairs)} ordered pairs; {len(bad)} pop (score above 1); the worst are shown."
    )
    into: dict[ActionType, list[float]] = {}
    for score, _, second, *_ in bad:
        into.setdefault(second, []).append(score)
    for second, scores in sorted(into.items(), key=lambda item: -len(item[1])):
        section.check(f"pop score, {len(scores)} ways", f"into {second}", max(scores), high=1.0)
    for second, worst in past.items():
        section.check("rad past joint limits", f"going over to {second}", worst, high=0.02)
    return section


def distinct_section() -> Section:
    """How different any two actions look: the closest pairs."""
    section = Section("Closest actions", ("one", "other", "distance m"))
    made = trials.solos()
    matrix = distance_matrix([solo.signature[::3] for solo in made])
    pairs = sorted((matrix[i, j], i, j) for i in range(len(made)) for j in range(i))
    for apart, i, j in pairs[:15]:
        section.rows.append((made[j].action, made[i].action, f"{apart:.3f}"))
    for apart, i, j in pairs:
        if apart < LEAST_DISTANCE_M:
            where = f"{made[j].action} and {made[i].action}"
            section.check("distance, m", where, apart, low=LEAST_DISTANCE_M)
    section.notes.append(SHEETS_NOTE)
    idle = matrix[0, 1:]
    nearest = int(np.argmin(idle)) + 1
    section.notes.append(
        f"smallest distance between two actions {pairs[0][0]:.3f} m; "
        f"to idle {idle.min():.3f} m ({made[nearest].action})"
    )
    for solo in made:
        section.check(
            "rad past joint limits", solo.action, limit_violations(solo.motion)[1], high=0.02
        )
    return section


def style_section() -> Section:
    """A walk under every style against the plain one."""
    header = ("style", "distance m", "nearest style", "m/s", "cadence", "pelvis m", "lean deg")
    section = Section("Styles of walking", header)
    section.notes.append(STYLES_NOTE)
    walks = trials.styled_walks()
    names = list(walks)
    matrix = distance_matrix([points[::3] for _, points in walks.values()])
    for k, name in enumerate(names):
        motion = walks[name][0]
        gait = gait_figures(motion)
        trunk = motion.pose[:, 1] - motion.pose[:, 0]
        lean = np.degrees(np.arctan2(trunk[:, 0], trunk[:, 1]).mean())
        others = np.where(np.arange(len(names)) == k, np.inf, matrix[k])
        near = int(np.argmin(others))
        section.rows.append(
            (
                name,
                f"{matrix[0, k]:.3f}",
                f"{names[near]} {others[near]:.3f}",
                f"{mean_speed(motion):.2f}",
                f"{gait.cadence:.0f}",
                f"{motion.world[:, 0, 2].mean():.3f}",
                f"{lean:.1f}",
            )
        )
        if k:
            section.check("distance to a plain walk, m", name, matrix[0, k], low=0.02)
    return section


def contact_section() -> Section:
    """Whether hands, feet, balls and seats meet where they should."""
    section = Section("Contacts", ("what", "off by cm", "wanted cm"))
    for touch in trials.touches():
        off = "never met" if np.isnan(touch.gap_m) else f"{100 * touch.gap_m:.1f}"
        section.rows.append((touch.what, off, f"{100 * touch.wanted_m:.0f}"))
        section.check("m apart", touch.what, touch.gap_m, high=touch.wanted_m)
    return section
