"""Where hands and feet are to be: on a partner's hand, on a box, under a ball that comes.

Runs last in a tick, when bodies and things are where the tick's picture shows them, so that a
hand and what it meets coincide in that very picture. Writes Gait.reach, grip and stoop.
"""

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType
from entities.components import LIMBS, Flight, Gait, Knockdown, Person, Script, Thing, Transform
from sim.animation.limb_ik import LimbTargets
from sim.interaction.carrying import HANDLES, PICK_UP, grasp_things, step_to_things
from sim.interaction.interception import KICKING, MEETS_BALLS, meet_balls, step_to_ball
from sim.interaction.partners import pairs
from sim.world import World, some

LET_GO_RATE = 5.0
"""1/s, how fast a limb that is no longer needed goes back to its gesture."""
TAKE_HOLD_RATE = 8.0
"""1/s, at most, how fast one comes to where it is to be."""
LIMB_MPS = 9.0
"""How fast the place a limb is held at may move: a change of mind is no leap."""
STOOP_RATE = 2.5
"""1/s, how fast a body bends to its work, as a share of what is left."""

_HANDLING = HANDLES | np.isin(ACTIONS, list(MEETS_BALLS))
HANDSHAKE, HIGH_FIVE, HUG, DANCE = (
    ACTION_INDEX[a]
    for a in (ActionType.HANDSHAKE, ActionType.HIGH_FIVE, ActionType.HUG, ActionType.DANCE)
)
LOWEST_HAND = 1.02
"""At this height in canonical metres a hand still reaches halfway to a partner, upright."""
SHAKE_M, SHAKE_RATE = 0.05, 5.0 * np.pi
"""Hands that are shaken go up and down by so much, so fast (rad/s)."""


def reach_for_targets(world: World, dt: float) -> None:
    """Work out every limb's place, and move holds and stoops towards what is wanted."""
    if Person not in world or Script not in world:
        return
    gait = world[Gait]
    paired = some(gait.partner >= 0)
    handling = some(_HANDLING[gait.action])
    things = Thing in world and len(world[Thing]) > 0
    holding = things and (handling or some(world[Thing].holder >= 0))
    coming = things and (handling or some(world[Flight].to >= 0))
    held = np.count_nonzero(gait.grip) or np.count_nonzero(gait.stoop)
    if not (paired or holding or coming or held):
        return
    wishes = LimbTargets.none(len(gait.clock))
    if paired:
        for one, other in pairs(gait):
            if gait.action[one] == gait.action[other]:
                _hold_hands(world, wishes, one, other, int(gait.action[one]))
    if holding:
        grasp_things(world, wishes)
    if coming:
        meet_balls(world, wishes)
    if not wishes.empty or held:
        _settle(gait, wishes, world[Knockdown].since >= 0, dt)


def step_into_reach(world: World, dt: float) -> None:
    """Shift those who are about to kick or pick something up to where it is in reach."""
    if Thing not in world or not len(world[Thing]):
        return
    action = world[Script].action
    if some(action == KICKING):
        step_to_ball(world, dt)
    if some(action == PICK_UP):
        step_to_things(world, dt)


def _settle(gait: Gait, wishes: LimbTargets, down: np.ndarray, dt: float) -> None:
    wanted = np.where(down[:, None], 0.0, wishes.weight)
    held = gait.grip > 0.0
    asked = wanted > 0.0
    step = wishes.place - gait.reach
    far = np.sqrt((step * step).sum(axis=2))
    share = np.where(held, np.minimum(LIMB_MPS * dt / np.maximum(far, 1e-9), 1.0), 1.0)
    gait.reach = np.where(asked[:, :, None], gait.reach + share[:, :, None] * step, gait.reach)
    change = np.clip(wanted - gait.grip, -LET_GO_RATE * dt, TAKE_HOLD_RATE * dt)
    gait.grip = np.where(wishes.exact & asked, wanted, gait.grip + change)
    gap = wishes.stoop - gait.stoop
    near = np.abs(gap) < 1e-4
    gait.stoop = np.where(near, wishes.stoop, gait.stoop + STOOP_RATE * 2.0 * dt * gap)


def _hold_hands(world: World, wishes: LimbTargets, one: int, other: int, action: int) -> None:
    gait, transform = world[Gait], world[Transform]
    roots = transform.position[[one, other]]
    size = gait.size[[one, other]]
    clock = float(gait.clock[one])
    middle = roots[0] + (roots[1] - roots[0]) * (size[0] / (size[0] + size[1]))
    mean, least = 0.5 * float(size[0] + size[1]), float(size.min())
    along = roots[1] - roots[0]
    along = along / max(float(np.hypot(along[0], along[1])), 1e-6)
    left = np.array([-along[1], along[0], 0.0])
    right_hand, left_hand = LIMBS[1], LIMBS[0]
    if action == HANDSHAKE:
        weight = _window(clock, 0.12, 0.4, 1.5, 1.9)
        shake = SHAKE_M * np.sin(SHAKE_RATE * (clock - 0.4)) * _window(clock, 0.4, 0.6, 1.2, 1.5)
        up = min(max(1.06 * mean, LOWEST_HAND * float(size.max())), 1.25 * least)
        _bend_to(wishes, (one, other), size, up, weight)
        place = middle + _up(up + shake * mean)
        for row in (one, other):
            wishes.add(world, row, right_hand, place, weight)
    elif action == HIGH_FIVE:
        weight = _window(clock, 0.32, 0.5, 0.58, 0.8)
        up = min(1.62 * mean, 1.72 * least)
        _bend_to(wishes, (one, other), size, up, weight)
        place = middle + _up(up)
        for row in (one, other):
            wishes.add(world, row, right_hand, place, weight)
    elif action == DANCE:
        weight = _window(clock, 0.1, 0.7, np.inf, np.inf)
        for side in (-1.0, 1.0):
            sway = 0.10 * np.sin(np.pi * clock) * side
            place = middle + side * 0.30 * mean * left
            place = place + _up((1.12 + sway) * min(mean, 1.1 * least))
            hands = (left_hand, right_hand) if side > 0.0 else (right_hand, left_hand)
            wishes.add(world, one, hands[0], place, weight)
            wishes.add(world, other, hands[1], place, weight)
    elif action == HUG:
        weight = _window(clock, 0.45, 0.9, 2.6, 3.1)
        for k, row in enumerate((one, other)):
            sign = 1.0 - 2.0 * k
            back = roots[1 - k] + sign * 0.10 * float(size[1 - k]) * along
            for hand, aside, up in ((left_hand, 0.07, 1.28), (right_hand, -0.09, 1.14)):
                place = back + sign * aside * left
                place = place + _up(up * min(float(size[1 - k]), 1.15 * float(size[k])))
                wishes.add(world, row, hand, place, weight)


def _bend_to(
    wishes: LimbTargets, rows: tuple[int, int], size: np.ndarray, up: float, weight: float
) -> None:
    """The taller of two stoops where their hands meet lower than he can reach."""
    for row, own in zip(rows, size.tolist(), strict=True):
        lack = max(LOWEST_HAND - up / own, 0.0)
        if lack > 0.0 and weight > 0.0:
            wishes.stoop[row] = 1.1 * lack, 0.6 * lack


def _up(height: float) -> np.ndarray:
    return np.array([0.0, 0.0, height])


def _window(clock: float, opens: float, full: float, closing: float, closed: float) -> float:
    """0 before ``opens`` and after ``closed``, 1 from ``full`` to ``closing``, s."""
    if clock <= opens or clock >= closed:
        return 0.0
    if clock < full:
        return (clock - opens) / (full - opens)
    return 1.0 if clock <= closing else (closed - clock) / (closed - closing)
