"""Bytes that a run takes: weights, gradients, optimizer, sampling, training, and on the disk.

Exact are weights, gradients, moments and keys and values; activations are a rule of thumb for
decoders of the Llama kind, and what Python and torch take is a measured constant. Two demos on a
CPU took 760 and 798 MB and are put at 776; their files, 138 MB at the most, are put at 142. Other
models were not compared: take it as right to a third.
Not covered: what a CUDA allocator loses to fragments, and the programs under test, each of which
has a limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.config import Config, ModelConfig
from core.estimate.shape import Shape
from core.estimate.work import Work
from core.tasks.spec import EMBEDDED

#: What the engine takes without any model: Python, torch, transformers, tasks.
ENGINE = 490 << 20
#: What a process takes on a CUDA device before any tensor.
CUDA_CONTEXT = 500 << 20

#: Bytes of a stored program with its tokens, verdict and index entries, besides 8 a token.
PROGRAM_ON_DISK = 1500
#: Bytes of write-ahead logs, telemetry and metrics of any run.
LOGS_ON_DISK = 44 << 20

#: Tokens that a task's prompt is taken to have.
PROMPT_TOKENS = dict.fromkeys(EMBEDDED, 64)
OTHER_PROMPT_TOKENS = 300

#: Tasks side by side, and the share of the free memory that they may take (core.sampler.plan).
_MOST = {"cpu": 48, "cuda": 1024}
_SHARE = {"cpu": 0.25, "cuda": 0.7}

_WEIGHT_BYTES = {"auto": 4.0, "float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
_QUANTISED_BYTES = {"8bit": 1.1, "4bit": 0.6}


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes while a run is at its fullest, by what takes them; `batch` tasks side by side."""

    weights: int
    learning: int  # gradients and the optimizer's moments
    teacher: int
    sampling: int
    training: int
    constant: int
    batch: int

    @property
    def peak(self) -> int:
        """Sampling and training take turns; the rest stays."""
        passing = max(self.sampling, self.training)
        return self.constant + self.weights + self.learning + self.teacher + passing


def plan_memory(
    config: Config, shape: Shape, teacher: Shape | None, where: str, free: int
) -> Memory:
    """What a run takes of the device, "cpu" or "cuda", of which so many bytes are free."""
    weights = weight_bytes(config.model, shape)
    learning = learning_bytes(config, shape)
    taught = weight_bytes(config.teacher.model, teacher) if teacher else 0
    constant = CUDA_CONTEXT if where == "cuda" else ENGINE
    batch, sampling = _sampling(config, shape, where, free - constant - weights - learning)
    if config.teacher.keep_loaded:
        kept = taught
    else:  # it is given back before the student trains, and samples in its place
        kept, sampling = 0, sampling + taught
    return Memory(
        weights, learning, kept, sampling, _training(config, shape, where), constant, batch
    )


def weight_bytes(model: ModelConfig, shape: Shape) -> int:
    """Bytes of the weights as they are held, an adapter among them."""
    each = _QUANTISED_BYTES.get(model.quantization, _WEIGHT_BYTES[model.dtype])
    return int(shape.parameters * each) + adapter_parameters(model, shape) * 4


def adapter_parameters(model: ModelConfig, shape: Shape) -> int:
    """Parameters of the adapter that is trained in place of the weights; 0 where there is none."""
    return model.lora_rank * shape.linear


def learning_bytes(config: Config, shape: Shape) -> int:
    """Bytes of gradients and of AdamW's two moments of everything that is trained."""
    adapter = adapter_parameters(config.model, shape)
    trained = adapter or shape.parameters
    each = 4.0 if adapter else _WEIGHT_BYTES[config.model.dtype]
    moments = 2.0 if config.trainer.optimizer == "adamw_8bit" else 2 * each
    return int(trained * (each + moments))


def row_bytes(columns: int, column_bytes: int, beams: int, vocabulary: int) -> int:
    """Bytes of a task while it is sampled, as core.sampler.plan counts them."""
    return columns * column_bytes + columns * (beams * 8 + 8) + beams * vocabulary * 12


def disk_bytes(config: Config, shape: Shape | None, work: Work) -> int:
    """Bytes that a run writes, checkpoints at their most."""
    tokens = min(config.sampler.max_new_tokens, 200)
    programs = work.programs * (PROGRAM_ON_DISK + 8 * tokens)
    return programs + LOGS_ON_DISK + (kept_checkpoints(config) * _checkpoint(config, shape))


def kept_checkpoints(config: Config) -> int:
    """Those kept, the best, the newest that survives a power cut, less what coincides."""
    return config.checkpoint.keep + 2


def checkpoint_bytes(config: Config, shape: Shape) -> int:
    """Bytes of a checkpoint: what is trained, and the optimizer's two moments of it."""
    adapter = adapter_parameters(config.model, shape)
    each = 4.0 if adapter else _WEIGHT_BYTES[config.model.dtype]
    moments = 2.0 if config.trainer.optimizer == "adamw_8bit" else 2 * each
    return int((adapter or shape.parameters) * (each + moments))


def prompt_tokens(config: Config, shape: Shape | None) -> int:
    """Tokens that a prompt is taken to have; not more than fit the model beside the program."""
    names = {text.partition(":")[0] for text in config.tasks.train}
    tokens = max((PROMPT_TOKENS.get(name, OTHER_PROMPT_TOKENS) for name in names), default=0)
    if shape is not None and shape.context:
        tokens = min(tokens, max(1, shape.context - config.sampler.max_new_tokens))
    return tokens


def _checkpoint(config: Config, shape: Shape | None) -> int:
    return 0 if shape is None else checkpoint_bytes(config, shape)


def _sampling(config: Config, shape: Shape, where: str, free: int) -> tuple[int, int]:
    """Tasks side by side, and the bytes of their keys, values, masks and logits."""
    sampler = config.sampler
    each = 2 if config.model.dtype in ("bfloat16", "float16") else 4
    columns = prompt_tokens(config, shape) + sampler.beams * sampler.max_new_tokens
    size = row_bytes(columns, shape.key_values * each, sampler.beams, shape.vocabulary)
    fitting = max(1, min(_MOST[where], int(max(free, 0) * _SHARE[where] // max(size, 1))))
    batch = min(sampler.batch_tasks or fitting, sampler.tasks_per_iteration)
    return batch, batch * size


def _training(config: Config, shape: Shape, where: str) -> int:
    """Activations and logits of one microbatch of programs of the longest kind."""
    tokens = prompt_tokens(config, shape) + config.sampler.max_new_tokens
    programs = min(config.trainer.microbatch, config.trainer.minibatch)
    number = 2 if where == "cuda" else 4  # bytes: in bfloat16 on CUDA
    layer = (10 * shape.hidden + 4 * shape.inner) * number
    if config.trainer.gradient_checkpointing:
        layers = shape.layers * shape.hidden * number + layer
    else:
        layers = shape.layers * layer
    logits = config.sampler.max_new_tokens * shape.vocabulary * (4 + 4 + number)
    return programs * (tokens * layers + logits)
