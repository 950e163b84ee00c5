"""Captured motion: BVH files in, clips on our skeleton and their episodes out.

``bvh`` reads files, ``rigs`` identifies joints, ``retarget`` and ``refit`` bring motion to our
skeleton, ``index`` reads what is known of files, ``clip_episode`` makes episodes, and ``importing``
does all of it for folders. ``refit`` also fits a motion model's output to the skeleton. No step
guesses silently: what cannot be read is an error, and what is distorted is marked as not to be
learned from.
"""
