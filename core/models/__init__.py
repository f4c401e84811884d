"""Students: choosing a device, loading a model with its tokenizer and adapter, saving them."""

from core.models.device import choose_device
from core.models.source import EMBEDDED
from core.models.student import (
    Student,
    check_trainable,
    load_student,
    restore_student,
    save_student,
)

__all__ = [
    "EMBEDDED",
    "Student",
    "check_trainable",
    "choose_device",
    "load_student",
    "restore_student",
    "save_student",
]
