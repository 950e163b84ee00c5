"""Data that ships with Stride; read it through ``importlib.resources``."""
