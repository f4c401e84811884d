"""The method: sample programs, test them, replay them by priority (arXiv 2410.12236)."""
