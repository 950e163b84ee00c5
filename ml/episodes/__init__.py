"""The episode dataset: actors' tracks in, a folder in the LeRobot v3.0 layout out, and back.

``writer`` and ``reader`` are its two ends; ``layout`` has its files and columns, ``commit`` makes
writing atomic, ``features`` has the 22 numbers of a frame, ``embeddings`` the vectors of its texts.
Nothing here simulates or judges: what is stored is what was given.
"""
