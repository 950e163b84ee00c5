"""Output: what is kept of a run, as films, contact sheets and datasets.

In: a Scene or a Simulation. Out: film files, PNG pages, episodes in a dataset, replays of them.
Nothing here changes what happens in a run, and nothing measures it: ``sim.inspect`` and
``sim.evaluate`` build on this package and are not imported by it.
"""
