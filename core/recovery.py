"""When training diverges: steps are skipped, and after several in a row the run is taken back.

It goes on from an earlier checkpoint's weights and moments with the next minibatches, which are
others: the updates that were made count, and are not made again. What is taken back must lie before
the last step that was made, for it was that step after which nothing good came.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.checkpoints import Checkpoints, load_optimizer, read_counters
from core.errors import CoreError
from core.models import Student, restore_student
from core.reporter import Reporter
from core.training import Trainer, Update


@dataclass(slots=True)
class Recovery:
    """Watches the updates of one run; `moved` is the last one that moved the weights."""

    student: Student
    trainer: Trainer
    checkpoints: Checkpoints
    reporter: Reporter
    moved: int
    _taken_back: int = -1  # the update at which it last was

    def take_back(self, update: Update, number: int) -> bool:
        """Says that an update was skipped; returns whether the run was taken back for it.

        Raises CoreError where there is no checkpoint to go back to but the one it came from.
        """
        if not update.skipped:
            self.moved = number
            return False
        self.reporter.event("warning", f"Update {number} is skipped: {update.skipped}.")
        self.reporter.set(skipped_updates=self.reporter.progress.skipped_updates + 1)
        in_a_row = self.trainer.stability.skipped_in_a_row
        if in_a_row < self.trainer.config.rollback_after:
            return False
        place = self.checkpoints.newest_before(self.moved)
        if place is None or read_counters(place).update <= self._taken_back:
            raise CoreError(
                f"Training diverged: {update.skipped}. The newest checkpoint is whole; "
                "start again with a smaller trainer.learning_rate."
            )
        back = read_counters(place).update
        restore_student(self.student, place)
        load_optimizer(place, self.trainer.optimizer, self.student.model.device)
        self.checkpoints.discard_after(back)
        self.trainer.stability.skipped_in_a_row = 0
        self.moved = self._taken_back = number
        message = f"{in_a_row} updates in a row were skipped: going on with the weights of"
        self.reporter.event("warning", f"{message} update {back} and other minibatches.")
        return True
