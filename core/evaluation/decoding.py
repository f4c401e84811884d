"""How the programs are written that a model is measured by: the most probable, beams, or draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.config import SamplerConfig
from core.errors import CoreError

if TYPE_CHECKING:
    from core.models import Student
    from core.program import Program
    from core.sampler import Sampler
    from core.tasks import Task

Name = Literal["greedy", "beam", "sample"]

#: Most draws of a task decoded side by side. They share its prompt, but each step looks at the
#: columns of all: 64 draws for 24 tasks took 21 s by fours, 16 s by 16, 11 s by 32 and by 64.
MOST_DRAWS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Decoding:
    """`written` programs a task by `name`, and the sizes `ks` of what is handed in of them.

    Raises CoreError where more would be handed in than is written.
    """

    name: Name
    written: int
    ks: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1 or max(self.ks) > self.written:
            what = {"greedy": "1 program", "beam": f"{self.written} beams"}.get(
                self.name, f"{self.written} samples"
            )
            more = "" if self.name == "greedy" else f" or raise --{what.split()[1]}"
            raise CoreError(
                f"--k {','.join(map(str, self.ks))}: of {what} a task, 1 to {self.written} can be "
                f"handed in; choose others{more}."
            )

    @property
    def judged(self) -> int:
        """How many of the programs need a verdict: of beams that count alone, only the first."""
        return self.written if self.name == "sample" or max(self.ks) > 1 else 1

    def in_words(self, config: SamplerConfig) -> str:
        """The mode in a phrase: the most probable of 3 beams."""
        match self.name:
            case "greedy":
                return "the greedy program"
            case "beam":
                return f"the most probable of {self.written} beams"
            case "sample":
                how = f"temperature {config.temperature:g}, top-p {config.top_p:g}"
                return f"{self.written} samples a task ({how})"


class Decoder:
    """A student that writes programs to be measured by; `config` says all but how many."""

    def __init__(
        self, student: Student, config: SamplerConfig, decoding: Decoding, seed: int
    ) -> None:
        from core.sampler import Sampler  # brings torch, which --help does without

        self._rounds: list[Sampler] = []
        for size in _round_sizes(decoding):
            strategy = "sample" if decoding.name == "sample" else "beam"
            settings = config.model_copy(update={"strategy": strategy, "beams": size})
            check = self._rounds[0].check if self._rounds else None
            self._rounds.append(Sampler(student, settings, seed, check=check))
        self.prompts = self._rounds[0].prompts

    @property
    def counts(self) -> Counter[str]:
        """Tasks by the decoder that ran ("tree", "generate"), once for each round of draws."""
        return sum((sampler.counts for sampler in self._rounds), Counter())

    @property
    def new_tokens(self) -> int:
        """Tokens of all programs so far."""
        return sum(sampler.new_tokens for sampler in self._rounds)

    def write(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, tuple[Program, ...]]]:
        """Yields a task with programs, the most probable first; of draws several times, as rounds.

        What is drawn follows from the seed, the round and the task.
        """
        for number, sampler in enumerate(self._rounds):
            yield from sampler.sample(tasks, number)


def _round_sizes(decoding: Decoding) -> list[int]:
    """All draws in as few rounds as may be, as even as may be."""
    if decoding.name != "sample":
        return [decoding.written]
    rounds = -(-decoding.written // MOST_DRAWS_AT_ONCE)
    return [(decoding.written + place) // rounds for place in range(rounds)]
