"""A run as one HTML file to send to a colleague; `write` is the way in."""
