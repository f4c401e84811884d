"""What the screen knows: read from the store in a thread of its own, as immutable values."""
