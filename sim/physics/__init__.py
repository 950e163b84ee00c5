"""Where bodies go, and what touches what.

In: ``Body.asked`` of actors and of what is driven, the paths of objects, the velocities of the
rest, and what is held. Out: Transform, Velocity, ``Body.grounded`` and ``Thing.spin`` after the
tick, ``world.contacts`` and ``world.marks``. Decides no goal of an actor, and knows no pose,
no gesture and no drawing; pymunk is imported by ``space`` only.
"""
