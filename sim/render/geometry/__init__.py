"""Shapes on the screen: meshes from shape files, their draw order and light, and cached sprites.

In: shape files, a Camera, a Light. Out: filled polygons and sprites on a Surface. It knows nothing
of actors, objects or stages.
"""
