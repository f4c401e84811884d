"""Filters of the program list: completion, history, and those kept under a name."""
