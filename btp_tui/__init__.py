"""The terminal application: watches and steers an engine through the store, never imports torch."""
