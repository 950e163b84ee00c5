"""Evaluation: how good motion, language and speed are, as tables with ranges they must keep.

In: the animator, motion models, encoders, labels, recorded datasets. Out: Sections of figures, and
plots of them. Measuring changes nothing in a run, and nothing that plays a scene imports this
package. Only the judge needs torch, and only the plots need matplotlib.
"""
