"""Every setting of a run, each documented where it is declared.

The sentence under a field is also its `--help` text, its row in the README and its hint in the
form. A configuration is frozen; what may change while a run is going is listed in `LIVE_KNOBS`.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import CoreError


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class ModelConfig(Section):
    """The student: the model that learns."""

    path: str = "nano"
    """An embedded model (nano, nano-teacher), a folder, or a hub id."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights; auto keeps float32 for training on a CPU."""
    offline: bool = False
    """Never touch the network: the model must lie on this machine."""


class TasksConfig(Section):
    """What to train on and what to measure on."""

    train: tuple[str, ...] = Field(("nano:train",), min_length=1)
    """Datasets to write programs for: NAME, NAME:SPLIT (embedded) or NAME:PATH."""
    held_out: tuple[str, ...] = Field(("nano:held-out",), min_length=1)
    """Datasets that are only measured on; a task that is also in train is refused."""
    limit: int = Field(0, ge=0)
    """Use only the first so many training tasks; 0 uses all."""


class SamplerConfig(Section):
    """Beam search for programs (DESIGN 4)."""

    beams: int = Field(3, ge=1, le=64)
    """k: the most probable programs kept a task."""
    max_new_tokens: int = Field(96, ge=1)
    """Longest program, in tokens."""
    batch_tasks: int = Field(64, ge=1)
    """Tasks decoded side by side; halved when memory runs out."""
    tasks_per_iteration: int = Field(96, ge=1)
    """Tasks drawn for each iteration."""


class ExecutorConfig(Section):
    """Where and how long programs run."""

    workers: int = Field(0, ge=0)
    """Processes that run tests; 0 takes the cores available to this process."""
    time_limit_s: float = Field(2.0, gt=0)
    """CPU seconds a test may take, where its task states no limit."""
    wall_limit_s: float = Field(4.0, gt=0)
    """Wall-clock seconds a test may take."""
    memory_mb: int = Field(256, ge=32)
    """Address space of a program, where its task states no limit."""
    output_kb: int = Field(1024, ge=1)
    """Largest stdout of a program, where its task accepts no longer one."""
    tokenwise: bool = False
    """Compare stdout token by token, whatever white space lies between."""
    skip_after_timeout: bool = False
    """After a program's first timed-out test, skip the others; they count as not passed."""
    allow_without_landlock: bool = False
    """Run programs even where the kernel has no Landlock (weaker: files are readable)."""
    allow_without_seccomp: bool = False
    """Run programs even without seccomp (much weaker: processes, sockets, signals)."""


class ReplayConfig(Section):
    """PPER: which stored programs are learned from (eq. 6-8)."""

    alpha: float = Field(0.2, ge=0.0, le=1.0)
    """α of eq. 6: P2Value = α·P(t) + (1-α)·pass_rate."""
    exponent: float = Field(4.0, ge=0.0)
    """ω, the exponent of eq. 7; 0 draws uniformly."""
    prioritization: Literal["proportional", "rank"] = "proportional"
    """p = P2Value, or p = 1/rank (eq. 8)."""
    possibility: Literal["per_token", "joint"] = "per_token"
    """P(t) as the geometric mean of its token probabilities, or the paper's product (eq. 1-2)."""
    beta: float = Field(0.0, ge=0.0, le=1.0)
    """Exponent of the importance weights; 0 leaves the preference whole."""
    floor: float = Field(1e-6, ge=0.0)
    """Smallest priority, so that nothing becomes unreachable."""
    possibility_under: Literal["sampler", "student"] = "sampler"
    """Who is asked for P(t): the sampler, where it reported any, or always the student."""
    refresh: int = Field(0, ge=0)
    """Programs an iteration whose P(t) the present student computes anew, in turn."""
    capacity: int = Field(0, ge=0)
    """Most programs in the buffer, those sampled last; 0 keeps all. The store keeps all anyway."""
    half_life: float = Field(0.0, ge=0.0)
    """Iterations until a program is drawn half as often: P(i) · 2^(-age / half_life); 0 never."""
    task_balance: float = Field(0.0, ge=0.0, le=1.0)
    """γ in P(i) · n^-γ, n the programs of the task in the buffer: tasks with many weigh less."""


class TrainerConfig(Section):
    """Fine-tuning on replayed programs."""

    learning_rate: float = Field(3e-4, gt=0)
    """AdamW's step size."""
    decay_to: float = Field(0.1, ge=0.0, le=1.0)
    """Share of the step size left at max_iterations, reached linearly; 1 keeps it constant."""
    weight_decay: float = Field(0.0, ge=0)
    """AdamW's decoupled weight decay."""
    minibatch: int = Field(32, ge=1)
    """Programs drawn for one update."""
    microbatch: int = Field(32, ge=1)
    """Programs that go through the model at once; halved when memory runs out."""
    updates_per_iteration: int = Field(24, ge=1)
    """Updates after each iteration's sampling."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are scaled down to this norm."""


class EvaluationConfig(Section):
    """Held-out measurement with the most probable program of each task."""

    every: int = Field(2, ge=1)
    """Iterations between two measurements."""
    limit: int = Field(100, ge=0)
    """Tasks used in the measurements during a run; 0 uses all, as the first and last always do."""


class CheckpointConfig(Section):
    """What survives a crash."""

    every_updates: int = Field(1, ge=1)
    """Updates between two checkpoints: the most that a crash makes it do again."""
    keep: int = Field(2, ge=1)
    """Checkpoints kept besides the best one and the newest that survives a power cut."""


class LoggingConfig(Section):
    """Metrics for other tools; metrics.jsonl beside the run is always written."""

    tensorboard: bool = False
    """Write TensorBoard event files (pip install btp-tui[tensorboard])."""
    trackio: bool = False
    """Log to trackio (pip install btp-tui[trackio])."""


class Config(Section):
    """All settings of one run."""

    seed: int = Field(0, ge=0)
    """Seed of every random choice."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    max_iterations: int = Field(10, ge=0)
    """The run ends after so many iterations; 0 sets no limit."""
    max_programs: int = Field(0, ge=0)
    """The run ends before it would sample more programs than this; 0 sets no limit."""
    max_minutes: float = Field(0.0, ge=0)
    """The run ends at the first step past this time; 0 sets no limit."""
    model: ModelConfig = ModelConfig()
    tasks: TasksConfig = TasksConfig()
    sampler: SamplerConfig = SamplerConfig()
    executor: ExecutorConfig = ExecutorConfig()
    replay: ReplayConfig = ReplayConfig()
    trainer: TrainerConfig = TrainerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    logging: LoggingConfig = LoggingConfig()


#: Settings that the screen may change while a run is going.
LIVE_KNOBS = (
    "replay.alpha",
    "replay.exponent",
    "replay.prioritization",
    "replay.possibility",
    "replay.beta",
    "replay.floor",
    "replay.possibility_under",
    "replay.capacity",
    "replay.half_life",
    "replay.task_balance",
)


def fields(section: type[Section] = Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, pydantic field) of every setting, in the order of declaration."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def load_config(file: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Reads a TOML file and applies `key=value` overrides; raises CoreError naming file and key."""
    settings: dict[str, Any] = {}
    if file is not None:
        try:
            settings = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            reason = error.strerror or error
            raise CoreError(f"Cannot read the configuration {file}: {reason}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CoreError(f"{file} is not valid TOML: {error}.") from error
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise CoreError(
                f"--set {override!r}: expected KEY=VALUE, for instance replay.alpha=0.2."
            )
        _assign(settings, key.strip(), text.strip())
    return build_config(settings, origin=str(file) if file else "--set")


def build_config(settings: Mapping[str, Any], origin: str) -> Config:
    """Validates settings; raises CoreError with one sentence about the first wrong key."""
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise CoreError(f"{origin}: {_first_problem(error)}") from None


def to_toml(config: Config) -> str:
    """The configuration as TOML that `load_config` reads back to an equal one."""
    lines: list[str] = []
    table = ""
    for key, _ in fields():
        section, _, name = key.rpartition(".")
        value = setting(config, key)
        if section != table:
            table = section
            lines += ["", f"[{section}]"]
        lines.append(f"{name} = {toml_value(value)}")
    return "\n".join(lines).strip() + "\n"


def toml_value(value: Any) -> str:
    """A text, finite number, truth value, or list of them as TOML writes it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def setting(config: Config, key: str) -> Any:
    """The value behind a dotted key such as "replay.alpha"."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def with_setting(config: Config, key: str, value: Any) -> Config:
    """A copy with one setting changed and validated."""
    settings = config.model_dump()
    _assign(settings, key, value if isinstance(value, str) else json.dumps(value))
    return build_config(settings, origin=key)


def _assign(settings: dict[str, Any], key: str, text: str) -> None:
    *sections, name = key.split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise CoreError(f"--set {key}: {section} is a setting, not a section.")
    settings[name] = _parse(text)


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"] if not isinstance(part, int))
    if problem["type"] == "extra_forbidden":
        known = [name for name, _ in fields()]
        sections = sorted({name.split(".")[0] for name in known if "." in name})
        nearest = difflib.get_close_matches(key, known + sections, n=1, cutoff=0.6)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        return f"there is no setting {key!r}.{hint}"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{key} = {problem['input']!r} is wrong: {message}."


def markdown_table() -> str:
    """The table of settings in the README, a row a setting."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for key, field in fields():
        default = json.dumps(setting(Config(), key), ensure_ascii=False)
        lines.append(f"| `{key}` | `{default}` | {field.description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown_table(), end="")
