"""What the screen asks of engines and of short-lived processes; it changes nothing itself."""
