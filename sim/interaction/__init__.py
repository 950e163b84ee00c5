"""What actors do to objects and to each other.

In: the actions in force, the gestures and their clocks, where actors and objects are, and the
contacts of the tick. Out: velocities asked of bodies (to a seat, a partner, an object), holders
and velocities of objects, knockdowns, and the places that hands and feet are to reach. Moves no
actor and draws nothing: physics moves bodies, animation makes poses.
"""
