"""Draws pictures: one Frame through one Camera onto a pygame Surface.

In: a run's Cast, its Frames and a Camera. Out: pixels on any Surface. It never reads the World,
never changes a Frame and never opens a display. Nothing is kept between pictures but caches.
``renderer`` is the entry; ``geometry``, ``figure`` and ``stage`` draw meshes, actors and the rest,
``text`` draws letters.
"""
