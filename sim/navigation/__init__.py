"""Where each actor wants to go next, and how fast.

In: Script and Route (a timed path, a velocity, or a course at the speed of the action), and what
stands or walks in the way. Out: Intent, and ``Route.off_path``. Moves no body and makes no pose:
bodies are asked to do this later, and physics decides what comes of it.

``steering`` is the system; ``path`` is the reference that others build and sample.
"""
