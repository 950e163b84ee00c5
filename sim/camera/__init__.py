"""Where a picture is taken from: the pinhole projection, and the director that moves the camera.

In: Frames and a scene's CameraPlan. Out: a Camera for each frame. It never draws, and never reads
the World.
"""
