"""The live window: a scene that runs in real time and obeys keys and mouse.

In: a Simulation and input events. Out: pictures on a display, events added to the scene, files
that the viewer asks for. ``window`` shows a ``session``, ``controls`` act on it; only ``window``
opens a display.
"""
