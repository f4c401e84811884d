"""What the tokens of a program read as, by its run's own tokenizer; runs on the feed's thread.

Only the tokenizers library is loaded, and only when someone asks: no model, no transformers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from btp_tui.snapshot import SampledTokens
from core.candidates import STUDENT
from storage.errors import StorageError
from storage.programs import ProgramDetail
from storage.workspace import Workspace

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TokenTexts:
    """Reads the tokens of programs; keeps the tokenizer that it needed last."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file: Path | None = None
        self._tokenizer: Tokenizer | None = None

    def of(self, detail: ProgramDetail, run: str, model: str) -> SampledTokens:
        """The tokens of a sample with log P of each in nats, or why there are none."""
        if detail.source != STUDENT:
            return SampledTokens(why_none=f"{detail.source} has a tokenizer of its own.")
        if detail.token_ids is None or detail.token_logprobs is None:
            return SampledTokens(why_none="No log-probability of its tokens was stored.")
        file = self._find(run, model)
        if file is None:
            return SampledTokens(
                why_none="The tokenizer is not here: it comes with the run's first checkpoint."
            )
        try:
            texts = self._texts(file, detail.token_ids.tolist())
        except Exception as error:  # the library raises its own, and plain Exception
            return SampledTokens(why_none=f"Cannot read {file}: {error}")
        return SampledTokens(tuple(zip(texts, detail.token_logprobs.tolist(), strict=True)))

    def _find(self, run: str, model: str) -> Path | None:
        """A checkpoint's tokenizer.json (all of a run's are the same), or the model's."""
        if self._file is not None and self._file.is_relative_to(self._folder(run)):
            return self._file
        files = sorted(self._folder(run).glob("*/tokenizer.json"))
        given = Path(model).expanduser() / "tokenizer.json"
        return files[-1] if files else given if model and given.is_file() else None

    def _folder(self, run: str) -> Path:
        try:
            return self._workspace.run_folder(run) / "checkpoints"
        except StorageError:  # a run taken over from elsewhere may be called anything
            return self._workspace.path / "checkpoints"

    def _texts(self, file: Path, ids: list[int]) -> list[str]:
        """The text of each token; a character of several tokens is the last one's."""
        from tokenizers import Tokenizer
        from tokenizers.decoders import DecodeStream

        if self._tokenizer is None or file != self._file:
            self._tokenizer, self._file = Tokenizer.from_file(str(file)), file
        stream: Any = DecodeStream(skip_special_tokens=False)
        return [stream.step(self._tokenizer, one) or "" for one in ids]
