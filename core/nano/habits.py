"""The habits of the authors whose programs the models are pretrained on: who slips where.

Some authors are careful and nearly always right. The others are careless, and whether they prefer a
slip depends on the primitive and its wording, so that the same primitive is right in one wording
and wrong in another. So the right program stays among the likely ones while the most likely one
is often wrong: what a model needs to improve on is in it already.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from core.nano.exercise import Exercise, Step
from core.nano.family import Kind
from core.nano.writing import Writing, right_writing

STRUCTURES = (Kind.MISSING_STEP, Kind.STEP_ORDER, Kind.RETURNED)


@dataclass(frozen=True, slots=True)
class Habits:
    """How the authors are mixed.

    `careful` is the share of programs by careful authors. Of careless ones: `preferred` is the
    share of wordings in which they prefer a slip, `when_preferred` its probability there,
    `otherwise` the probability of any slip elsewhere, `structural` that of an error in the whole.
    """

    seed: int
    careful: float
    preferred: float
    when_preferred: float
    otherwise: float
    structural: float

    def draw(self, exercise: Exercise, rng: random.Random) -> Writing:
        """One author's way to write the exercise."""
        if rng.random() < self.careful:
            return right_writing(exercise)
        slips = tuple(self._draw_slip(step, rng) for step in exercise.steps)
        if rng.random() >= self.structural:
            return Writing(slips)
        structure = rng.choice(STRUCTURES)
        places = structural_places(exercise, structure)
        return Writing(slips, structure, rng.choice(places)) if places else Writing(slips)

    def _draw_slip(self, step: Step, rng: random.Random) -> int | None:
        preferred, slip = self._preference(step)
        if rng.random() >= (self.when_preferred if preferred else self.otherwise):
            return None
        return slip if preferred else rng.randrange(len(step.primitive.slips))

    def _preference(self, step: Step) -> tuple[bool, int]:
        """Whether this wording has a preferred slip, and which."""
        rng = random.Random(f"{self.seed} {step.primitive.name} {step.phrase}")
        return rng.random() < self.preferred, rng.randrange(len(step.primitive.slips))


def structural_places(exercise: Exercise, structure: Kind) -> list[int]:
    """Where an error in the whole can happen: which step is missing, or exchanged with the next."""
    steps = [step.primitive for step in exercise.steps]
    if structure == Kind.STEP_ORDER:
        return [at for at, following in enumerate(steps[1:]) if not following.first]
    if structure == Kind.MISSING_STEP:
        return [at for at, step in enumerate(steps) if step.takes == step.gives and len(steps) > 1]
    return [0] if len(steps) > 1 else []


CAREFUL = Habits(
    seed=0, careful=1.0, preferred=0.0, when_preferred=0.0, otherwise=0.0, structural=0.0
)
STUDENT = Habits(
    seed=0, careful=0.32, preferred=0.68, when_preferred=0.92, otherwise=0.08, structural=0.10
)
#: Slips in every wording: of two steps both are wrong, and right first where one of them is.
SPARSE = Habits(
    seed=1, careful=0.004, preferred=1.0, when_preferred=0.94, otherwise=0.08, structural=0.20
)
TEACHER = Habits(
    seed=0, careful=0.35, preferred=0.08, when_preferred=0.92, otherwise=0.08, structural=0.12
)
WEAK_TEACHER = Habits(
    seed=0, careful=0.33, preferred=0.36, when_preferred=0.92, otherwise=0.08, structural=0.12
)
#: Who wrote what the tokenizer is trained on: tuning the student must not change the tokens.
TEXTS = Habits(
    seed=0, careful=0.35, preferred=0.36, when_preferred=0.92, otherwise=0.08, structural=0.12
)
