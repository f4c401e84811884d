"""A damaged database: what is wrong with it, what can still be read, and getting it out."""
