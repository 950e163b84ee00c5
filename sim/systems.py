"""What happens in a tick: the systems of a run, in order.

A system is a function of the world and the tick's length, or a method of what keeps a plan, a cache
or the physics engine of its own. Systems meet only in the world, and none calls another. After the
last one the tick is over; ``snapshots`` copies its state and evaluates the poses: a Block of ticks,
of which a Frame is one.
"""

from collections.abc import Callable

from sim.animation.attention import update_attention
from sim.animation.learned import LearnedMotion
from sim.animation.locomotion import advance_gait, drive_bodies
from sim.events import EventQueue
from sim.interaction.handling import handle_objects
from sim.interaction.knockdown import react_to_hits, slide_fallen
from sim.interaction.limb_targets import reach_for_targets, step_into_reach
from sim.interaction.partners import join_partners
from sim.interaction.seating import take_seats
from sim.navigation.steering import Steering, run_script
from sim.physics.space import Physics
from sim.world import World

System = Callable[[World, float], None]


def systems(world: World, events: EventQueue, learned: LearnedMotion) -> list[System]:
    """The systems of a run, in the order in which a tick runs them.

    learned: moves whom its model can move; a LearnedMotion without a model does nothing.
    """
    return [
        # Input: what every actor is told to do, to look at and to say.
        events.apply_due,
        run_script,
        update_attention,
        # Intent: which way every actor wants to go, and how fast.
        Steering().steer,
        # Motion: the velocity asked of every body, by the animator, by the model, by a partner,
        # a seat or an object that is to be met.
        drive_bodies,
        learned.drive_bodies,
        take_seats,
        join_partners,
        step_into_reach,
        slide_fallen,
        handle_objects,
        # Physics: where the bodies really went, and what they met.
        Physics(world).step,
        react_to_hits,
        # Pose: the state that poses are evaluated from.
        advance_gait,
        learned.advance_poses,
        reach_for_targets,
    ]
