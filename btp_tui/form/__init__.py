"""The form of a new run, without the screen: its fields, what was typed, and the rows to show.

Made from core.config alone: a setting that is added there has a field here.
"""
