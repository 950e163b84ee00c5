"""Script and route -> Intent: what each actor does next, how fast he wants to go and where.

An actor with a path follows its reference; one with a velocity keeps it; everybody else travels
along his course at the speed of his action, on the law v (1 - e^(-t/tau)) from rest and back.
"""

import math
from bisect import bisect_right

import numpy as np

from entities.actions import ACTION_FILES, ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import Body, Gait, Intent, Knockdown, Route, Script, Transform, Velocity
from sim.navigation.avoidance import sidesteps
from sim.navigation.detours import Detours, ladders
from sim.navigation.path_following import PathTracking
from sim.navigation.speed_law import PIVOT_BELOW, speed_after, turned
from sim.world import Rows, World, as_rows, every, on_ground, some

NEVER = 2**62
"""A tick that does not come."""
HOLD_HEADING_BELOW = 0.2
"""m/s, slower than this an actor faces as he did."""
LOOK_AHEAD_M = 2.0
"""An actor beside his course heads for a point on it this far ahead, or a second's travel."""
PLAN_TICKS = 2
"""Actors think 30 times a second about how they will move, this tick and the next."""
WATCH_TICKS = 8
"""They look out for each other some seven times a second."""
ASIDE_EASE = 0.36
"""Share of the way to a new sidestep taken each time they think."""
KEPT_RATE, HARD_BRAKING = 4.0, 8.0
"""m/s², how somebody with a velocity regains it, and the hardest braking before a corner."""
HINDRANCE = 1.0
"""m/s an actor's wish may exceed what his body did; walls and people hold him back."""
NOT_YET = 1.2
"""rad off his course beyond which somebody's heading does not follow where he moves."""
ALONG, BACK = 0.8, -0.3
"""Cosines of the angles within which one goes along his course, and from which one goes back."""
STANDS_BELOW = 0.08
"""m/s, slower than this he who goes back may go forward."""
HELD_BACK = 0.15
"""m/s for whoever is getting up: he sets off from there, not with a jerk."""
TURN_TICKS = 60
TAKE_OFF_TICKS = 20
"""A jump keeps its run-up while it crouches and takes off."""
FLYING_HEIGHT_M = 2.0
CLIMB_RATE = 1.5
"""m/s, the fastest rise into flight."""

SPEEDS = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
FLY, CLIMB, JUMP, TURN_AROUND, GET_UP = (
    ACTION_INDEX[ActionType(name)] for name in ("fly", "climb", "jump", "turn_around", "get_up")
)
_CIRCLE = np.array(2.0 * math.pi)
BEARINGS = np.array([file.bearing for file in ACTION_FILES.values()])
"""(ACTIONS,) rad from where an actor faces to where the action takes him."""


def run_script(world: World, dt: float) -> None:
    """Bring each actor's planned action and target into force on their tick."""
    if Script not in world:
        return
    script, tick = world[Script], world.tick
    due = script.next_tick <= tick
    if not some(due):
        return
    stagger = world[Knockdown]
    for row in np.flatnonzero(due).tolist():
        plan, cues = script.plan[row], script.cues[row]
        following = bisect_right(plan, (tick, len(ACTIONS)))
        if following and plan[following - 1][0] >= script.next_tick[row]:
            since, action = plan[following - 1]
            if stagger.since[row] < 0:
                script.action[row], script.since[row] = action, since
            else:
                stagger.resume[row] = action
        while cues and cues[0][0] <= tick:
            script.target[row] = cues.pop(0)[1]
        then = plan[following][0] if following < len(plan) else NEVER
        script.next_tick[row] = min(then, cues[0][0] if cues else NEVER)


class Steering:
    """Each actor's Intent for the tick, from his Route, his action and what is in his way.

    Directions and points on the ground are complex numbers (N,), x + iy.
    """

    def __init__(self) -> None:
        self._ids = np.zeros(0, np.int64)
        self._n = 0

    def _build(self, world: World) -> None:
        self._ids = world.ids(Route)
        n = self._n = len(self._ids)
        if n == 0:
            return
        linear = world[Velocity].linear[:n]
        kept = world[Route].velocity
        start = np.where(np.isfinite(kept), kept, linear[:, :2])
        self._speed = np.hypot(start[:, 0], start[:, 1])
        self._last = np.concatenate([start, linear[:, 2:]], axis=1)
        self._way = np.zeros(n, complex)
        self._along = np.full(n, complex(math.nan, math.nan))
        self._anchor = np.zeros(n, complex)
        self._turning = np.zeros(n, np.int64)
        self._aside, self._aside_goal = np.zeros(n, complex), np.zeros(n, complex)
        self._stepping_aside = False
        self._radius = world[Body].size[:n, 0] / 2
        self._ladders = ladders(world)
        self._known: tuple[bytes, ...] = ()
        self._paths: list[object] = [None] * n
        self._tracks = PathTracking({}, world.tick, None)
        self._unpathed = np.ones(n, bool)
        self._free, self._followed = slice(0, n), slice(0, 0)
        self._detours = Detours(world, n)
        self._planned = np.zeros((PLAN_TICKS, n, 3))
        self._planned_until = world.tick

    def steer(self, world: World, dt: float) -> None:
        """Every actor's Intent for this tick."""
        if world.ids(Route) is not self._ids:
            self._build(world)
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
        """Velocities for this tick and the next, as if bodies did what they are asked to."""
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
        led = sorted(self._detours.active)
        if led:
            free = self._unpathed.copy()
            free[led] = False
            free = as_rows(np.flatnonzero(free))
            self._go_round(world, np.array(led), dt)
        if not isinstance(free, slice) or free.stop > free.start:
            self._travel(world, free, dt)
        if len(self._tracks.rows):
            self._follow(world, position, dt, led)

    def _note_changes(self, world: World, position: np.ndarray) -> None:
        """What follows from a new path, action, velocity or course."""
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
            pace = np.maximum(self._asked[self._kept], 1e-9)
            along[self._kept] = on_ground(route.velocity)[self._kept] / pace
        new = along != self._along
        self._anchor[new] = on_ground(position)[new]
        self._along = along
        at_will = (self._speed < STANDS_BELOW) | (self._way == 0.0)
        self._way[at_will] = along[at_will]

    def _take_paths(self, world: World) -> None:
        """Follow the paths there are now; who got a new one forgets his detour."""
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
        """Who means to stand, and the sidestep that keeps each out of the others' way."""
        self._still = self._asked < PIVOT_BELOW
        alone = np.zeros((self._n, 2))
        on_ground(alone)[:] = self._way * self._speed
        if len(self._tracks.rows):
            soon = self._tracks.soon()
            alone[self._tracks.rows] = soon
            self._still[self._tracks.rows] = np.abs(on_ground(soon)) < PIVOT_BELOW
        down = world[Knockdown].since >= 0
        alone[down], self._still[down] = 0.0, True
        goal = sidesteps(position[:, :2], alone, self._radius, world[Script].target)
        self._aside_goal = on_ground(goal)
        self._stepping_aside = self._stepping_aside or np.count_nonzero(goal) > 0

    def _ease_aside(self) -> None:
        self._aside += ASIDE_EASE * (self._aside_goal - self._aside)
        if not np.count_nonzero(self._aside_goal) and not some(np.abs(self._aside) >= 1e-3):
            self._aside[:] = 0.0
            self._stepping_aside = False

    def _rise(self, world: World, position: np.ndarray) -> None:
        """Upwards: into flight, and up the ladder somebody stands at."""
        for row in self._aloft.tolist():
            lack = FLYING_HEIGHT_M - position[row, 2]
            rate = CLIMB_RATE
            if world[Script].action[row] == CLIMB:
                lack = self._ladders.top(position[row]) - position[row, 2]
                rate = SPEEDS[CLIMB]
            self._planned[:, row, 2] = min(max(lack, -rate), rate)

    def _travel(
        self,
        world: World,
        rows: Rows,
        dt: float,
        led: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """Move ``rows`` on by the start and stop law, along their courses or where they are led.

        led: (R,) directions, (R,) m/s asked for and (R,) m/s not to be exceeded.
        """
        speed, way = self._speed[rows], self._way[rows]
        asked = self._asked[rows] if led is None else led[1]
        if not (np.count_nonzero(asked) or np.count_nonzero(speed)):
            return
        did = (on_ground(world[Velocity].linear)[rows] * way.conj()).real
        up = world[Gait].action[rows] == GET_UP
        ahead = np.where(up, HELD_BACK, HINDRANCE) if some(up) else HINDRANCE
        speed = np.minimum(speed, np.maximum(did, 0.0) + ahead)
        if led is None:
            wish = self._wish(world[Transform].position, rows, speed)
            wish, asked = self._braking(world, rows, wish, asked)
        else:
            wish = led[0]
        way, target = turned(way, wish, speed, asked, PLAN_TICKS * dt)
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
            if led is not None:
                bound = np.maximum(led[2], speed - HARD_BRAKING * dt)
                mean, after = np.minimum(mean, bound), np.minimum(after, bound)
            if hold is not None:
                mean, after = np.where(hold, speed, mean), np.where(hold, speed, after)
            gone = way * mean
            if self._stepping_aside:
                gone += self._aside[rows] * np.minimum(mean, 1.0)
                gone *= np.minimum(1.0, mean / np.maximum(np.abs(gone), 1e-9))
            on_ground(velocity)[rows] = gone
            speed = after
        self._speed[rows], self._way[rows] = speed, way

    def _wish(self, position: np.ndarray, rows: Rows, speed: np.ndarray) -> np.ndarray:
        """(R,) directions that keep to, or lead back to, the courses."""
        along = self._along[rows]
        beside = (along.conj() * (on_ground(position)[rows] - self._anchor[rows])).imag
        if not some(np.abs(beside) >= 1e-6):
            return along
        ahead = np.maximum(speed, LOOK_AHEAD_M)
        wish = ahead - 1j * np.minimum(np.maximum(beside, -ahead), ahead)
        wish /= np.abs(wish)
        return along * wish

    def _follow(self, world: World, position: np.ndarray, dt: float, elsewhere: list[int]) -> None:
        """Keep those with a path on it, but for the rows that are ``elsewhere`` on a detour."""
        rows, aside = self._followed, None
        if self._stepping_aside and np.count_nonzero(self._aside[rows]):
            aside = self._aside[rows]
        position, followed, asked = position[rows], self._last[rows], self._asked[rows]
        kept, there = rows, slice(None)
        if elsewhere:
            there = np.array([row not in elsewhere for row in self._tracks.rows.tolist()])
            kept = self._tracks.rows[there]
        for ahead, velocity in enumerate(self._planned):
            tick = world.tick + ahead
            followed, off = self._tracks.velocity(tick, position, asked, followed, aside, dt)
            position = position + followed * dt
            world[Route].off_path[rows] = off
            self._keep_to_path(kept, followed[there], velocity)

    def _keep_to_path(self, rows: Rows, followed: np.ndarray, velocity: np.ndarray) -> None:
        """Let ``rows`` move at velocities ``followed`` (R, 3) m/s, in a tick's (N, 3)."""
        up = followed[:, 2]
        if np.count_nonzero(up):  # a path that says how high decides
            velocity[rows, 2] = np.where(up != 0.0, up, velocity[rows, 2])
        gone = on_ground(followed)
        on_ground(velocity)[rows] = gone
        speed = np.abs(gone)
        self._speed[rows] = speed
        way = self._way[rows]
        np.divide(gone, speed, out=way, where=speed > 1e-6)
        self._way[rows] = way

    def _go_round(self, world: World, rows: np.ndarray, dt: float) -> None:
        """Lead ``rows`` along their detours."""
        wish, asked, limit = np.empty(len(rows), complex), self._asked[rows], np.empty(len(rows))
        for i, row in enumerate(rows.tolist()):
            track = self._tracks.of(row)
            if track is not None:
                asked[i] = self._detours.hurry(world, row, float(asked[i]))
            wish[i], limit[i], rejoin = self._detours.steer(world, row, float(self._speed[row]))
            if rejoin is not None and track is not None:
                self._tracks.rejoin(row, rejoin)
        self._travel(world, rows, dt, (wish, asked, limit))

    def _face(self, world: World, velocity: np.ndarray) -> None:
        """Intent.heading: along the motion; who stands on his course faces along it."""
        wanted, heading = world[Intent].heading, world[Transform].heading[: self._n]
        moved = on_ground(velocity)
        speed = np.abs(moved)
        moving = speed > HOLD_HEADING_BELOW
        n_moving = np.count_nonzero(moving)
        if n_moving:
            facing = np.arctan2(velocity[:, 1], velocity[:, 0]) - self._bearing
            if some((moved * self._along.conj()).real < ALONG * speed):
                facing = self._unturned(facing, world[Route].course, heading)
        if n_moving < len(moving):
            still = np.where(self._bound, wanted, world[Route].course)
            facing = np.where(moving, facing, still) if n_moving else still
        facing = facing - _CIRCLE * np.rint((facing - heading) / _CIRCLE)
        wanted[:] = facing
        if self._turns:
            wanted[:] = np.where(moving | (self._turning == 0), wanted, facing)

    def _braking(
        self, world: World, rows: Rows, wish: np.ndarray, asked: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Wishes (R,) and speeds (R,) of those who slow down before they go the other way.

        Who faces as he should already and only has to go back keeps his way till he stands.
        """
        way = self._way[rows]
        back = (wish * way.conj()).real < BACK
        if not some(back):
            return wish, asked
        off = world[Transform].heading[: self._n][rows] - world[Route].course[rows]
        back &= (np.cos(off) > ALONG) & (self._speed[rows] > STANDS_BELOW)
        return np.where(back, way, wish), np.where(back, 0.0, asked)

    def _unturned(self, facing: np.ndarray, course: np.ndarray, heading: np.ndarray) -> np.ndarray:
        """Who faces along his course, or goes backwards along it, and still moves elsewhere keeps
        facing so: a runner who is to walk backwards slows down first, he does not spin about."""
        off = facing - course
        off -= 2.0 * math.pi * np.rint(off / (2.0 * math.pi))
        kept = np.clip((NOT_YET - np.abs(off)) / (0.5 * NOT_YET), 0.0, 1.0)
        own = ((self._bearing != 0.0) | (np.cos(heading - course) > ALONG)) & ~self._bound
        own[sorted(self._detours.active)] = False
        return np.where(own, course + kept * off, facing)
