"""Every setting of a run, each documented where it is declared.

The sentence under a field is also its `--help` text, its row in the README and its hint in the
form. A configuration is frozen; what may change while a run is going is listed in `LIVE_KNOBS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _keeps_what_is_not_given(cls, given: Any) -> Any:
        """A section given in part keeps what its declaration states, not only its class."""
        if not isinstance(given, Mapping):
            return given
        declared = {name: field.default for name, field in cls.model_fields.items()}
        return _over(declared, given)


def _over(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given settings, those of given sections over what is declared for them."""
    filled = dict(given)
    for name in filled.keys() & declared.keys():
        section, part = declared[name], filled[name]
        if isinstance(section, Section) and isinstance(part, Mapping):
            stated = {key: getattr(section, key) for key in type(section).model_fields}
            filled[name] = {**stated, **_over(stated, part)}
    return filled


Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ModelConfig(Section):
    """The student: the model that learns."""

    path: str = "nano"
    """An embedded model (nano, nano-sparse, ...), a folder, or a hub id; a LoRA adapter is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights; auto keeps float32 for training on a CPU."""
    offline: bool = False
    """Never touch the network: model and datasets must lie on this machine."""
    device_map: Literal["", "auto"] = ""
    """auto spreads the layers over all GPUs; without it they are on one device."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    """Holds the weights in fewer bits (CUDA and bitsandbytes only); then just an adapter learns."""
    lora_rank: int = Field(0, ge=0)
    """Rank of the LoRA adapter that is trained in place of the weights; 0 trains all weights."""
    lora_alpha: float = Field(16.0, gt=0)
    """Scale of the adapter: its part is multiplied by lora_alpha / lora_rank."""
    lora_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of the adapter's inputs that are dropped in training."""
    lora_targets: str = "all-linear"
    """Layers that the adapter is for: all-linear, or names such as q_proj,v_proj."""
    chat: Literal["auto", "always", "never"] = "auto"
    """Ask through the tokenizer's chat template; auto: if the model stops where an answer ends."""


class CustomTasksConfig(Section):
    """A dataset of one's own: where it lies, and which fields of its records hold what.

    Fields that are "" are not there.
    """

    path: str
    """A JSONL or parquet file, a folder of `datasets`, or with `split` an id on the hub."""
    split: str = ""
    """The split to read, of a dataset on the hub."""
    configuration: str = ""
    """The configuration to read, of a dataset on the hub that has several."""
    id: str = "task_id"
    """The field of the id, a text or a whole number."""
    description: str = ""
    """The field that describes the task; without it, the prompt does."""
    prompt: str = ""
    """The field of what a base model continues; without it, the description as a docstring."""
    completes_prompt: bool = False
    """Whether programs are the prompt and what continues it, and the reference only the latter."""
    starter: str = ""
    """The field of code to start from; with `class Solution` the entry point is its method."""
    entry_point: str = ""
    """The field of the name of the function that tests call."""
    form: Literal["asserts", "stdio", "calls"] = "asserts"
    """What tests are: assertions, texts in and out, or arguments and results."""
    tests: str = "tests"
    """The field of the tests; "" where inputs and outputs are fields of the record."""
    inputs: str = "inputs"
    """Where the texts on stdin or the lists of arguments are."""
    outputs: str = "outputs"
    """Where the expected outputs or results are."""
    setup: str = ""
    """The field of code that runs before assertions."""
    reference: str = ""
    """The field of a right solution."""
    difficulty: str = ""
    """The field of the difficulty."""
    time_limit_s: float = Field(0.0, ge=0)
    """CPU seconds a test may take; 0 leaves it to executor.time_limit_s."""

    @model_validator(mode="after")
    def _says_what_is_asked(self) -> CustomTasksConfig:
        if not self.description and not self.prompt:
            raise ValueError("it needs the field of a description or a prompt")
        return self


class TasksConfig(Section):
    """What to train on and what to measure on."""

    train: tuple[str, ...] = Field(("nano:train",), min_length=1)
    """Datasets to write programs for: NAME[:PART][:PATH][*WEIGHT]."""
    held_out: tuple[str, ...] = Field(("nano:held-out",), min_length=1)
    """Datasets that are only measured on; a task that is also in train is refused."""
    seen: tuple[str, ...] = ()
    """Datasets measured though they may be trained on; reported as seen, never as held out."""
    limit: int = Field(0, ge=0)
    """Use only so many training tasks, the first of each dataset in turn; 0 uses all."""
    order: Literal["shuffled", "coverage"] = "shuffled"
    """By chance, or short tasks with new words first, so that soon every phrase has been tried."""
    band: tuple[Share, Share] = (0.0, 1.0)
    """Curriculum: tasks whose last pass rate is outside come a tenth as often as those inside."""
    custom: dict[Annotated[str, Field(pattern=r"^[\w.+-]+$")], CustomTasksConfig] = {}
    """Datasets of one's own, a section [tasks.custom.NAME] each: the fields that hold what."""

    @field_validator("band")
    @classmethod
    def _is_a_band(cls, band: tuple[float, float]) -> tuple[float, float]:
        if band[0] > band[1]:
            raise ValueError("the first of both must not be above the second")
        return band


class SamplerConfig(Section):
    """How programs are written."""

    strategy: Literal["beam", "sample", "diverse"] = "beam"
    """The most probable programs, random draws, or beams in groups that avoid each other."""
    beams: int = Field(3, ge=1, le=64)
    """k: the programs written for a task."""
    temperature: float = Field(0.8, gt=0.0)
    """Of sample: below 1 draws what is probable more often than the model says."""
    top_p: float = Field(0.95, gt=0.0, le=1.0)
    """Of sample: draws only among the most probable tokens that together have this probability."""
    groups: int = Field(3, ge=1)
    """Of diverse: how many groups the beams are split into, evenly."""
    diversity: float = Field(0.5, ge=0.0)
    """Of diverse: nats that a token costs for each beam of the groups before that took it, too."""
    max_new_tokens: int = Field(96, ge=1)
    """Longest program, in tokens."""
    stop: tuple[str, ...] = ()
    r"""Texts that end a program and are not part of it, for base models: "\ndef ", "\nprint"."""
    where: Literal["here", "endpoint"] = "here"
    """Where the student's programs are sampled: here, or by the server, and as, [endpoint] says."""
    batch_tasks: int = Field(0, ge=0)
    """Tasks decoded side by side, halved when memory runs out; 0 takes what fits the device."""
    tasks_per_iteration: int = Field(96, ge=1)
    """Tasks drawn for each iteration."""
    min_prompt_share: float = Field(0.5, ge=0.0, le=1.0)
    """A task is skipped if less than this share of its text fits beside max_new_tokens."""

    @model_validator(mode="after")
    def _even_groups(self) -> Self:
        if self.strategy == "diverse" and self.beams % self.groups:
            raise ValueError(f"groups = {self.groups} must divide beams = {self.beams}")
        if not all(self.stop):
            raise ValueError("a stop text must not be empty")
        return self


class EndpointConfig(Section):
    """A model behind a server that speaks OpenAI's API; its key comes from the environment."""

    base_url: str = "http://127.0.0.1:8000/v1"
    """Where the API begins; most servers put it under /v1."""
    model: str = ""
    """The model's name on that server."""
    api: Literal["chat", "completions"] = "chat"
    """chat for instruct models, completions for base models, which continue a task's prompt."""
    server: Literal["openai", "vllm", "sglang", "llama.cpp", "transformers"] = "openai"
    """What answers there, for what goes beyond OpenAI's API; openai is sent nothing beyond."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; unset, no key is sent."""
    strategy: Literal["sample", "beam"] = "sample"
    """beam: the server's own beam search (vllm; sglang when started with --enable-beam-search)."""
    programs: int = Field(0, ge=0, le=64)
    """Programs a task: draws, or beams; 0 takes sampler.beams."""
    temperature: float = Field(0.8, ge=0.0, le=2.0)
    """Temperature of the draws; beams have none."""
    top_p: float = Field(0.95, gt=0.0, le=1.0)
    """Draws from the most probable tokens that together have this probability; beams have none."""
    max_tokens: int = Field(512, ge=1)
    """Longest answer, in tokens."""
    stop: tuple[str, ...] = Field((), max_length=4)
    """Texts that end an answer, and are no part of it."""
    logprobs: bool = True
    """Ask for log-probabilities; false for servers that refuse to say: the student scores then."""
    concurrency: int = Field(8, ge=1, le=256)
    """Requests under way at once."""
    timeout_s: float = Field(120.0, gt=0)
    """Seconds a request may take."""
    retries: int = Field(5, ge=0, le=100)
    """Further tries after a busy or broken server, each after a longer wait."""
    requests_per_minute: int = Field(0, ge=0)
    """Most requests sent in a minute; 0 sets no limit."""
    tokens_per_minute: int = Field(0, ge=0)
    """Most tokens asked for in a minute, prompts and longest answers; 0 sets no limit."""
    max_requests: int = Field(0, ge=0)
    """The run ends before it would send more requests than this; 0 sets no limit."""
    max_cost: float = Field(0.0, ge=0)
    """The run ends before it could cost more than this, in the prices' currency; 0: no limit."""
    prompt_price: float = Field(0.0, ge=0)
    """Price of a million prompt tokens; 0 where free or unknown."""
    completion_price: float = Field(0.0, ge=0)
    """Price of a million answered tokens; 0 where free or unknown."""
    publish: Literal[
        "none",
        "vllm-lora",
        "vllm-weights",
        "sglang-lora",
        "sglang-weights",
        "transformers-folder",
    ] = "none"
    """How the server is handed each new checkpoint, from a folder that it can read, too."""


class TeacherConfig(Section):
    """Who writes programs in the student's place."""

    kind: Literal["none", "model", "endpoint", "file"] = "none"
    """Nobody, another model on this machine, a server, or files of programs."""
    iterations: int = Field(0, ge=0)
    """The first so many iterations are the teacher's, the others the student's; 0: all."""
    keep_loaded: bool = False
    """Of model: keep it in memory while the student trains."""
    programs: tuple[str, ...] = ()
    """Of file: JSONL or parquet files, or dataset folders, as `btp-tui export` writes them."""
    model: ModelConfig = ModelConfig(path="nano-teacher")
    endpoint: EndpointConfig = EndpointConfig()

    @model_validator(mode="after")
    def _has_programs(self) -> Self:
        if self.kind == "file" and not self.programs:
            raise ValueError('programs must name a file where kind is "file"')
        return self


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
    learn_from: Literal["all", "passed", "newest"] = "all"
    """All programs, those that pass every test, or those of the newest iteration alone."""
    draw: Literal["prioritized", "entire", "groups"] = "prioritized"
    """By eq. 7, or each iteration in shuffled passes: program by program, or task by task."""


class ObjectiveConfig(Section):
    """What is learned from the programs that were drawn."""

    name: Literal["nll", "weighted_nll", "grpo", "contrast"] = "nll"
    """Likelihood, the same by P2Value, GRPO, or ours: likelihood less that of worse tokens."""
    contrast: float = Field(1.0, ge=0.0)
    """Of contrast: weight of the tokens that led to worse programs of the same task."""
    clip: float = Field(0.2, gt=0.0, lt=1.0)
    """Of grpo: ε, how far a token's probability may move from when it was sampled."""


class TrainerConfig(Section):
    """Fine-tuning on replayed programs."""

    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    """adamw_8bit holds AdamW's moments in 8 bits (CUDA and bitsandbytes only)."""
    learning_rate: float = Field(3e-4, gt=0)
    """AdamW's step size."""
    warmup_updates: int = Field(0, ge=0)
    """Updates over which the step size rises to its whole at first."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the step size then falls until max_iterations."""
    decay_to: float = Field(0.1, ge=0.0, le=1.0)
    """Share of the step size left at max_iterations; without effect on a constant one."""
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
    rollback_after: int = Field(5, ge=1)
    """Steps in a row, not finite or exploding, that are skipped before the run rolls back."""
    gradient_checkpointing: bool = False
    """Compute activations twice rather than hold them: a third slower, far less memory."""


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
    endpoint: EndpointConfig = EndpointConfig()
    teacher: TeacherConfig = TeacherConfig()
    executor: ExecutorConfig = ExecutorConfig()
    replay: ReplayConfig = ReplayConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
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
    "replay.learn_from",
    "replay.draw",
)


#: Sections whose settings are those of another.
REPEATED = {"teacher.model": "model", "teacher.endpoint": "endpoint"}


def fields(section: type[Section] = Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, pydantic field) of every setting, in the order of declaration."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


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
    """A text, finite number, truth value, list or table of them as TOML writes it."""
    if isinstance(value, Section):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, Mapping):
        pairs = (f"{toml_value(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def setting(config: Config, key: str) -> Any:
    """The value behind a dotted key such as "replay.alpha"."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def markdown_table() -> str:
    """The table of settings in the README, a row a setting."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for key, field in fields():
        section = key.rpartition(".")[0]
        default = json.dumps(setting(Config(), key), ensure_ascii=False)
        if section not in REPEATED:
            lines.append(f"| `{key}` | `{default}` | {field.description} |")
        elif key == f"{section}.{next(iter(_section(section)))}":
            lines.append(f"| `{section}.*` | | As `{REPEATED[section]}.*`, of the teacher. |")
    return "\n".join(lines) + "\n"


def _section(name: str) -> Iterable[str]:
    section: Section = setting(Config(), name)
    return type(section).model_fields


if __name__ == "__main__":
    print(markdown_table(), end="")
