"""Detours: which actors have an obstacle ahead, and the way that leads each round it."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import Body, Route, Script, Thing, Transform, Velocity
from entities.objects import BODY_KIND_INDEX, OBJECT_INDEX, BodyKind, ObjectType
from entities.units import DT
from sim.navigation.path import Path
from sim.navigation.path_following import CATCH_UP, PathTracking
from sim.navigation.speed_law import SIDEWAYS
from sim.navigation.visibility import Obstacles, find_way
from sim.world import World, some

LOOK_TICKS = 12
"""Ticks in which every actor looks ahead once: five times a second, a group every other tick."""
GROUP = 16
"""Consecutive rows of actors that look ahead in the same tick."""
CROWD = 200
MOST_PLANS, MOST_PLANS_IN_CROWD = GROUP, 4
"""Ways that are planned in one look, and with more actors than CROWD, where each costs more; the
others wait for their next look."""
LOOK_S = 2.5
LOOK_M = 5.0
"""s and m, how far ahead: the longer of LOOK_M and LOOK_S of travel."""
CLEARANCE_M = 0.25
CLEARANCE_S = 0.08
"""Clearance from obstacles: m, and m for each m/s of speed (choice)."""
TOUCH_M = 0.02
"""m; a line that overlaps an obstacle by less than this is taken as free."""
STEP_M, STEP_TICKS = 0.5, 6.0
"""Spacing, m and ticks, of the points at which courses and paths are tested."""
BEYOND_STEPS = 2
"""A detour from a course ends this many steps beyond the obstacle."""
REJOIN_M = 2.0
"""m; an actor beside its course heads for a point of the course this far ahead."""
MOST_TICKS = 3_600.0
"""Ticks of a path ahead that are tested at most."""
MEND_M = 0.1
"""m; a detour is planned anew when an obstacle reaches this far into it."""
SIDESTEP_M = 0.8
"""m, length of the steps round what was not foreseen."""
STUCK_ABOVE, STUCK_SHARE = 0.4, 0.25
"""An actor is held up if it wants to go faster than STUCK_ABOVE m/s, and goes at less than
STUCK_SHARE of what it wants."""
FARTHEST_M = 80.0
"""m of a course ahead that are tested at most."""
OVERHEAD_M = 1.8
"""m; obstacles whose underside is higher are walked under (choice)."""
STEP_OVER_M = 0.25
"""m; obstacles lower than this are stepped over (choice)."""
STANDING = 0.2
"""m/s; actors and driven objects slower than this stand, and are obstacles."""
SHOULDER = 0.65
"""Share of an actor's radius that is hard for other actors, who give way to each other."""
BRAKING = 4.0
"""m/s² at which an actor slows down for a corner of a detour (choice)."""
ARRIVED_M = 0.15
"""m; a point nearer than this is reached."""
STRAY_M = 0.75
"""m, how far a way may stray from the straight legs of the first, rough test."""
STUCK_LOOKS = 3
"""Looks in a row at which an actor is held up before it sidesteps."""
RETRY_TICKS = 120
"""Ticks after which an actor at a dead end looks for a way again."""
GOAL_WALL_M = 0.12
"""m, thickness of a goal's net and frame; its inside is free."""

STATIC, MOVABLE, DRIVEN = (
    BODY_KIND_INDEX[kind] for kind in (BodyKind.STATIC, BodyKind.MOVABLE, BodyKind.DRIVEN)
)
GOAL = OBJECT_INDEX[ObjectType.GOAL]
LEAST_DETOUR_SPEED = 1.0
"""m/s at which an actor on a detour from its path may always go."""
PUSH = ACTION_INDEX[ActionType.PUSH]


@dataclass(slots=True, eq=False)
class Detour:
    """What is left of a way round obstacles."""

    points: list[tuple[float, float]]  # m; the last only shows the direction after the one before
    room: float  # m of clearance by which a turn may be cut
    rejoin: float | None  # ticks of path time where it ends on a path; None for a course
    dead_end: bool  # it leads to no free point: wait at its end and look again
    until: int  # tick at which a new way is looked for from a dead end
    pace: float = 0.0  # m/s of the path where the detour joins it


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The line that an actor would take without obstacles: a direction, or its path."""

    along: np.ndarray  # (2,) unit vector
    anchor: np.ndarray  # (2,) m, a point of the line
    asked: float  # m/s
    track: tuple[Path, float] | None  # its path and the cursor on it, ticks

    def ahead(self, here: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray | None]:
        """Points (L, 2) m of the line from ``here`` on; for a path also their ticks (L,).

        A course is followed for ``reach`` m, a path for LOOK_S, or to its end if ``reach`` is
        infinite.
        """
        if self.track is None:
            if self.asked <= 0.0:
                return here[None], None
            start = self.anchor + self.along * float((here - self.anchor) @ self.along)
            far = np.arange(REJOIN_M, min(reach, FARTHEST_M) + STEP_M, STEP_M)
            return np.concatenate([here[None], start + self.along * far[:, None]]), None
        path, cursor = self.track
        end = max(path.end / DT, cursor)
        last = end if math.isinf(reach) else min(end, cursor + LOOK_S / DT)
        ticks = np.append(np.arange(cursor, min(last, cursor + MOST_TICKS), STEP_TICKS), last)
        line = path.at(ticks * DT)[:, :2]
        if math.dist(here, line[0]) > ARRIVED_M:
            line, ticks = np.concatenate([here[None], line]), np.append(cursor, ticks)
        moves = np.append(True, np.abs(np.diff(line, axis=0)).max(axis=1) > 1e-6)
        return line[moves], ticks[moves]


class Detours:
    """Looks ahead for the actors in turn, and keeps the detours they are on."""

    def __init__(self, world: World, n_actors: int) -> None:
        self.active: dict[int, Detour] = {}
        self._n = n_actors
        self._stuck = np.zeros(n_actors, np.int64)
        self._planned = 0  # ways, in this look
        self._put_off: set[int] = set()  # rows that come first in their next look
        self._radius = world[Body].size[:n_actors, 0] / 2
        turn = (np.arange(n_actors) // GROUP) % (LOOK_TICKS // 2)
        self._groups = [np.flatnonzero(turn == k) for k in range(LOOK_TICKS // 2)]
        parts: list[tuple[float, ...]] = []
        for row in range(n_actors, len(world[Body])):
            if world[Body].kind[row] in (STATIC, MOVABLE, DRIVEN):
                parts += _shape(world, row, row - n_actors)
        self._shape = np.array(parts, float).reshape(-1, 6)
        self._part_rows = self._shape[:, 0].astype(np.int64)
        self._movable = world[Body].kind[self._part_rows] == MOVABLE
        self._driven = world[Body].kind[self._part_rows] == DRIVEN
        self._tall = world[Body].size[self._part_rows, 2]

    def look(
        self,
        world: World,
        asked: np.ndarray,
        along: np.ndarray,
        anchor: np.ndarray,
        wanted: np.ndarray,
        still: np.ndarray,
        tracks: PathTracking,
    ) -> None:
        """Look ahead for this tick's group of actors, and plan detours where it is needed.

        asked: (N,) m/s. along, anchor: (N,) direction and a point of each course, x + iy. wanted:
        (N, 3) m/s, velocities wanted a tick ago. still: (N,) bool, whether an actor means to
        stand.
        """
        group = self._groups[(world.tick % LOOK_TICKS) // 2]
        if not (len(group) and (len(self._part_rows) or self._n > 1)):
            return
        actual, wanted = world[Velocity].linear[group], wanted[group]
        fast = np.hypot(wanted[:, 0], wanted[:, 1])
        held = (fast > STUCK_ABOVE) & (np.hypot(actual[:, 0], actual[:, 1]) < STUCK_SHARE * fast)
        stuck = self._stuck[group] = np.where(held, self._stuck[group] + 1, 0)
        if not (len(self._part_rows) or some(still) or some(held)):
            return
        position = world[Transform].position[: self._n]
        around, known = self._gather(world, group, position, still)
        along, anchor = (z.view(float).reshape(-1, 2) for z in (along, anchor))
        reach = np.maximum(LOOK_M, LOOK_S * asked[group])
        legs, slack = _legs(position[group, :2], along[group], anchor[group], reach)
        tracks.sample_ahead(group, round(LOOK_S / DT), legs)
        near = _beside(around, known, legs, slack + self._radius[group])
        busy = np.flatnonzero(near.any(axis=1) | (stuck >= STUCK_LOOKS)).tolist()
        if self._put_off:
            busy.sort(key=lambda i: int(group[i]) not in self._put_off)
        self._planned, most = 0, MOST_PLANS if self._n <= CROWD else MOST_PLANS_IN_CROWD
        for i in busy:
            row = int(group[i])
            self._put_off.discard(row)
            if self._planned >= most:
                self._put_off.add(row)
                continue
            course = Course(along[row], anchor[row], float(asked[row]), tracks.of(row))
            if self._stuck[row] >= STUCK_LOOKS:
                self._stuck[row] = 0
                self._sidestep(world, row, wanted[i], course)
            else:
                self._check(world, row, around, near[i], known[i], float(reach[i]), course)

    def _gather(
        self, world: World, group: np.ndarray, position: np.ndarray, still: np.ndarray
    ) -> tuple[Obstacles, np.ndarray]:
        """The obstacles, and whether (G, O) each is in the way of each actor of the group.

        An actor's target, what it pushes and what it stands on are not in its way.
        """
        transform, thing, n = world[Transform], world[Thing], self._n
        rows, shape = self._part_rows, self._shape
        heading = transform.heading[rows]
        axis = np.column_stack([np.cos(heading), np.sin(heading)])
        centre = transform.position[rows, :2] + shape[:, 1:2] * axis
        centre += shape[:, 2:3] * np.column_stack([-axis[:, 1], axis[:, 0]])
        base = transform.position[rows, 2]
        linear = world[Velocity].linear
        there = (thing.holder[rows - n] < 0) & (base < OVERHEAD_M)
        there &= base + self._tall > STEP_OVER_M
        there &= ~self._driven | (np.abs(linear[rows, :2]).max(axis=1, initial=0.0) < STANDING)
        standing = still & (np.abs(linear[:n, :2]).max(axis=1) < STANDING)
        people = np.flatnonzero(standing & (position[:, 2] < OVERHEAD_M))
        entity = np.concatenate([world.ids(Transform)[rows[there]], people])
        around = Obstacles(
            entity,
            np.concatenate([centre[there], position[people, :2]]),
            np.concatenate([axis[there], np.tile([1.0, 0.0], (len(people), 1))]),
            np.concatenate([shape[there, 3:5], np.zeros((len(people), 2))]),
            np.concatenate([shape[there, 5], SHOULDER * self._radius[people]]),
        )
        script, count = world[Script], int(there.sum())
        known = around.entity != script.target[group, None]
        known[:, count:] &= people != group[:, None]
        known[:, :count] &= ~(self._movable[there] & (script.action[group] == PUSH)[:, None])
        top = base[there] + self._tall[there]
        known[:, :count] &= position[group, 2:3] < top - STEP_OVER_M
        return around, known

    def _check(
        self,
        world: World,
        row: int,
        around: Obstacles,
        near: np.ndarray,
        known: np.ndarray,
        reach: float,
        course: Course,
    ) -> None:
        """Plan a detour for one actor if the line ahead, or its detour so far, is blocked.

        near, known: (O,) bool, obstacles near the line, and all that are in its way.
        """
        here = world[Transform].position[row, :2]
        contact = float(self._radius[row]) - TOUCH_M
        detour = self.active.get(row)
        if detour is None:
            line, _ = course.ahead(here, reach)
            blocked = len(line) > 1
        elif detour.dead_end:
            if world.tick >= detour.until:
                self._plan(world, row, here, around.take(known), course)
            return
        else:
            line = np.array([tuple(here.tolist()), *detour.points[:-1]])
            contact -= MEND_M
            blocked = True
        if blocked and around.take(near).touched(line[:-1], line[1:], contact).any():
            self._plan(world, row, here, around.take(known), course)

    def _plan(
        self, world: World, row: int, here: np.ndarray, around: Obstacles, course: Course
    ) -> None:
        """Plan a way to the first free point of the course behind what blocks it."""
        self._planned += 1
        detour = self.active.get(row)
        if detour is not None and detour.rejoin is not None and course.track is not None:
            course = replace(course, track=(course.track[0], detour.rejoin))
        radius = float(self._radius[row])
        line, ticks = course.ahead(here, math.inf)
        taken = (around.distance(line) < radius + TOUCH_M).any(axis=1)
        crossed = around.touched(line[:-1], line[1:], radius - TOUCH_M).any(axis=1)
        taken[1:] |= crossed
        taken[0] = False
        blocked = np.flatnonzero(taken)
        first = int(blocked[0]) if len(blocked) else 0
        free = np.flatnonzero(~taken[first:])
        k = first + int(free[0]) if len(free) else len(line) - 1
        beyond = min(k + BEYOND_STEPS, len(line) - 1)
        if ticks is None and not taken[k : beyond + 1].any():
            k = beyond
        clearance = CLEARANCE_M + CLEARANCE_S * course.asked
        way = find_way(around, here, line[k], radius, clearance)
        through = math.dist(way[-1], line[k]) < ARRIVED_M
        after = line[min(k + 4, len(line) - 1)] if through else way[-1]
        points = [tuple(point) for point in np.concatenate([way, after[None]]).tolist()]
        rejoin = None if ticks is None else float(ticks[k])
        until = world.tick + RETRY_TICKS
        self._begin(world, row, Detour(points, 0.8 * clearance, rejoin, not through, until), course)

    def _sidestep(self, world: World, row: int, wanted: np.ndarray, course: Course) -> None:
        """Start a detour of two steps to the right, for an actor held up by what was not foreseen.

        wanted: (3,) m/s.
        """
        here = world[Transform].position[row, :2]
        ahead = wanted[:2] / np.hypot(wanted[0], wanted[1])
        right = np.array([ahead[1], -ahead[0]])
        points = [here + SIDESTEP_M * (right - 0.3 * ahead), here + SIDESTEP_M * (right + ahead)]
        line, ticks = course.ahead(here, math.inf)
        k = min(BEYOND_STEPS + 2, len(line) - 1)
        points = [tuple(p.tolist()) for p in (*points, line[k], line[min(k + 4, len(line) - 1)])]
        rejoin = None if ticks is None else float(ticks[k])
        self._begin(world, row, Detour(points, CLEARANCE_M, rejoin, False, world.tick), course)

    def _begin(self, world: World, row: int, detour: Detour, course: Course) -> None:
        """Put an actor on a detour."""
        if detour.rejoin is not None and course.track is not None:
            x, y, _ = course.track[0].velocity(np.array([detour.rejoin * DT]))[0].tolist()
            detour.pace = math.hypot(x, y)
        self.active[row] = detour
        world[Route].detour[row] = np.array(detour.points)

    def end(self, world: World, row: int) -> None:
        """End the detour of an actor, if it is on one."""
        if self.active.pop(row, None) is not None:
            world[Route].detour[row] = None

    def steer(self, world: World, row: int, speed: float) -> tuple[complex, float, float | None]:
        """Direction (x + iy) and greatest speed, m/s, that follow an actor's detour, and its end.

        The third is None until the detour is over; then it is the cursor, ticks, at which the
        actor rejoins its path, or -1 for a course.
        """
        detour = self.active[row]
        x, y = world[Transform].position[row, :2].tolist()
        points = detour.points
        while True:
            dx, dy = points[0][0] - x, points[0][1] - y
            far = math.hypot(dx, dy)
            last = len(points) == 2
            ox, oy = points[1][0] - points[0][0], points[1][1] - points[0][1]
            out = math.hypot(ox, oy)
            cos = 1.0 if far < 1e-6 or out < 1e-6 else (dx * ox + dy * oy) / (far * out)
            cos_half = math.sqrt(max(0.5 * (1.0 + cos), 1e-4))
            tan_half = math.sqrt(max(1.0 - cos_half**2, 0.0)) / cos_half
            cut = min(speed**2 / SIDEWAYS * tan_half, out, 3.0)
            if detour.dead_end and last:
                far = max(far, 1e-6)
                slow = math.sqrt(2.0 * BRAKING * max(far - ARRIVED_M, 0.0))
                return complex(dx / far, dy / far), slow, None
            if far <= max(cut, ARRIVED_M, 2.5 * speed * DT):
                if last:
                    self.end(world, row)
                    rejoin = -1.0 if detour.rejoin is None else detour.rejoin
                    far = max(far, 1e-6)
                    return complex(dx / far, dy / far), math.inf, rejoin
                points.pop(0)
                continue
            turn = detour.room / max(1.0 / cos_half - 1.0, 1e-3)
            slow = math.sqrt(SIDEWAYS * turn + 2.0 * BRAKING * max(far - cut, 0.0))
            return complex(dx / far, dy / far), slow, None

    def speed_to_rejoin(self, world: World, row: int, asked: float) -> float:
        """Speed, m/s, that brings an actor back to its path in time, as far as it may go faster."""
        detour = self.active[row]
        left = 0.0 if detour.rejoin is None else detour.rejoin - world.tick
        top = CATCH_UP * max(detour.pace, asked, LEAST_DETOUR_SPEED)
        if left <= 0.0:
            return top
        way = [world[Transform].position[row, :2].tolist(), *detour.points[:-1]]
        length = sum(math.dist(one, other) for one, other in pairwise(way))
        return min(top, length / (left * DT))


def _legs(
    here: np.ndarray, along: np.ndarray, anchor: np.ndarray, reach: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points (G, 4, 2) m of straight ways to ``reach`` ahead on the courses, and m they may stray.

    here, along, anchor: (G, 2); reach: (G,) m.
    """
    away = here - anchor
    beside = np.abs(along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0])
    done = along[:, 0] * away[:, 0] + along[:, 1] * away[:, 1]
    end = anchor + along * (done + reach)[:, None]
    share = np.linspace(0.0, 1.0, 4)[:, None]
    return here[:, None] + share * (end - here)[:, None], np.maximum(beside, STRAY_M)


def _beside(around: Obstacles, known: np.ndarray, legs: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Whether (G, O) the circle round each known obstacle is within ``room`` (G,) m of the legs."""
    half = np.sqrt(((legs[:, 1:] - legs[:, :-1]) ** 2).sum(axis=2)).sum(axis=1)
    span = around.reach + (room + half)[:, None]
    away = around.centre - legs[:, 0, None]
    near = known & (away[..., 0] ** 2 + away[..., 1] ** 2 < span**2)
    if not near.any():
        return near
    g, o = np.nonzero(near)
    start, step = legs[g, :-1], legs[g, 1:] - legs[g, :-1]
    away = around.centre[o, None] - start
    size = np.maximum((step**2).sum(axis=2), 1e-9)
    share = np.clip((away * step).sum(axis=2) / size, 0.0, 1.0)
    gap = ((away - share[..., None] * step) ** 2).sum(axis=2).min(axis=1)
    near[g, o] = gap < (around.reach[o] + room[g]) ** 2
    return near


def _shape(world: World, row: int, thing: int) -> list[tuple[float, ...]]:
    """Parts of an object: (row, offset along and across, half length and width, radius), m each."""
    length, width = world[Body].size[row, :2].tolist()
    if world[Body].round[row]:
        return [(row, 0.0, 0.0, 0.0, 0.0, length / 2)]
    if world[Thing].kind[thing] == GOAL:
        wall = GOAL_WALL_M / 2
        return [
            (row, wall - length / 2, 0.0, wall, width / 2, 0.0),
            (row, 0.0, width / 2 - wall, length / 2, wall, 0.0),
            (row, 0.0, wall - width / 2, length / 2, wall, 0.0),
        ]
    return [(row, 0.0, 0.0, length / 2, width / 2, 0.0)]
