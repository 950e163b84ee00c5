"""Learned motion: the root of the model moves the body, its pose is shown, its feet do not slide.

It runs beside the procedural animator, which goes on underneath: that one keeps the overlay, takes
over where hands, seats or balls must be met, and is there at once when the model stops.
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
from entities.units import DT, TICKS_PER_MOTION_FRAME
from ml.episodes.features import N_FEATURES
from ml.measure.metrics import body_to_world, world_to_body
from ml.motion.runtime import MotionModel, Streams, open_text_vectors
from sim.animation.foot_lock import FootLock, frame_to_pose
from sim.animation.geometry import whole_turns
from sim.animation.locomotion import TURN_DAMPING
from sim.animation.motion_state import motion_state
from sim.animation.pose import evaluate_poses
from sim.animation.quadruped import QUADRUPED
from sim.animation.transitions import RISE_FROM_M
from sim.navigation.speed_law import gap_ahead
from sim.navigation.steering import BEARINGS, HOLD_HEADING_BELOW, SPEEDS
from sim.story.captions import Clauses, clauses_in_force, event_clauses, verb_of
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
"""(ACTIONS,) bool, actions without exact contact with an object, a seat or another actor."""
NOISE_SCALE = np.where(np.isin(ACTIONS, [A.WALK_BACKWARDS, A.TALK]), 1.45, 1.0)
"""(ACTIONS,) standard deviation of the noise that the model samples from. The larger ones are rare
in the training data, where the samples of a model are near the mean, whose movement dies away."""
del A

Conditions = tuple[str, str, float]
"""What a chunk is conditioned on: clause, style ("" for none) and intensity of the style."""
FRAME_S = DT * TICKS_PER_MOTION_FRAME
"""Duration of a motion frame."""
RENEW_FRAMES = 30
"""A chunk is followed for at most this long before the next is planned."""
SPREAD_FRAMES = 18
"""First chunks end up to this much earlier, differently for each actor, so that not all are renewed
at once."""
LATEST_FRAMES = 36
"""An old chunk waits for its renewal no longer than this, because its frames run out."""
MOST_STARTS = 250
"""Actors for whom the model starts in one tick; of a larger crowd the animator has the others for
some ticks more."""
SOONEST_FRAMES = 3
"""Targets may change again and again: a chunk is followed for at least this long."""
REPLAN_MPS, REPLAN_SHARE, REPLAN_RAD = 0.25, 0.12, 0.25
"""A chunk is planned anew if its targets differ by more: in velocity by m/s or by a share of the
speed, whichever is larger, or in heading by rad."""
COMPARED_FRAMES = (0, 8)
"""Frames at which targets are compared: the next one, and one a quarter of a second later."""
PATH_TAU_S = 0.5
"""Time constant with which an actor is expected to return to the velocity of its path."""
CORRECTION = math.log(2.0) / 0.1
"""1/s, half of the lag of the body is made up in 0.1 s (Holden, "Code vs Data Driven Displacement",
https://theorangeduck.com/page/code-vs-data-driven-displacement)."""
MOST_LAG_M = 0.15
"""Largest lag that is made up."""
MOST_SHARE, LEAST_MPS = 0.5, 0.15
"""A correction is at most this share of the speed of the model, or this many m/s if that is
more."""
STILL_MPS = 0.05
"""An actor that intends less than this should stand: a correction may be as large as the speed of
the model then."""
GIVE_BACK_S = 0.3
"""Duration of the blend from the pose of the model back to the animator's."""


class LearnedMotion:
    """The motion model as two systems: ``drive_bodies`` before physics, ``advance_poses`` after."""

    def __init__(self, world: World, scene: Scene, model: MotionModel | None) -> None:
        """model: None for procedural motion only; both systems then do nothing."""
        self.model = model
        if model is None:
            return
        self._scene, self._words = scene, open_text_vectors(model.encoder)
        able = np.array([not model.actions or action in model.actions for action in ACTIONS])
        self._does = MODEL_DOES & able
        self._two_legged = np.zeros(0, bool)
        self._streams = Streams(model, 0, scene.seed)
        self._feet = FootLock(0)
        self._active = np.zeros(0, bool)
        self._lag = np.zeros((0, 2))  # m, of the body behind the intended motion
        self._intended = np.zeros((0, 2))  # m/s, in the last tick
        self._targets = np.zeros((0, model.chunk, 3))  # those each chunk was planned for
        self._life = np.zeros(0, np.int64)  # frames after which a chunk is renewed
        self._conditions: list[Conditions | None] = []  # those of each chunk
        self._past = np.zeros((0, model.history, N_FEATURES))
        self._clauses: list[Clauses] = []
        self._read = (-1, -1)  # numbers of events and actors that ``_clauses`` contains
        self._take_in(world)

    def _take_in(self, world: World) -> None:
        """Add rows for the actors that have come on stage."""
        had, n = len(self._active), len(world[Learned])
        new = n - had
        self._two_legged = ~QUADRUPED[world[Person].kind]
        self._streams.add_rows(new)
        self._feet.add_rows(new)
        for name in ("_active", "_lag", "_intended", "_targets", "_life"):
            column = getattr(self, name)
            more = np.zeros((new, *column.shape[1:]), column.dtype)
            setattr(self, name, np.concatenate([column, more]))
        self._conditions += [None] * new
        if new:
            frames = self._procedural_frames(world)[had:, None]
            past = np.repeat(frames, self.model.history, axis=1)
            self._past = np.concatenate([self._past, past])

    def drive_bodies(self, world: World, dt: float) -> None:
        """Set the velocity asked of each body to that of the model, and make up for its lag."""
        if self.model is None:
            return
        if len(world[Learned]) > len(self._active):
            self._take_in(world)
        n = len(self._active)
        learned, body, intent = world[Learned], world[Body], world[Intent]
        idle = ~self._active
        learned.share[idle] = np.maximum(learned.share[idle] - dt / GIVE_BACK_S, 0.0)
        linear = world[Velocity].linear[:n, :2]
        lag = self._lag + (self._intended - linear) * dt
        lag = _limited(lag, MOST_LAG_M)
        self._lag = np.where(self._active[:, None], lag, 0.0)
        self._intended = intent.velocity.copy()
        if not np.count_nonzero(learned.share):
            return
        own = self._model_velocity(world)
        still = (self._intended * self._intended).sum(axis=1) < STILL_MPS**2
        most = np.maximum(np.where(still, 1.0, MOST_SHARE) * _norm(own), LEAST_MPS)
        correction = _limited(CORRECTION * self._lag, most)
        moved = body.grounded[:n] & (learned.share > 0.0)
        share = np.where(moved, learned.share, 0.0)[:, None]
        body.asked[:n, :2] += share * (own + correction - body.asked[:n, :2])

    def _model_velocity(self, world: World) -> np.ndarray:
        """Velocity (N, 2) m/s in the world at which the model moves the roots."""
        velocity = self._streams.now[:, -2:] * (world[Gait].size / FRAME_S)[:, None]
        return body_to_world(velocity, world[Transform].heading[: len(velocity)])

    def advance_poses(self, world: World, dt: float) -> None:
        """Advance the poses of the model to the end of the tick, lock feet, and plan new chunks."""
        if self.model is None:
            return
        learned = world[Learned]
        between = world.tick % TICKS_PER_MOTION_FRAME == 0
        if between:
            self._plan_changes(world)
        else:
            self._streams.advance()
            self._keep_history(world)
            self._renew_old_chunks(world)
        rows = np.flatnonzero(learned.share > 0.0)
        if len(rows) == 0:
            return
        frame, contact = self._streams.now[rows], self._streams.contact[rows]
        if between:
            later, later_contact = self._streams.next_frame()
            frame, contact = 0.5 * (frame + later[rows]), 0.5 * (contact + later_contact[rows])
        pose = frame_to_pose(world, self._feet, rows, frame, contact, dt)
        learned.joints[rows], learned.foot_lateral[rows], learned.contact[rows] = pose
        self._replace_step_marks(world, rows)

    def _replace_step_marks(self, world: World, rows: np.ndarray) -> None:
        """Mark the steps of learned feet, which raise dust, instead of the animator's."""
        plants = world[Gait].plant[rows].reshape(-1, 2)
        hidden = {(x, y) for x, y in plants.tolist()}
        tick, marks = world.tick, world.marks
        new = [mark for mark in marks if mark.tick == tick]
        if new:
            kept = [m for m in new if m.kind != "step" or m.position[:2] not in hidden]
            marks[len(marks) - len(new) :] = kept
        landed = self._feet.landed[:, rows]
        if not np.count_nonzero(landed):
            return
        speed = np.hypot(*world[Velocity].linear[rows, :2].T)
        for foot, k in np.argwhere(landed).tolist():
            x, y = self._feet.spot[:, foot, rows[k]].tolist()
            z = float(world[Transform].position[rows[k], 2])
            marks.append(Mark(tick, "step", (x, y, z), float(speed[k])))

    def _plan_changes(self, world: World) -> None:
        """Start and stop actors; plan anew the chunks whose conditions or targets have changed."""
        self._streams.finish_plan()
        active = self._can_move(world)
        starts = np.flatnonzero(active & ~self._active)
        active[starts[MOST_STARTS:]] = False
        starts = starts[:MOST_STARTS]
        if len(starts):
            self._streams.begin(starts, self._past[starts])
            self._feet.release(starts)
            self._intended[starts] = world[Velocity].linear[starts, :2]
        self._active = active
        world[Learned].share[active] = 1.0
        rows = np.flatnonzero(active)
        if len(rows) == 0:
            return
        conditions = self._conditions_of(world, rows)
        at = self._streams.at[rows]
        changed = np.array(
            [self._conditions[row] != now for row, now in zip(rows, conditions, strict=True)]
        )
        changed |= np.isin(rows, starts)
        due = at >= LATEST_FRAMES
        # Half of the rows at a time: the targets of each are compared 15 times a second.
        turn = np.flatnonzero(rows % 2 == world.tick // TICKS_PER_MOTION_FRAME % 2)
        if len(turn):
            compared = self._future_targets(world, rows[turn], np.array(COMPARED_FRAMES))
            differs = self._differs_from_plan(rows[turn], at[turn], compared)
            due[turn] |= (at[turn] >= SOONEST_FRAMES) & differs
        # New conditions show in this tick, new targets in the next.
        for some, in_background in ((changed, False), (due & ~changed, True)):
            which = np.flatnonzero(some)
            if len(which):
                self._plan_for(
                    world, rows[which], [conditions[k] for k in which], in_background=in_background
                )
        self._life[starts] -= (starts * 7) % SPREAD_FRAMES

    def _renew_old_chunks(self, world: World) -> None:
        """Plan new chunks for the oldest ones, a few at a time.

        It is done at the end of the ticks before those in which changes are looked for, so that no
        tick has both to do.
        """
        rows = np.flatnonzero(self._active)
        over = self._streams.at[rows] - self._life[rows]
        old = rows[np.argsort(-over, kind="stable")][: np.count_nonzero(over >= 0)]
        some = old[: math.ceil(len(rows) / RENEW_FRAMES)]
        if len(some):
            self._plan_for(world, some, self._conditions_of(world, some), DT, in_background=True)

    def _plan_for(
        self,
        world: World,
        rows: np.ndarray,
        conditions: list[Conditions],
        later: float = 0.0,
        in_background: bool = False,
    ) -> None:
        """Plan chunks for ``rows``, in one call, that start ``later`` s from now.

        in_background: the model runs in a thread until the next tick, while the simulation goes on.
        """
        text = np.stack([self._words[clause] for clause, _, _ in conditions])
        style = np.stack([self._words[style] * amount for _, style, amount in conditions])
        targets = self._future_targets(world, rows, np.arange(self.model.chunk), later)
        noise_scale = NOISE_SCALE[self._action_said(world)[rows]]
        self._streams.plan(
            rows, text, style, targets, noise_scale=noise_scale, in_background=in_background
        )
        self._targets[rows], self._life[rows] = targets, RENEW_FRAMES
        for row, now in zip(rows.tolist(), conditions, strict=True):
            self._conditions[row] = now

    def _can_move(self, world: World) -> np.ndarray:
        """(N,) bool, actors that the model can move now."""
        gait, blend, body = world[Gait], world[Blend], world[Body]
        n = len(self._active)
        rising = (blend.rise > RISE_FROM_M) & ((world.tick - blend.since) * DT < blend.duration)
        free = (gait.partner < 0) & (gait.seated_on < 0) & (gait.seat == 0.0)
        up = (world[Knockdown].since < 0) & body.grounded[:n] & ~rising
        return self._does[gait.action] & self._two_legged & free & up

    def _conditions_of(self, world: World, rows: np.ndarray) -> list[Conditions]:
        """Conditions of the model for each row (R,): clause in force, style and its intensity."""
        scene = self._scene
        if self._read != (len(scene.events), len(scene.actors)):
            self._read = len(scene.events), len(scene.actors)
            later = event_clauses(scene)
            self._clauses = [
                clauses if actor.caption.strip() or later[row] else []
                for row, (actor, clauses) in enumerate(
                    zip(scene.actors, clauses_in_force(scene), strict=True)
                )
            ]
        action, style, now = self._action_said(world), world[StyleState], world.time + 1e-9
        conditions = []
        for row in rows.tolist():
            clauses = [text for t, text in self._clauses[row] if t <= now]
            clause = clauses[-1] if clauses else _verb(int(action[row]))
            conditions.append((clause, style.style[row], float(style.intensity[row])))
        return conditions

    def _action_said(self, world: World) -> np.ndarray:
        """(N,) index in ACTIONS, the action that the clause of an actor without a caption names.

        An action that changes the speed is named at once, as in the sentences the model learned
        from; a gesture begins when the animator begins it.
        """
        action, then = world[Gait].action, world[Script].action[: len(self._active)]
        return np.where(self._does[then] & (SPEEDS[then] > 0.0), then, action)

    def _future_targets(
        self, world: World, rows: np.ndarray, frames: np.ndarray, later: float = 0.0
    ) -> np.ndarray:
        """Target velocity and heading of frames to come, (R, F, 3): see ``MotionModel.plan``.

        frames: (F,) numbers of the frames, 0 being the first of a chunk that starts ``later`` s
        from now.
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
        gap, slows = _norm(now - goal), _norm(now) > _norm(goal)
        remaining = gap_ahead(gap, slows, t)[:, :, None]
        velocity = goal[:, None] + remaining * (now - goal)[:, None]
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
        away = np.unwrap(away - whole_turns(away[:, :1]), axis=1)
        turned = away * (1.0 - (1.0 + TURN_DAMPING * t) * np.exp(-TURN_DAMPING * t))
        size = gait.size[rows][:, None]
        forward, left = np.moveaxis(world_to_body(velocity, heading + turned[:, :1]), -1, 0)
        return np.stack([forward / size, left / size, turned - turned[:, :1]], axis=2)

    def _differs_from_plan(
        self, rows: np.ndarray, at: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        """(R,) bool, whether targets differ from those that the chunk was planned for.

        at: (R,) next frames of the chunks. targets: (R, 2, 3) at COMPARED_FRAMES from now.
        Velocities are compared in the target heading of each frame.
        """
        differs = np.zeros(len(rows), bool)
        last = self.model.chunk - 1
        for k, later in enumerate(COMPARED_FRAMES):
            planned = self._targets[rows, np.minimum(at + later, last)]
            target = targets[:, k]
            turn = planned[:, 2] - self._targets[rows, np.minimum(at, last), 2] - target[:, 2]
            gap = world_to_body(target[:, :2], target[:, 2])
            gap = gap - world_to_body(planned[:, :2], planned[:, 2])
            pace = np.hypot(target[:, 0], target[:, 1])
            most = np.maximum(REPLAN_MPS, REPLAN_SHARE * pace)
            differs |= (np.hypot(gap[:, 0], gap[:, 1]) > most) | (np.abs(turn) > REPLAN_RAD)
        return differs

    def _procedural_frames(self, world: World) -> np.ndarray:
        """The present frames (N, 22) of procedural motion, canonical."""
        state = motion_state(world, copy=False)
        pose = evaluate_poses(state).joints / state.size[:, None, None]
        n = len(state)
        step = world[Velocity].linear[:n, :2] * (FRAME_S / state.size)[:, None]
        step = world_to_body(step, state.heading)
        return np.concatenate([pose.reshape(n, -1), step], axis=1)

    def _keep_history(self, world: World) -> None:
        """Keep the last frames of procedural motion, from which the model continues."""
        if np.count_nonzero(self._two_legged & ~self._active):
            self._past[:, :-1] = self._past[:, 1:]
            self._past[:, -1] = self._procedural_frames(world)


@cache
def _verb(action: int) -> str:
    return verb_of(ACTIONS[action])


def _norm(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt((vectors * vectors).sum(axis=-1))


def _limited(vectors: np.ndarray, most: np.ndarray | float) -> np.ndarray:
    """Vectors (N, 2), shortened to the length ``most`` where they are longer."""
    return vectors * np.minimum(1.0, most / np.maximum(_norm(vectors), 1e-9))[:, None]
