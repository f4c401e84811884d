"""Keys: what they do, what they are called, and how a user binds others."""
