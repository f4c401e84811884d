"""The embedded model and its task family: no download, no GPU, no account."""
