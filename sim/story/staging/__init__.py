"""Clauses to a Scene: who and what is on stage, where, and when each action starts.

In: clauses and a theme. Out: a Scene. ``acts`` turns nouns into players and objects, ``perform``
puts each act on the timelines of a Plan by the frame of its verb, ``compose`` writes the Scene.
``cast`` and ``scenery`` hold players and objects, ``timing`` and ``waypoints`` are geometry.
Knows no world, physics or drawing; raises ValueError for more actors, objects or seconds than fit.
"""
