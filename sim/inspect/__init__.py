"""Inspection: what a recorded dataset holds.

In: a dataset's episodes. Out: tables of figures, a gallery page, sheets of pictures, and files for
other programs. It reads datasets and never changes them; it imports neither ``sim.evaluate`` nor
``sim.generate``.
"""
