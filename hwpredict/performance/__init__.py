"""The statistical model: what performance is made of, how it is fitted, how it predicts.

Nothing here knows of DuckDB, files of measurements or matplotlib. Only ``graph`` and ``diagnose`` import PyMC or ArviZ.
"""
