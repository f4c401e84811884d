"""The live parts of the screens: each draws its own part of a snapshot."""
