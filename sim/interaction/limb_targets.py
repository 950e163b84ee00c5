"""Limb targets: hands and feet move to a partner's hand, a box, a ball that comes.

The targets are collected last in a tick, when bodies and objects are where the tick's frame shows
them, so that a hand and what it touches coincide in that frame. Writes Gait.reach, grip and stoop.
"""

import numpy as np

from entities.actions import ACTIONS
from entities.components import Flight, Gait, Knockdown, Script, Thing
from sim.animation.limb_ik import LimbTargets
from sim.interaction.carrying import HANDLES, PICK_UP, grasp_objects, step_to_objects
from sim.interaction.interception import KICKING, MEETS_BALLS, meet_balls, step_to_ball
from sim.interaction.partners import hold_hands
from sim.world import World, some

LET_GO_RATE = 5.0
"""1/s at which the grip of a limb without a target fades."""
TAKE_HOLD_RATE = 8.0
"""1/s at which the grip of a limb with a target grows at most."""
LIMB_MPS = 9.0
"""m/s at which the target of a limb moves at most, so that a change of target is no leap."""
STOOP_RATE = 5.0
"""1/s at which the body bends to its work, as a share of what is left."""

_HANDLING = HANDLES | np.isin(ACTIONS, list(MEETS_BALLS))


def reach_for_targets(world: World, dt: float) -> None:
    """Collect the targets of all limbs, and move reach, grip and stoop towards them."""
    gait = world[Gait]
    paired = some(gait.partner >= 0)
    handling = some(_HANDLING[gait.action])
    objects = len(world[Thing]) > 0
    holding = objects and (handling or some(world[Thing].holder >= 0))
    coming = objects and (handling or some(world[Flight].to >= 0))
    held = np.count_nonzero(gait.grip) or np.count_nonzero(gait.stoop)
    if not (paired or holding or coming or held):
        return
    targets = LimbTargets.none(len(gait.clock))
    if paired:
        hold_hands(world, targets)
    if holding:
        grasp_objects(world, targets)
    if coming:
        meet_balls(world, targets)
    if not targets.empty or held:
        _settle(gait, targets, world[Knockdown].since >= 0, dt)


def step_into_reach(world: World, dt: float) -> None:
    """Shift the actors that are about to kick or pick something up to where it is in reach."""
    if not len(world[Thing]):
        return
    action = world[Script].action
    if some(action == KICKING):
        step_to_ball(world, dt)
    if some(action == PICK_UP):
        step_to_objects(world, dt)


def _settle(gait: Gait, targets: LimbTargets, down: np.ndarray, dt: float) -> None:
    """Move reach, grip and stoop of all actors on. down: (N,) bool, knocked down: no targets."""
    weight = np.where(down[:, None], 0.0, targets.weight)
    held = gait.grip > 0.0
    aimed = weight > 0.0
    step = targets.place - gait.reach
    far = np.sqrt((step * step).sum(axis=2))
    share = np.where(held, np.minimum(LIMB_MPS * dt / np.maximum(far, 1e-9), 1.0), 1.0)
    gait.reach = np.where(aimed[:, :, None], gait.reach + share[:, :, None] * step, gait.reach)
    change = np.clip(weight - gait.grip, -LET_GO_RATE * dt, TAKE_HOLD_RATE * dt)
    gait.grip = np.where(targets.exact & aimed, weight, gait.grip + change)
    gap = targets.stoop - gait.stoop
    near = np.abs(gap) < 1e-4
    gait.stoop = np.where(near, targets.stoop, gait.stoop + STOOP_RATE * dt * gap)
