"""Fine-tuning on replayed programs: examples, their layout as tensors, and the steps."""

from core.training.example import Contrast, Example
from core.training.stability import REMEMBERED
from core.training.tokens import Tokens, tokens_of
from core.training.trainer import Trainer, Update

__all__ = ["REMEMBERED", "Contrast", "Example", "Tokens", "Trainer", "Update", "tokens_of"]
