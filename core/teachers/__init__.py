"""Teachers: who else may write the programs that the student learns from."""

from core.teachers.choose import choose_teacher, is_due
from core.teachers.teacher import Teacher

__all__ = ["Teacher", "choose_teacher", "is_due"]
