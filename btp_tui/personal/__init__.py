"""What belongs to the person at the screen: preferences, the picked theme, notices, copies."""
