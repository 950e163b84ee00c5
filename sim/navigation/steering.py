"""Steering: Script and Route -> Intent, the velocity and heading that each actor wants.

An actor with a path follows its reference; one with a velocity keeps it; any other travels along
its course at the speed of its action, on the law of ``speed_law`` from rest and back to it.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTION_FILES, ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import (
    Body,
    Gait,
    Intent,
    Knockdown,
    Name,
    Route,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import OBJECT_INDEX, ObjectType
from sim.navigation.avoidance import sidesteps
from sim.navigation.detours import Detours
from sim.navigation.path_following import PathTracking
from sim.navigation.speed_law import PIVOT_BELOW, speed_after, turned
from sim.world import Rows, World, as_rows, every, on_ground, some

NEVER = 2**62
"""A tick that never comes."""
HOLD_HEADING_BELOW = 0.2
"""m/s; an actor that is slower than this keeps its heading."""
LOOK_AHEAD_M = 2.0
"""m; an actor beside its course heads for a point of the course this far ahead, or as far as it
goes in 1 s if that is more."""
PLAN_TICKS = 2
"""Ticks that are planned at a time: actors decide 30 times a second how they move."""
WATCH_TICKS = 8
"""Ticks between two predictions of sidesteps, some seven a second."""
ASIDE_EASE = 0.36
"""Share of the way to a new sidestep taken with each plan."""
KEPT_RATE, HARD_BRAKING = 4.0, 8.0
"""m/s² at which an actor with a velocity regains it, and of the hardest braking before a corner."""
MAX_LEAD = 1.0
"""m/s by which the wanted speed may exceed that of the body, which walls and others hold back."""
MAX_FACING_OFF = 1.2
"""rad between course and motion beyond which an actor faces along its course, not its motion."""
ALONG_COS, BACK_COS = 0.8, -0.3
"""Cosine of the angle to its course above which an actor goes along it, and cosine of a turn below
which it first comes to a stop."""
STANDS_BELOW = 0.08
"""m/s; an actor that reverses its direction has to be slower than this first."""
GET_UP_LEAD = 0.15
"""m/s, MAX_LEAD of an actor that is getting up, so that it does not set off with a jerk."""
TURN_TICKS = 60
"""Ticks that a turn_around takes."""
TAKE_OFF_TICKS = 20
"""Ticks of crouch and take-off, in which a jump keeps the speed of the run-up."""
FLYING_HEIGHT_M = 2.0
"""m, height at which actors fly."""
CLIMB_RATE = 1.5
"""m/s, greatest rate of the rise into flight."""

LADDER = OBJECT_INDEX[ObjectType.LADDER]
LADDER_REACH_M = 1.0
"""m on the ground from an actor to the foot of a ladder that it can climb."""

SPEEDS = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
"""(ACTIONS,) m/s."""
FLY, CLIMB, JUMP, TURN_AROUND, GET_UP = (
    ACTION_INDEX[ActionType(name)] for name in ("fly", "climb", "jump", "turn_around", "get_up")
)
_CIRCLE = np.array(2.0 * math.pi)
BEARINGS = np.array([file.bearing for file in ACTION_FILES.values()])
"""(ACTIONS,) rad from the heading to the direction in which the action moves an actor."""


def run_script(world: World, dt: float) -> None:
    """Put the planned actions and targets that are due into force.

    The action of an actor that is knocked down waits until it is up again.
    """
    script, tick = world[Script], world.tick
    due = script.next_tick <= tick
    if not some(due):
        return
    knockdown = world[Knockdown]
    for row in np.flatnonzero(due).tolist():
        plan, cues = script.plan[row], script.cues[row]
        following = bisect_right(plan, (tick, len(ACTIONS)))
        if following and plan[following - 1][0] >= script.next_tick[row]:
            since, action = plan[following - 1]
            if knockdown.since[row] < 0:
                script.action[row], script.since[row] = action, since
            else:
                knockdown.resume[row] = action
        while cues and cues[0][0] <= tick:
            script.target[row] = cues.pop(0)[1]
        then = plan[following][0] if following < len(plan) else NEVER
        script.next_tick[row] = min(then, cues[0][0] if cues else NEVER)


def turn_to(world: World, row: int, heading: float) -> float:
    """Have an actor face ``heading``, rad, the short way round; returns how far it is from that.

    The actor's course turns along, so that the next steps go that way too.
    """
    now = float(world[Transform].heading[row])
    gap = (heading - now + np.pi) % (2.0 * np.pi) - np.pi
    world[Intent].heading[row] = world[Route].course[row] = now + gap
    return abs(gap)


class Steering:
    """Writes each actor's Intent from its Route, its action and what is in its way.

    Directions and points on the ground are complex numbers (N,), x + iy: ``_along`` and
    ``_anchor`` are direction and a point of each course, ``_direction`` and ``_speed`` the motion
    planned so far.
    """

    def __init__(self) -> None:
        self._names: Name | None = None
        self._n = 0

        self._detours: Detours | None = None
        self._speed, self._last = np.zeros(0), np.zeros((0, 3))
        self._direction, self._along = np.zeros(0, complex), np.zeros(0, complex)
        self._anchor, self._turning = np.zeros(0, complex), np.zeros(0, np.int64)
        self._aside, self._aside_goal = np.zeros(0, complex), np.zeros(0, complex)
        self._stepping_aside, self._still = False, np.zeros(0, bool)
        self._paths: list[object] = []

    def _take_in(self, world: World) -> None:
        """Take in who and what has come on stage; for those before, nothing changes."""
        had = self._n
        if self._detours is not None:
            for row in list(self._detours.active):
                self._detours.end(world, row)
        self._names = world[Name]
        n = self._n = len(world.ids(Route))
        if n == 0:
            return
        new = n - had
        linear = world[Velocity].linear[had:n]
        kept = world[Route].velocity[had:]
        start = np.where(np.isfinite(kept), kept, linear[:, :2])
        nowhere = np.full(new, complex(math.nan, math.nan))
        for name, rows in (
            ("_speed", np.hypot(start[:, 0], start[:, 1])),
            ("_last", np.concatenate([start, linear[:, 2:]], axis=1)),
            ("_direction", np.zeros(new, complex)),
            ("_along", nowhere),
            ("_anchor", np.zeros(new, complex)),
            ("_turning", np.zeros(new, np.int64)),
            ("_aside", np.zeros(new, complex)),
            ("_aside_goal", np.zeros(new, complex)),
            ("_still", np.zeros(new, bool)),
        ):
            setattr(self, name, np.concatenate([getattr(self, name), rows]))
        self._radius = world[Body].size[:n, 0] / 2
        self._ladders = _find_ladders(world)
        self._known: tuple[bytes, ...] = ()
        self._paths += [None] * new
        if not had:
            self._tracks = PathTracking({}, world.tick, None)
        self._unpathed = np.ones(n, bool)
        self._unpathed[self._tracks.rows] = False
        self._free = as_rows(np.flatnonzero(self._unpathed))
        self._followed = as_rows(self._tracks.rows)
        self._detours = Detours(world, n)
        self._planned = np.zeros((PLAN_TICKS, n, 3))
        self._planned_until = world.tick

    def steer(self, world: World, dt: float) -> None:
        """Write the Intent of every actor for this tick."""
        if world[Name] is not self._names:
            self._take_in(world)
        if self._n == 0:
            return
        if world.tick >= self._planned_until:
            self._plan(world, dt)
            self._planned_until = world.tick + PLAN_TICKS
        velocity = self._planned[world.tick - self._planned_until]
        down = (world[Knockdown].since >= 0) | (world[Gait].seated_on >= 0)
        if some(down):
            velocity[down], self._speed[down] = 0.0, 0.0
        self._last = velocity
        world[Intent].velocity[:] = velocity[:, :2]
        world[Intent].climb[:] = velocity[:, 2]
        self._face(world, velocity)

    def _plan(self, world: World, dt: float) -> None:
        """Plan velocities for PLAN_TICKS ticks, as if bodies moved as they are asked to."""
        position = world[Transform].position[: self._n]
        self._note_changes(world, position)
        if world.tick % WATCH_TICKS < PLAN_TICKS:
            self._watch(world, position)
        self._detours.look(
            world, self._asked, self._along, self._anchor, self._last, self._still, self._tracks
        )
        if self._stepping_aside:
            self._ease_aside()
        self._planned = np.zeros((PLAN_TICKS, self._n, 3))
        self._rise(world, position)
        free = self._free
        on_detour = sorted(self._detours.active)
        if on_detour:
            free = self._unpathed.copy()
            free[on_detour] = False
            free = as_rows(np.flatnonzero(free))
            self._go_round(world, np.array(on_detour), dt)
        if not isinstance(free, slice) or free.stop > free.start:
            self._travel(world, free, dt)
        if len(self._tracks.rows):
            self._follow(world, position, dt, on_detour)

    def _note_changes(self, world: World, position: np.ndarray) -> None:
        """Update what depends on paths, actions, velocities and courses, if they have changed."""
        script, route = world[Script], world[Route]
        if route.path != self._paths:
            self._take_paths(world)
        known = (script.action.tobytes(), script.since.tobytes(), route.velocity.tobytes())
        if known != self._known[:3]:
            action = script.action
            self._kept = np.isfinite(route.velocity[:, 0])
            self._asked = SPEEDS[action]
            self._asked[action == CLIMB] = 0.0
            self._asked[self._kept] = np.abs(on_ground(route.velocity)[self._kept])
            self._bearing = BEARINGS[action]
            self._bound = self._kept.copy()
            self._bound[self._tracks.rows] = True
            self._aloft = np.flatnonzero((action == FLY) | (action == CLIMB))
            self._jumping = bool((action == JUMP).any())
            self._any_kept = bool(self._kept.any())
            new = world.tick - script.since < PLAN_TICKS
            self._turning[new & (action == TURN_AROUND)] = TURN_TICKS
        self._turns = some(self._turning > 0)
        if self._turns:
            turning = self._turning > 0
            before = 1.0 - self._turning[turning] / TURN_TICKS
            after = before + PLAN_TICKS / TURN_TICKS
            ease = after**2 * (3.0 - 2.0 * after) - before**2 * (3.0 - 2.0 * before)
            route.course[turning] += math.pi * ease
            self._turning[turning] -= PLAN_TICKS
        known = (*known, route.course.tobytes())
        if known == self._known:
            return
        self._known = known
        travel = route.course + self._bearing
        along = np.exp(1j * travel)
        if self._any_kept:
            speed = np.maximum(self._asked[self._kept], 1e-9)
            along[self._kept] = on_ground(route.velocity)[self._kept] / speed
        new = along != self._along
        self._anchor[new] = on_ground(position)[new]
        self._along = along
        standing = (self._speed < STANDS_BELOW) | (self._direction == 0.0)
        self._direction[standing] = along[standing]

    def _take_paths(self, world: World) -> None:
        """Follow the paths there are now; an actor with a new one ends its detour."""
        paths = list(world[Route].path)
        for row, (old, new) in enumerate(zip(self._paths, paths, strict=True)):
            if old is not new:
                self._detours.end(world, row)
                self._along[row] = complex(math.nan, math.nan)
        self._paths, self._known = paths, ()
        given = {row: path for row, path in enumerate(paths) if path is not None}
        self._tracks = PathTracking(given, world.tick, self._tracks)
        self._followed = as_rows(self._tracks.rows)
        self._unpathed = np.ones(self._n, bool)
        self._unpathed[self._tracks.rows] = False
        self._free = as_rows(np.flatnonzero(self._unpathed))

    def _watch(self, world: World, position: np.ndarray) -> None:
        """Predict the sidestep of each actor, and note which of them mean to stand."""
        self._still = self._asked < PIVOT_BELOW
        alone = np.zeros((self._n, 2))
        on_ground(alone)[:] = self._direction * self._speed
        if len(self._tracks.rows):
            mean = self._tracks.mean_velocity()
            alone[self._tracks.rows] = mean
            self._still[self._tracks.rows] = np.abs(on_ground(mean)) < PIVOT_BELOW
        down = world[Knockdown].since >= 0
        alone[down], self._still[down] = 0.0, True
        goal = sidesteps(position[:, :2], alone, self._radius, world[Script].target)
        self._aside_goal = on_ground(goal)
        self._stepping_aside = self._stepping_aside or np.count_nonzero(goal) > 0

    def _ease_aside(self) -> None:
        """Move the sidesteps towards those that were predicted last."""
        self._aside += ASIDE_EASE * (self._aside_goal - self._aside)
        if not np.count_nonzero(self._aside_goal) and not some(np.abs(self._aside) >= 1e-3):
            self._aside[:] = 0.0
            self._stepping_aside = False

    def _rise(self, world: World, position: np.ndarray) -> None:
        """Plan vertical velocities: to flying height, or to the top of the ladder within reach."""
        for row in self._aloft.tolist():
            rise = FLYING_HEIGHT_M - position[row, 2]
            rate = CLIMB_RATE
            if world[Script].action[row] == CLIMB:
                rise = self._ladders.top(position[row]) - position[row, 2]
                rate = SPEEDS[CLIMB]
            self._planned[:, row, 2] = min(max(rise, -rate), rate)

    def _travel(
        self,
        world: World,
        rows: Rows,
        dt: float,
        detour: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """Plan ``rows`` on by the start and stop law, along their courses or their detours.

        detour: directions (R,), speeds asked for (R,) m/s and not to be exceeded (R,) m/s.
        """
        speed, direction = self._speed[rows], self._direction[rows]
        asked = self._asked[rows] if detour is None else detour[1]
        if not (np.count_nonzero(asked) or np.count_nonzero(speed)):
            return
        actual = (on_ground(world[Velocity].linear)[rows] * direction.conj()).real
        up = world[Gait].action[rows] == GET_UP
        lead = np.where(up, GET_UP_LEAD, MAX_LEAD) if some(up) else MAX_LEAD
        speed = np.minimum(speed, np.maximum(actual, 0.0) + lead)
        if detour is None:
            wanted = self._to_course(world[Transform].position, rows, speed)
            wanted, asked = self._braking(world, rows, wanted, asked)
        else:
            wanted = detour[0]
        direction, target = turned(direction, wanted, speed, asked, PLAN_TICKS * dt)
        hold, grounded = None, world[Body].grounded[rows]
        if self._jumping or not every(grounded):
            action, since = world[Script].action[rows], world[Script].since[rows]
            leaving = (action == JUMP) & (world.tick - since < TAKE_OFF_TICKS)
            hold = leaving | (~grounded & (action != FLY))
        for velocity in self._planned:
            mean, after = speed_after(speed, target)
            if self._any_kept:
                kept = self._kept[rows]
                regained = np.clip(target, speed - HARD_BRAKING * dt, speed + KEPT_RATE * dt)
                mean, after = np.where(kept, regained, mean), np.where(kept, regained, after)
            if detour is not None:
                bound = np.maximum(detour[2], speed - HARD_BRAKING * dt)
                mean, after = np.minimum(mean, bound), np.minimum(after, bound)
            if hold is not None:
                mean, after = np.where(hold, speed, mean), np.where(hold, speed, after)
            gone = direction * mean
            if self._stepping_aside:
                gone += self._aside[rows] * np.minimum(mean, 1.0)
                gone *= np.minimum(1.0, mean / np.maximum(np.abs(gone), 1e-9))
            on_ground(velocity)[rows] = gone
            speed = after
        self._speed[rows], self._direction[rows] = speed, direction

    def _to_course(self, position: np.ndarray, rows: Rows, speed: np.ndarray) -> np.ndarray:
        """Directions (R,) that keep to the courses, or lead back to them."""
        along = self._along[rows]
        beside = (along.conj() * (on_ground(position)[rows] - self._anchor[rows])).imag
        if not some(np.abs(beside) >= 1e-6):
            return along
        ahead = np.maximum(speed, LOOK_AHEAD_M)
        back = ahead - 1j * np.minimum(np.maximum(beside, -ahead), ahead)
        back /= np.abs(back)
        return along * back

    def _follow(self, world: World, position: np.ndarray, dt: float, on_detour: list[int]) -> None:
        """Keep the actors that have a path on it, apart from the rows that are on a detour."""
        rows, aside = self._followed, None
        if self._stepping_aside and np.count_nonzero(self._aside[rows]):
            aside = self._aside[rows]
        position, followed, asked = position[rows], self._last[rows], self._asked[rows]
        kept, there = rows, slice(None)
        if on_detour:
            there = np.array([row not in on_detour for row in self._tracks.rows.tolist()])
            kept = self._tracks.rows[there]
        for ahead, velocity in enumerate(self._planned):
            tick = world.tick + ahead
            followed, off = self._tracks.velocity(tick, position, asked, followed, aside, dt)
            position = position + followed * dt
            world[Route].off_path[rows] = off
            self._keep_to_path(kept, followed[there], velocity)

    def _keep_to_path(self, rows: Rows, followed: np.ndarray, velocity: np.ndarray) -> None:
        """Write velocities ``followed`` (R, 3) m/s of ``rows`` into those of a tick (N, 3)."""
        up = followed[:, 2]
        if np.count_nonzero(up):  # the height of a path goes before flying and climbing
            velocity[rows, 2] = np.where(up != 0.0, up, velocity[rows, 2])
        gone = on_ground(followed)
        on_ground(velocity)[rows] = gone
        speed = np.abs(gone)
        self._speed[rows] = speed
        direction = self._direction[rows]
        np.divide(gone, speed, out=direction, where=speed > 1e-6)
        self._direction[rows] = direction

    def _go_round(self, world: World, rows: np.ndarray, dt: float) -> None:
        """Plan ``rows`` along their detours."""
        n, asked = len(rows), self._asked[rows]
        direction, limit = np.empty(n, complex), np.empty(n)
        for i, row in enumerate(rows.tolist()):
            track = self._tracks.of(row)
            if track is not None:
                asked[i] = self._detours.speed_to_rejoin(world, row, float(asked[i]))
            speed = float(self._speed[row])
            direction[i], limit[i], rejoin = self._detours.steer(world, row, speed)
            if rejoin is not None and track is not None:
                self._tracks.rejoin(row, rejoin)
        self._travel(world, rows, dt, (direction, asked, limit))

    def _face(self, world: World, velocity: np.ndarray) -> None:
        """Write Intent.heading: along the motion, or of an actor that stands, along its course."""
        wanted, heading = world[Intent].heading, world[Transform].heading[: self._n]
        moved = on_ground(velocity)
        speed = np.abs(moved)
        moving = speed > HOLD_HEADING_BELOW
        n_moving = np.count_nonzero(moving)
        if n_moving:
            facing = np.arctan2(velocity[:, 1], velocity[:, 0]) - self._bearing
            if some((moved * self._along.conj()).real < ALONG_COS * speed):
                facing = self._face_course(facing, world[Route].course, heading)
        if n_moving < len(moving):
            still = np.where(self._bound, wanted, world[Route].course)
            facing = np.where(moving, facing, still) if n_moving else still
        facing = facing - _CIRCLE * np.rint((facing - heading) / _CIRCLE)
        wanted[:] = facing
        if self._turns:
            wanted[:] = np.where(moving | (self._turning == 0), wanted, facing)

    def _braking(
        self, world: World, rows: Rows, wanted: np.ndarray, asked: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Wanted directions (R,) and speeds (R,) m/s, of which some have to come to a stop first.

        An actor that faces along its course already and only has to reverse its motion keeps its
        direction until it stands.
        """
        direction = self._direction[rows]
        back = (wanted * direction.conj()).real < BACK_COS
        if not some(back):
            return wanted, asked
        off = world[Transform].heading[: self._n][rows] - world[Route].course[rows]
        back &= (np.cos(off) > ALONG_COS) & (self._speed[rows] > STANDS_BELOW)
        return np.where(back, direction, wanted), np.where(back, 0.0, asked)

    def _face_course(
        self, facing: np.ndarray, course: np.ndarray, heading: np.ndarray
    ) -> np.ndarray:
        """Headings (N,) along the course for actors that face along it but move another way.

        A runner that is to walk backwards slows down first: it does not spin about.
        """
        off = facing - course
        off -= 2.0 * math.pi * np.rint(off / (2.0 * math.pi))
        kept = np.clip((MAX_FACING_OFF - np.abs(off)) / (0.5 * MAX_FACING_OFF), 0.0, 1.0)
        own = ((self._bearing != 0.0) | (np.cos(heading - course) > ALONG_COS)) & ~self._bound
        own[sorted(self._detours.active)] = False
        return np.where(own, course + kept * off, facing)


@dataclass(frozen=True, slots=True, eq=False)
class Ladders:
    """The L ladders of a world."""

    place: np.ndarray  # (L, 3) m, their feet
    height: np.ndarray  # (L,) m

    def top(self, position: np.ndarray) -> float:
        """Height, m, of the top of the ladder within reach of ``position`` (3,), or its own z."""
        near = np.hypot(*(self.place[:, :2] - position[:2]).T) < LADDER_REACH_M
        tops = (self.place[:, 2] + self.height)[near]
        return float(tops.max()) if len(tops) else float(position[2])


def _find_ladders(world: World) -> Ladders:
    """The ladders there are."""
    ids, (at, body, thing) = world.query(Transform, Body, Thing)
    if len(ids) == 0:
        return Ladders(np.zeros((0, 3)), np.zeros(0))
    which = world[Thing].kind[thing] == LADDER
    return Ladders(world[Transform].position[at][which], world[Body].size[body][which, 2])
