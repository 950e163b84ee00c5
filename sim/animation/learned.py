"""Learned motion: the model's root moves the body, its pose is shown, its feet stay put.

Runs beside the procedural animator, which goes on underneath: it keeps the overlay, takes over
where hands, seats or balls must be met, and is there at once when the model's turn is over.
"""

import math
from functools import cache

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.components import (
    Blend,
    Body,
    Gait,
    Intent,
    Knockdown,
    Learned,
    Mark,
    Person,
    Route,
    Script,
    StyleState,
    Transform,
    Velocity,
)
from entities.scene import Scene
from entities.skeleton import ACTOR_TYPES, QUADRUPEDS
from entities.units import DT, TICKS_PER_MOTION_FRAME
from ml.motion.runtime import MotionModel, Streams, open_words
from sim.animation.foot_lock import FootLock, frame_to_pose
from sim.animation.locomotion import TURN_DAMPING
from sim.animation.motion_state import motion_state
from sim.animation.pose import evaluate_poses
from sim.animation.transitions import RISE_FROM_M
from sim.navigation.speed_law import gap_ahead
from sim.navigation.steering import BEARINGS, HOLD_HEADING_BELOW, SPEEDS
from sim.story.captions import Clauses, later_of, told, verb_of
from sim.world import World

A = ActionType
MODEL_DOES = np.isin(
    ACTIONS,
    [
        A.IDLE, A.WALK, A.JOG, A.RUN, A.SPRINT, A.RUNNING_BASES, A.WALK_BACKWARDS, A.STRAFE,
        A.SNEAK, A.MARCH, A.SKIP, A.HOP, A.LIMP, A.ZOMBIE_WALK, A.TURN_AROUND, A.STAND, A.WAVE,
        A.POINT, A.CLAP, A.BOW, A.NOD, A.CELEBRATE, A.DANCE, A.CRY, A.LAUGH, A.TALK, A.SHOUT,
        A.WHISPER, A.SING, A.LOOKING_AROUND, A.THINK, A.FIGHT_STANCE, A.PUNCH, A.KICK, A.DODGE,
        A.BLOCK,
    ],
)  # fmt: skip
"""(ACTIONS,) what needs no exact contact with a thing, a seat or somebody else."""
DARING = np.where(np.isin(ACTIONS, [A.WALK_BACKWARDS, A.TALK]), 1.45, 1.0)
"""(ACTIONS,) size of the noise that takes are made of. These are rare in what was learned from, and
where a model knows little its takes are near the mean, whose movement dies away."""
del A

FRAME_S = DT * TICKS_PER_MOTION_FRAME
RENEW_FRAMES = 30
"""A chunk is followed no further than this before the next is planned."""
SPREAD_FRAMES = 18
"""First chunks end this much earlier, actor by actor, so that not all are renewed at once."""
LATEST_FRAMES = 36
"""A chunk that is old may wait for its turn no longer than this: what follows soon runs out."""
SOONEST_FRAMES = 3
"""What is asked may change again and again: a chunk is followed at least this far."""
OTHER_MPS, OTHER_SHARE, OTHER_RAD = 0.25, 0.12, 0.25
"""A wish that differs from the planned one by more is planned anew."""
COMPARED_FRAMES = (0, 8)
"""It is looked at in the next frame and a quarter of a second on."""
PATH_TAU_S = 0.5
"""How soon who is off his path's own velocity is thought to be back at it."""
CORRECTION = math.log(2.0) / 0.1
"""1/s, half of what body and wish are apart is made up in 0.1 s (Holden, "Code vs Data Driven
Displacement", https://theorangeduck.com/page/code-vs-data-driven-displacement)."""
MOST_APART_M = 0.15
MOST_SHARE, LEAST_MPS = 0.5, 0.15
"""A correction is at most this share of the speed the model moves at, or this slow."""
STILL_MPS = 0.05
"""Who wishes to go no faster than this stands, whatever a model makes of standing."""
GIVE_BACK_S = 0.3
"""How long a pose takes to go back from the model's to the animator's."""


class LearnedMotion:
    """The motion model as two systems: ``drive_bodies`` before physics, ``advance_poses`` after."""

    def __init__(self, world: World, scene: Scene, model: MotionModel | None) -> None:
        """model: None for a run that the animator moves alone; nothing is done then."""
        self.model = model
        if model is None:
            return
        self._scene, self._words = scene, open_words(model.encoder)
        person = world[Person]
        n = len(person.scale)
        good = np.array([not model.actions or action in model.actions for action in ACTIONS])
        self._does = MODEL_DOES & good
        four_legged = [ACTOR_TYPES[kind] in QUADRUPEDS for kind in person.kind.tolist()]
        self._two_legged = ~np.array(four_legged, bool)
        self._streams = Streams(model, n, scene.seed)
        self._feet = FootLock(n)
        self._active = np.zeros(n, bool)
        self._lag = np.zeros((n, 2))  # m, how far the body is behind what was wished
        self._wished = np.zeros((n, 2))  # m/s, in the tick before
        self._plan = np.zeros((n, model.chunk, 3))  # what was asked for the chunks
        self._life = np.zeros(n, np.int64)  # frames after which a chunk is renewed
        self._said = [""] * n  # clause and style each chunk was planned for
        self._past = np.repeat(self._shown(world)[:, None], model.history, axis=1)
        self._clauses: list[Clauses] = []
        self._told = -1

    def drive_bodies(self, world: World, dt: float) -> None:
        """Ask the bodies to move as their model does."""
        if self.model is None:
            return
        n = len(self._active)
        learned, body, intent = world[Learned], world[Body], world[Intent]
        idle = ~self._active
        learned.share[idle] = np.maximum(learned.share[idle] - dt / GIVE_BACK_S, 0.0)
        linear = world[Velocity].linear[:n, :2]
        lag = self._lag + (self._wished - linear) * dt
        far = _size(lag)
        lag = lag * np.minimum(1.0, MOST_APART_M / np.maximum(far, 1e-9))[:, None]
        self._lag = np.where(self._active[:, None], lag, 0.0)
        self._wished = intent.velocity.copy()
        if not np.count_nonzero(learned.share):
            return
        own = self.velocity(world)
        pace = _size(own)
        mend = CORRECTION * self._lag
        size = _size(mend)
        still = (self._wished * self._wished).sum(axis=1) < STILL_MPS**2
        most = np.maximum(np.where(still, 1.0, MOST_SHARE) * pace, LEAST_MPS)
        mend = mend * np.minimum(1.0, most / np.maximum(size, 1e-9))[:, None]
        moved = body.grounded[:n] & (learned.share > 0.0)
        share = np.where(moved, learned.share, 0.0)[:, None]
        body.asked[:n, :2] += share * (own + mend - body.asked[:n, :2])

    def velocity(self, world: World) -> np.ndarray:
        """(N, 2) m/s in the world, at which the position heads move the bodies."""
        step = self._streams.now[:, -2:] * (world[Gait].size / FRAME_S)[:, None]
        heading = world[Transform].heading[: len(step)]
        cos, sin = np.cos(heading), np.sin(heading)
        return np.stack(
            [step[:, 0] * cos - step[:, 1] * sin, step[:, 0] * sin + step[:, 1] * cos], axis=1
        )

    def advance_poses(self, world: World, dt: float) -> None:
        """Bring the model's poses to the end of the tick, standing feet held; plan what is due."""
        if self.model is None:
            return
        learned = world[Learned]
        between = world.tick % TICKS_PER_MOTION_FRAME == 0
        if between:
            self._plan_ahead(world)
        else:
            self._streams.advance()
            self._note_shown(world)
            self._renew(world)
        rows = np.flatnonzero(learned.share > 0.0)
        if len(rows) == 0:
            return
        frame, contact = self._streams.now[rows], self._streams.contact[rows]
        if between:
            then, stands = self._streams.following()
            frame, contact = 0.5 * (frame + then[rows]), 0.5 * (contact + stands[rows])
        pose = frame_to_pose(world, self._feet, rows, frame, contact, dt)
        learned.joints[rows], learned.aside[rows], learned.contact[rows] = pose
        self._mark_steps(world, rows)

    def _mark_steps(self, world: World, rows: np.ndarray) -> None:
        """Dust rises where learned feet come down, not where the animator's would."""
        plants = world[Gait].plant[rows].reshape(-1, 2)
        unseen = {(x, y) for x, y in plants.tolist()}
        tick, marks = world.tick, world.marks
        of_now = [mark for mark in marks if mark.tick == tick]
        if of_now:
            kept = [m for m in of_now if m.kind != "step" or m.position[:2] not in unseen]
            marks[len(marks) - len(of_now) :] = kept
        landed = self._feet.landed[:, rows]
        if not np.count_nonzero(landed):
            return
        speed = np.hypot(*world[Velocity].linear[rows, :2].T)
        for foot, k in np.argwhere(landed).tolist():
            x, y = self._feet.spot[:, foot, rows[k]].tolist()
            z = float(world[Transform].position[rows[k], 2])
            marks.append(Mark(tick, "step", (x, y, z), float(speed[k])))

    def _plan_ahead(self, world: World) -> None:
        """Who starts, who stops, and whose chunk is for something else by now."""
        self._streams.settle()
        able = self._able(world)
        starts = np.flatnonzero(able & ~self._active)
        if len(starts):
            self._streams.begin(starts, self._past[starts])
            self._feet.free(starts)
            self._wished[starts] = world[Velocity].linear[starts, :2]
        self._active = able
        world[Learned].share[able] = 1.0
        rows = np.flatnonzero(able)
        if len(rows) == 0:
            return
        said = self._sayings(world, rows)
        at = self._streams.at[rows]
        told = np.array([self._said[row] != say for row, say in zip(rows, said, strict=True)])
        told |= np.isin(rows, starts)
        due = at >= LATEST_FRAMES
        # Half of the rows at a time: what is asked is looked at 15 times a second.
        turn = np.flatnonzero(rows % 2 == world.tick // TICKS_PER_MOTION_FRAME % 2)
        if len(turn):
            compared = self._asked(world, rows[turn], np.array(COMPARED_FRAMES))
            otherwise = self._wishes_otherwise(rows[turn], at[turn], compared)
            due[turn] |= (at[turn] >= SOONEST_FRAMES) & otherwise
        # Who is told something else shows it in this tick; who goes another way, in the next.
        for some, beside in ((told, False), (due & ~told, True)):
            which = np.flatnonzero(some)
            if len(which):
                self._plan_for(world, rows[which], [said[k] for k in which], beside=beside)
        self._life[starts] -= (starts * 7) % SPREAD_FRAMES

    def _renew(self, world: World) -> None:
        """New chunks for those whose own get old, a few at a time, the oldest first.

        It is done at the end of the ticks before those in which changes are looked for, so that
        no tick has both to do.
        """
        rows = np.flatnonzero(self._active)
        over = self._streams.at[rows] - self._life[rows]
        old = rows[np.argsort(-over, kind="stable")][: np.count_nonzero(over >= 0)]
        some = old[: math.ceil(len(rows) / RENEW_FRAMES)]
        if len(some):
            self._plan_for(world, some, self._sayings(world, some), DT, beside=True)

    def _plan_for(
        self,
        world: World,
        rows: np.ndarray,
        said: list[tuple[str, str, float]],
        later: float = 0.0,
        beside: bool = False,
    ) -> None:
        """Plan chunks for ``rows``, in one call, that start ``later`` s from now.

        beside: the network works while bodies go on and a picture is drawn, until the next tick.
        """
        text = np.stack([self._words[clause] for clause, _, _ in said])
        style = np.stack([self._words[style] * amount for _, style, amount in said])
        asked = self._asked(world, rows, np.arange(self.model.chunk), later)
        daring = DARING[self._doing(world)[rows]]
        self._streams.plan(rows, text, style, asked, daring=daring, beside=beside)
        self._plan[rows], self._life[rows] = asked, RENEW_FRAMES
        for row, say in zip(rows.tolist(), said, strict=True):
            self._said[row] = say

    def _able(self, world: World) -> np.ndarray:
        """(N,) bool, whom the model may move now."""
        gait, blend, body = world[Gait], world[Blend], world[Body]
        n = len(self._active)
        rising = (blend.rise > RISE_FROM_M) & ((world.tick - blend.since) * DT < blend.spell)
        free = (gait.partner < 0) & (gait.seated_on < 0) & (gait.seat == 0.0)
        up = (world[Knockdown].since < 0) & body.grounded[:n] & ~rising
        return self._does[gait.action] & self._two_legged & free & up

    def _sayings(self, world: World, rows: np.ndarray) -> list[tuple[str, str, float]]:
        """Clause, style and its intensity of each row."""
        scene = self._scene
        if self._told != len(scene.events):
            self._told = len(scene.events)
            self._clauses = [
                told(scene, row) if actor.caption.strip() or later_of(scene, row) else []
                for row, actor in enumerate(scene.actors)
            ]
        action, manner, now = self._doing(world), world[StyleState], world.time + 1e-9
        said = []
        for row in rows.tolist():
            clauses = [text for t, text in self._clauses[row] if t <= now]
            clause = clauses[-1] if clauses else _verb(int(action[row]))
            said.append((clause, manner.style[row], float(manner.intensity[row])))
        return said

    def _doing(self, world: World) -> np.ndarray:
        """(N,) index in ACTIONS, what each is told to do.

        Who is to go at another speed is told so at once, as the sentences are that the model
        learned from; a gesture begins where the animator lets it begin.
        """
        action, then = world[Gait].action, world[Script].action[: len(self._active)]
        return np.where(self._does[then] & (SPEEDS[then] > 0.0), then, action)

    def _asked(
        self, world: World, rows: np.ndarray, frames: np.ndarray, later: float = 0.0
    ) -> np.ndarray:
        """What is asked for the frames to come, (R, F, 3): see ``MotionModel.plan``.

        frames (F,): numbers of those that are wanted, the first of a chunk that starts ``later`` s
        from now being 0.
        """
        t = FRAME_S * (frames + 1)
        gait, intent, route = world[Gait], world[Intent], world[Route]
        action, now = world[Script].action[rows], intent.velocity[rows]
        bearing = BEARINGS[action]
        travel = route.course[rows] + bearing
        way = np.stack([np.cos(travel), np.sin(travel)], axis=1)
        goal = SPEEDS[action][:, None] * way
        kept = np.isfinite(route.velocity[rows, 0])
        goal[kept] = route.velocity[rows[kept]]
        gap, slows = _size(now - goal), _size(now) > _size(goal)
        left = gap_ahead(gap, slows, t)[:, :, None]
        velocity = goal[:, None] + left * (now - goal)[:, None]
        for k, row in enumerate(rows.tolist()):
            path = route.path[row]
            if route.detour[row] is not None:
                velocity[k] = now[k]
            elif path is not None:
                ahead = path.velocity(world.time + later + np.append(0.0, t))[:, :2]
                off = np.exp(-t / PATH_TAU_S)[:, None] * (now[k] - ahead[0])
                velocity[k] = ahead[1:] + off
        moves = (velocity * velocity).sum(axis=2) > HOLD_HEADING_BELOW**2
        facing = np.arctan2(velocity[..., 1], velocity[..., 0]) - bearing[:, None]
        facing = np.where(moves, facing, intent.heading[rows][:, None])
        heading = world[Transform].heading[rows][:, None]
        away = facing - heading
        away = np.unwrap(away - 2.0 * np.pi * np.rint(away[:, :1] / (2.0 * np.pi)), axis=1)
        turned = away * (1.0 - (1.0 + TURN_DAMPING * t) * np.exp(-TURN_DAMPING * t))
        cos, sin = np.cos(heading + turned[:, :1]), np.sin(heading + turned[:, :1])
        x, y = velocity[..., 0], velocity[..., 1]
        size = gait.size[rows][:, None]
        return np.stack(
            [(x * cos + y * sin) / size, (y * cos - x * sin) / size, turned - turned[:, :1]],
            axis=2,
        )

    def _wishes_otherwise(self, rows: np.ndarray, at: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """(R,) bool, whether what is asked now is not what the chunk was planned for.

        Compared in each frame's own heading, at COMPARED_FRAMES, for which ``asked`` (R, 2, 3) is.
        """
        differs = np.zeros(len(rows), bool)
        last = self.model.chunk - 1
        for k, later in enumerate(COMPARED_FRAMES):
            then = self._plan[rows, np.minimum(at + later, last)]
            wish = asked[:, k]
            turn = then[:, 2] - self._plan[rows, np.minimum(at, last), 2] - wish[:, 2]
            gap = _in_own_heading(wish) - _in_own_heading(then)
            pace = np.hypot(wish[:, 0], wish[:, 1])
            most = np.maximum(OTHER_MPS, OTHER_SHARE * pace)
            differs |= (np.hypot(gap[:, 0], gap[:, 1]) > most) | (np.abs(turn) > OTHER_RAD)
        return differs

    def _shown(self, world: World) -> np.ndarray:
        """(N, 22) the procedural frames of now, canonical."""
        state = motion_state(world, copy=False)
        pose = evaluate_poses(state).joints / state.size[:, None, None]
        n, heading = len(state), state.heading
        x, y = world[Velocity].linear[:n, :2].T * (FRAME_S / state.size)
        cos, sin = np.cos(heading), np.sin(heading)
        step = np.stack([x * cos + y * sin, y * cos - x * sin], axis=1)
        return np.concatenate([pose.reshape(n, -1), step], axis=1)

    def _note_shown(self, world: World) -> None:
        """Keep the last frames of those who move procedurally: the model goes on from them."""
        if np.count_nonzero(self._two_legged & ~self._active):
            self._past[:, :-1] = self._past[:, 1:]
            self._past[:, -1] = self._shown(world)


@cache
def _verb(action: int) -> str:
    return verb_of(ACTIONS[action])


def _size(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt((vectors * vectors).sum(axis=-1))


def _in_own_heading(asked: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(asked[:, 2]), np.sin(asked[:, 2])
    x, y = asked[:, 0], asked[:, 1]
    return np.stack([x * cos + y * sin, y * cos - x * sin], axis=1)
