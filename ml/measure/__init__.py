"""Measures of motion: a ``Motion`` in, figures in SI units out; and tables that show figures.

``metrics`` measures one motion, ``similarity`` compares two, ``report`` prints and checks tables.
Sources of motion are not known here: their own code converts them to a ``Motion``.
"""
