"""Procedural locomotion: from Intent to a velocity of the body, and the state poses are made from.

``drive_bodies`` runs before physics, ``advance_gait`` after it; both change the state once a tick.
The pose is a pure function of that state (``sim.animation.pose``), so it can be evaluated for one
tick or for many at once. A planted foot keeps its spot in the world until it is lifted.
"""

import math

import numpy as np

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ActionType
from entities.components import (
    LIMBS,
    Blend,
    Body,
    Gait,
    Intent,
    Person,
    Script,
    StyleState,
    Transform,
    Velocity,
)
from entities.skeleton import L_FOOT, LATERAL
from entities.units import DT
from sim.animation import gestures as p
from sim.animation.climbing import CLIMB, RUNG_M
from sim.animation.footsteps import (
    LIFTED_M,
    cadence_and_duty,
    held_feet,
    lift_and_plant,
    start_and_stop,
    strays,
    stride,
    time_feet,
)
from sim.animation.gait import GAIT_MODE, RUN_AT_MPS, RUNS, WALK_AT_MPS, WALKS
from sim.animation.geometry import SIDES, BodyFrames, fade
from sim.animation.motion_state import body_size, motion_state
from sim.animation.pose import effective_pace, parameters
from sim.animation.quadruped import (
    CRAWL,
    GALLOP_RIGHT_PHASE,
    QUADRUPED,
    galloping,
    rest_paws,
    walk_paws,
)
from sim.animation.style import TEMPO, TOGETHER
from sim.animation.transitions import change_action, still_to_rise, wanted_actions
from sim.world import World, every, on_ground, some

TURN_DAMPING = 2.0 * math.log(2.0) / 0.12
"""1/s, damping of the spring of the heading, which is half way after about 0.12 s."""
FURTHEST_TURN = 0.9
"""rad, largest difference of heading that the spring acts on: nobody turns faster than about 5
rad/s, so turning round takes 0.8 s (choice)."""
SPEED_TAU_S, ACCELERATION_TAU_S = 0.06, 0.15
"""Time constants of the smoothed speed and acceleration."""
MAX_ACCELERATION = 10.0
"""m/s²; a larger one comes from a collision, not from running."""
DECIDE_TICKS = 4
"""Ticks between two choices of gait, cadence and steps on the spot."""
MOVING_RATE = 1.0 / 0.30
"""1/s, rate at which standing goes over to stepping and walking to running."""
WALKS_LONGER_MPS = 0.4
"""An action whose gait is walking walks at up to this much more than RUN_AT_MPS."""
FIRST_SLOWER = 0.5
"""Share by which a gesture is slower at first, while the last pose fades."""
TEMPO_SPREAD = 0.08
"""Share by which the gestures of an actor are faster or slower; see Person.traits."""
STEP_S = 0.36
"""Duration of a step on the spot."""
SLIDE_MPS2 = 8.0
"""Deceleration of a body that lies or sits, more than clothes on grass would give."""
UPRIGHT_M = 0.15
"""An actor does not walk while its pelvis is further than this from its standing height."""
STEP_SLOWER = 2.5
"""By how much a step of an actor that gets up is slower, per metre the pelvis has yet to rise."""

# Factors of one tick, as 0-d arrays: they cost numpy half of what Python's floats do.
_FOLLOW = np.array(-math.expm1(-DT / SPEED_TAU_S))
_EASE = np.array(-math.expm1(-DT / ACCELERATION_TAU_S))
_CIRCLE = np.array(2.0 * math.pi)
_LEFT = math.exp(-TURN_DAMPING * DT)
_COAST, _HOME = np.array(_LEFT * DT), np.array(1.0 - _LEFT * (1.0 + TURN_DAMPING * DT))
_SWING = np.array(_LEFT * (1.0 - TURN_DAMPING * DT))
_PULL = np.array(_LEFT * TURN_DAMPING * TURN_DAMPING * DT)
_HARDEST = np.array(MAX_ACCELERATION)
_TICK = np.array(DT)
ON_LADDER_M = 0.02
"""A climbing actor higher than this that does not rise has come to the top."""
_IDLE = ACTION_INDEX[ActionType.IDLE]


def rest_gait(transform: Transform, person: Person, action: np.ndarray | None = None) -> Gait:
    """``Gait`` of actors on the spot, feet side by side, or in the air where the gesture has them.

    action: (N,) index in ACTIONS of the first action of each; idle by default.
    """
    n = len(transform.heading)
    action = np.full(n, _IDLE, np.int64) if action is None else action.astype(np.int64)
    size = body_size(person)
    table = p.gesture_table()
    values = table.values[p.L_FWD : p.LOOSE + 1, action * table.n_keys]
    x, y = transform.position.T[:2]
    frames = BodyFrames(x, y, np.cos(transform.heading), np.sin(transform.heading))
    left = (LATERAL[L_FOOT] + values[4:6]) * SIDES * size
    free = (values[2:4] > LIFTED_M) | (values[8] > 0.5)
    return Gait(
        phase=np.where(person.traits[:, 5] > 0.0, 0.5, 0.0),
        run=np.zeros(n),
        running=np.zeros(n, bool),
        moving=np.zeros(n),
        speed=np.zeros(n),
        acceleration=np.zeros((2, n)).T,
        planted=~free.T,
        plant=frames.world(values[:2] * size, left).T,
        swing=np.where(free, 1.0, 0.0).T,
        clock=np.where(action == _IDLE, 3.0 * (1.0 + person.traits[:, 5]), 0.0),
        side=np.zeros(n),
        stepping=np.zeros(n, bool),
        lift=np.zeros((4, 2, n)).T,
        action=action,
        seat=np.zeros(n),
        reach=np.zeros((n, len(LIMBS), 3)),
        grip=np.zeros((n, len(LIMBS))),
        stoop=np.zeros((n, 2)),
        paws=rest_paws(transform, person, size),
        right_phase=np.full(n, 0.5),
        climbed=np.zeros(n),
        size=size,
        step=np.full(n, DT),
        duty=np.full(n, 0.6),
        tempo=np.ones(n),
        gain=np.zeros((2, n)).T,
        due=np.full((2, n), np.inf).T,
        animal=QUADRUPED[person.kind],
        seated_on=np.full(n, -1, np.int64),
        partner=np.full(n, -1, np.int64),
    )


def drive_bodies(world: World, dt: float) -> None:
    """Set the velocity asked of each body from its Intent, turn it, and start jumps.

    An actor that lies or sits gets up first; in the air a body keeps its momentum over the ground.
    The heading follows by a critically damped spring, solved exactly
    (https://theorangeduck.com/page/spring-roll-call).
    """
    intent, transform = world[Intent], world[Transform]
    velocity, body = world[Velocity], world[Body]
    n = len(intent.heading)
    heading, turn = transform.heading[:n], velocity.turn[:n]
    away = heading - intent.heading
    away -= _CIRCLE * np.rint(away / _CIRCLE)
    if some(np.abs(away) > FURTHEST_TURN):
        away = np.minimum(np.maximum(away, -FURTHEST_TURN), FURTHEST_TURN)
    velocity.turn[:n] = _SWING * turn - _PULL * away
    transform.heading[:n] = heading + (_COAST * turn - _HOME * away)
    _take_off(world, n, dt)
    body.asked[:n, :2] = intent.velocity
    body.asked[:n, 2] = intent.climb
    rise = still_to_rise(world)
    if rise is not None:
        before = np.hypot(velocity.linear[:n, 0], velocity.linear[:n, 1])
        asked = np.hypot(body.asked[:n, 0], body.asked[:n, 1])
        slowed = np.maximum(asked * np.clip(1.4 - 10.0 * rise, 0.0, 1.0), before - SLIDE_MPS2 * dt)
        body.asked[:n, :2] *= np.minimum(slowed / np.maximum(asked, 1e-9), 1.0)[:, None]
    aloft = ~body.grounded[:n]
    if some(aloft):
        body.asked[:n, :2][aloft] = velocity.linear[:n, :2][aloft]


def _take_off(world: World, n: int, dt: float) -> None:
    """Give bodies whose gesture leaves the ground in this tick their upward speed."""
    table, gait = p.gesture_table(), world[Gait]
    at = table.take_off[gait.action]
    if not some(at < np.inf):
        return
    body = world[Body]
    now = table.time_in(gait.action, gait.clock, gait.phase)
    soon = now + dt * gait.tempo
    rows = np.flatnonzero(body.grounded[:n] & (now < at) & (soon >= at))
    if len(rows):
        speed = table.jump_speed[gait.action[rows]] * np.sqrt(gait.size[rows])
        world[Velocity].linear[rows, 2] = speed
        body.grounded[rows] = False


def advance_gait(world: World, dt: float) -> None:
    """Advance phase, feet and gesture clocks to where the bodies have gone."""
    gait = world[Gait]
    n = len(gait.phase)
    deciding = world.tick % DECIDE_TICKS == 0
    script = world[Script]
    differs = script.action != gait.action
    if some(differs) and (deciding or some(differs & (script.since == world.tick))):
        wanted = wanted_actions(world)
        changed = np.flatnonzero(wanted != gait.action)
        if len(changed):
            change_action(world, changed, wanted[changed])
            deciding = True
    grounded = world[Body].grounded[:n]
    frames = _follow_body(world, gait, n, dt)
    held = held_feet(gait, grounded)
    rise = still_to_rise(world)
    shuffle = dt / STEP_S if rise is None else dt / (STEP_S * (1.0 + STEP_SLOWER * rise))
    if deciding:
        _choose_gait(world, gait, dt)
        able = grounded & (gait.seat == 0.0)
        start_and_stop(gait, able if rise is None else able & (rise < UPRIGHT_M), held)
        time_feet(gait, held, dt, shuffle)
    _advance_clock(world, grounded)
    gait.run = _eased(gait.run, gait.running, dt)
    gait.moving = _eased(gait.moving, gait.stepping & grounded, dt)
    lifts, lands = stride(gait, held)
    if deciding:
        lifts = lifts | strays(gait, frames, held)
    if some(lifts) or some(lands):
        lift_and_plant(world, frames, lifts, lands)
        time_feet(gait, held, dt, shuffle)
    climbs = gait.action == CLIMB
    if some(climbs):
        rate = np.where(climbs, _rung_rate(world, n), 0.0)
        gait.climbed = gait.climbed + rate * (dt / (2.0 * RUNG_M))
    if some(gait.animal) or some(gait.action == CRAWL):
        where = np.flatnonzero(gait.animal | (gait.action == CRAWL))
        rows = motion_state(world, copy=False).take(where)
        walk_paws(gait, rows, parameters(rows), where)


def _rung_rate(world: World, n: int) -> np.ndarray:
    """Speed (N,) m/s of climbers over rungs: of their rise, or the action's without a ladder."""
    rise, mimes = world[Intent].climb[:n], world[Transform].position[:n, 2] < ON_LADDER_M
    return np.where((rise == 0.0) & mimes, ACTION_VELOCITIES[ActionType.CLIMB], rise)


def _choose_gait(world: World, gait: Gait, dt: float) -> None:
    """Choose the gait, its cadence, and the tempo of gestures, from speed, traits and style."""
    person, style = world[Person], world[StyleState].now
    pace = effective_pace(gait)
    mode = GAIT_MODE[gait.action]
    threshold = np.where(gait.running, WALK_AT_MPS, RUN_AT_MPS)
    gait.running = (pace > threshold + WALKS_LONGER_MPS * (mode == WALKS)) | (mode == RUNS)
    cadence, gait.duty = cadence_and_duty(pace, gait.run, gait.action, person.traits, style)
    gait.step = cadence * (dt / 120.0)
    if some(gait.animal):
        gait.right_phase = 0.5 + galloping(gait.speed, gait.size, person.kind) * (
            GALLOP_RIGHT_PHASE - 0.5
        )
    own = style[:, TEMPO] * ~TOGETHER[gait.action]
    gait.tempo = (1.0 + TEMPO_SPREAD * person.traits[:, 4]) * (1.0 + own)


def _eased(now: np.ndarray, goal: np.ndarray, dt: float) -> np.ndarray:
    """``now`` (N,) a tick nearer to ``goal`` (N,), at MOVING_RATE."""
    lack = goal - now
    if not np.count_nonzero(lack):
        return now
    ease = MOVING_RATE * dt
    return now + np.minimum(np.maximum(lack, -ease), ease)


def _advance_clock(world: World, grounded: np.ndarray) -> None:
    """Advance the clocks of gestures; a jump's clock waits in the air for the landing."""
    gait, blend, rate = world[Gait], world[Blend], world[Gait].tempo
    age = (world.tick - blend.since) * _TICK
    if some(age < blend.duration):
        slower = FIRST_SLOWER * ~p.gesture_table().timed[gait.action]
        rate = rate * (1.0 - slower * fade(np.minimum(age / blend.duration, 1.0)))
    gait.clock = gait.clock + _TICK * rate
    if every(grounded):
        return
    table = p.gesture_table()
    waits = table.waits_at[gait.action]
    over = table.time_in(gait.action, gait.clock, gait.phase) - waits
    gait.clock = gait.clock - np.where(~grounded & (over > 0.0), over, 0.0)


def _follow_body(world: World, gait: Gait, n: int, dt: float) -> BodyFrames:
    """Smooth the real velocity into speed, side and acceleration; returns the body frames."""
    transform, velocity = world[Transform], world[Velocity]
    facing = np.exp(1j * transform.heading[:n])
    moved = on_ground(velocity.linear)[:n] * facing.conj()
    gained = _FOLLOW * (moved.real - gait.speed)
    gait.speed = gait.speed + gained
    gait.side = gait.side + _FOLLOW * (moved.imag - gait.side)
    now = np.empty((2, n))
    np.minimum(np.maximum(gained / _TICK, -_HARDEST), _HARDEST, out=now[0])
    np.multiply(gait.speed, velocity.turn[:n], out=now[1])
    now -= gait.acceleration.T
    now *= _EASE
    gait.acceleration = (gait.acceleration.T + now).T
    position = transform.position[:n]
    return BodyFrames(position[:, 0], position[:, 1], facing.real, facing.imag)
