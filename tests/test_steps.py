"""Where swings start and end: the shortcut and the curve of a whole swing say the same."""

import numpy as np
import pytest

from entities.actions import ActionType
from entities.skeleton import ActorType
from sim.animation.footsteps import swing_ends
from sim.animation.gait import CADENCE, DUTY, gait_rows
from sim.animation.motion_state import motion_state
from sim.animation.pose import cadence_of, effective_pace, foot_bases, parameters
from tests.motion_stage import film, forward, stage


@pytest.mark.parametrize("kind", [ActorType.HUMAN, ActorType.CHILD])
def test_swing_ends_are_the_ends_of_the_swing(kind):
    actions = [ActionType.WALK, ActionType.RUN, ActionType.SKIP, ActionType.CRAWL, ActionType.SIT]
    world = stage(actions, kind=kind, traits=1.0)
    film(world, 1.5, forward(2.0))
    rows = motion_state(world)
    values = parameters(rows)
    pace = effective_pace(rows.speed, rows.side, rows.acceleration[:, 0], rows.size)
    gait = gait_rows(pace, rows.run)
    cadence = cadence_of(gait[CADENCE], rows.action, rows.traits, rows.manner)
    for end in (False, True):
        rows.swing = np.full((len(rows), 2), float(end))
        whole = foot_bases(rows, values, gait, cadence)
        both = np.full((2, len(rows)), end)
        short = swing_ends(rows, values, both, gait[DUTY], 120.0 / cadence)
        assert abs(np.array(short) - np.array(whole)).max() < 1e-12
    assert rows.moving.max() == 1.0
