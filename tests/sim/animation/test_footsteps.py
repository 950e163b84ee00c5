"""Where swings start and end: the shortcut and the curve of a whole swing say the same."""

import numpy as np
import pytest

from entities.actions import ActionType
from entities.skeleton import ActorType
from sim.animation.footsteps import swing_ends
from sim.animation.gait import DUTY
from sim.animation.motion_state import motion_state
from sim.animation.pose import foot_bases, gait_and_cadence, parameters
from tests.motion_stage import film, forward, stage


@pytest.mark.parametrize("kind", [ActorType.HUMAN, ActorType.CHILD])
def test_swing_ends_are_the_ends_of_the_swing(kind):
    actions = [ActionType.WALK, ActionType.RUN, ActionType.SKIP, ActionType.CRAWL, ActionType.SIT]
    world = stage(actions, kind=kind, traits=1.0)
    film(world, 1.5, forward(2.0))
    state = motion_state(world)
    values = parameters(state)
    gait, cadence = gait_and_cadence(state)
    for end in (False, True):
        state.swing = np.full((len(state), 2), float(end))
        whole = foot_bases(state, values, gait, cadence)
        both = np.full((2, len(state)), end)
        short = swing_ends(state, values, both, gait[DUTY], 120.0 / cadence)
        assert abs(np.array(short) - np.array(whole)).max() < 1e-12
    assert state.moving.max() == 1.0
