"""Animation: from what actors intend to the poses of their bodies.

In: the components Intent, Script, Route, StyleState and Attention, and where physics has moved the
bodies. Out: the velocity asked of each body (``Body.asked``), the heading, the motion state (Gait,
Blend, Learned) and, from it, poses (``pose.evaluate_poses``, ``foot_lock.blend_learned``).

Nothing here touches pymunk, draws, or moves a body itself. Only ``learned`` reads the Scene, for
the captions its model is conditioned on.
"""
