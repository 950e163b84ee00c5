"""Draws actors: the points of a body, its limbs, clothes and head.

In: a Cast, a Frame and a Camera. Out: figures on a Surface, and where they are in the picture.
``anatomy`` needs no drawing library, so that poses can be measured with it.
"""
