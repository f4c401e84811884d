"""How good a model is: measuring it on tasks, estimators, and intervals around what they say.

`estimators` and `bootstrap` need numpy alone; so nothing is imported here.
"""
