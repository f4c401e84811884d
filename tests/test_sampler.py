"""Tree decoding finds what `generate` finds, in whatever order and company prompts are decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, wraps
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import CoreError
from core.sampler import Hypothesis, Search, SearchSettings, tree
from core.sampler import search as searching_module
from core.sampler.check import Check, check_tree_decoding
from core.sampler.ends import stop_table
from core.sampler.plan import MOST_ON_CPU, row_bytes, rows_that_fit
from core.sampler.tree import TreeDecoder
from core.sampler.windows import Windows
from tests.tiny_models import (
    ENDS,
    PAD,
    VOCABULARY,
    generated,
    some_prompts,
    teacher_forced,
    tiny_model,
)

#: Those whose layers look back only so far, and the others.
WINDOWED = ("mistral", "gemma2", "gpt_neo", "qwen2_sliding")
TREE_MODELS = (
    *("llama", "qwen2", "qwen3", "gpt2", "starcoder2", "gpt_bigcode", "codegen", "phi"),
    *WINDOWED,
)
GENERATE = Check("generate", "for the comparison")
MAX_NEW_TOKENS = 24
PROMPTS = some_prompts(14)


def settings_of(beams: int, **changes: Any) -> SearchSettings:
    return replace(SearchSettings(beams, MAX_NEW_TOKENS, 4, ENDS, PAD), **changes)


def search(model: Any, beams: int, check: Check | None = None, **changes: Any) -> Search:
    return Search(model, settings_of(beams, **changes), check)


def decoder(model: Any, beams: int, **changes: Any) -> TreeDecoder:
    return TreeDecoder(model, settings_of(beams, **changes))


def assert_same(model: Any, prompt: list[int], found: list[Hypothesis], wanted: list[list[int]]):
    """Equal sequences in equal order, or as probable ones within 1e-5."""
    assert len(found) == len(wanted)
    for hypothesis, tokens in zip(found, wanted, strict=True):
        scores = teacher_forced(model, prompt, hypothesis.token_ids.tolist())
        np.testing.assert_allclose(hypothesis.logprobs, scores, atol=2e-5)
        if hypothesis.token_ids.tolist() != tokens:
            other = teacher_forced(model, prompt, tokens).sum(dtype=np.float64)
            assert abs(hypothesis.logprob - other) <= 1e-5


@pytest.mark.parametrize("beams", [1, 3, 5])
@pytest.mark.parametrize("name", TREE_MODELS)
def test_a_tree_of_tokens_holds_the_same_programs_as_generate(name: str, beams: int) -> None:
    model = tiny_model(name)
    searching = search(model, beams)
    found = dict(searching.search(PROMPTS))
    wanted = generated(model, PROMPTS, beams, MAX_NEW_TOKENS)
    for index, prompt in enumerate(PROMPTS):
        assert_same(model, prompt, found[index], wanted[index])
    assert searching.decoder == "tree"
    assert searching.counts == Counter({"tree": len(PROMPTS)})


@pytest.mark.parametrize("beams", [1, 3])
def test_the_fallback_finds_the_same_programs_as_generate(beams: int) -> None:
    model = tiny_model("llama")
    searching = search(model, beams, GENERATE)
    found = dict(searching.search(PROMPTS))
    wanted = generated(model, PROMPTS, beams, MAX_NEW_TOKENS)
    for index, prompt in enumerate(PROMPTS):
        assert_same(model, prompt, found[index], wanted[index])
    assert searching.counts == Counter({"generate": len(PROMPTS)})


@pytest.mark.parametrize("name", WINDOWED)
def test_windows_are_narrow_enough_to_matter(name: str) -> None:
    model = tiny_model(name)
    found = dict(search(model, 3).search(PROMPTS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Windows, "within", lambda self, _: replace(self, sizes=_all(self.sizes)))
        wide = dict(decoder(model, 3).search(PROMPTS))
    assert any(_tokens(found[index]) != _tokens(wide[index]) for index in found)


def _all(sizes: Mapping[str, int | None]) -> dict[str, int | None]:
    return dict.fromkeys(sizes)


def test_a_layer_that_sees_one_chunk_is_decoded_as_a_tree_only_within_it() -> None:
    model = tiny_model("llama")
    searching = search(model, 3, Check("tree", "it sees 30 tokens", reach=30))
    found = dict(searching.search(PROMPTS))
    assert all(len(hypotheses) == 3 for hypotheses in found.values())
    within = sum(len(prompt) + MAX_NEW_TOKENS <= 30 for prompt in PROMPTS)
    assert searching.counts == Counter(tree=within, generate=len(PROMPTS) - within)


@pytest.mark.parametrize("check", [None, GENERATE])
def test_a_stop_string_across_tokens_ends_a_program(check: Check | None) -> None:
    model = tiny_model("llama")
    letters = [chr(ord("a") + token % 26) * (1 + token % 2) for token in range(VOCABULARY)]
    stops = ("ss", "hg", "ee", "kka")
    table = stop_table(stops, letters)
    found = dict(search(model, 4, check, eos_token_ids=(), stops=table).search(PROMPTS))
    free = dict(search(model, 4, check, eos_token_ids=()).search(PROMPTS))
    finished = 0
    for index, prompt in enumerate(PROMPTS):
        for one in found[index]:
            text = "".join(letters[token] for token in one.token_ids)
            before = "".join(letters[token] for token in one.token_ids[:-1])
            assert one.finished == any(stop in text for stop in stops)
            assert not any(stop in before for stop in stops)
            scores = teacher_forced(model, prompt, one.token_ids.tolist())
            np.testing.assert_allclose(one.logprobs, scores, atol=2e-5)
            finished += one.finished
    assert finished > 5
    assert any(_tokens(found[index]) != _tokens(free[index]) for index in found)


def test_stop_strings_are_found_alike_in_the_tree_and_by_generate() -> None:
    model = tiny_model("qwen2")
    letters = [chr(ord("a") + token % 26) for token in range(VOCABULARY)]
    table = stop_table(("ab", "q", "xyz", "ccc"), letters)
    tree_found, other = (
        dict(search(model, 3, check, stops=table).search(PROMPTS)) for check in (None, GENERATE)
    )
    for index, prompt in enumerate(PROMPTS):
        assert_same(model, prompt, tree_found[index], _tokens(other[index]))


def test_no_more_programs_come_than_the_model_can_write() -> None:
    searching = search(tiny_model("llama"), 64, max_new_tokens=1, batch_tasks=2)
    for hypotheses in dict(searching.search(PROMPTS[:3])).values():
        assert sorted(_tokens(hypotheses)) == [[token] for token in range(VOCABULARY)]


def test_as_many_tasks_are_decoded_side_by_side_as_fit_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model("llama")
    sizes = []
    for room in (1, 3):  # tasks
        monkeypatch.setattr(searching_module, "rows_that_fit", lambda _, size, n=room: n)
        with Passes(model) as passes:
            list(search(model, 3, batch_tasks=0).search(PROMPTS))
        sizes.append(max(shape[0] for shape in passes.shapes[40:]))  # the trial comes before
    assert sizes == [1, 3]


def test_a_task_takes_its_columns_of_keys_and_values_from_the_free_memory() -> None:
    model = tiny_model("llama")  # 2 layers of 2 heads of 8 numbers, twice, in 4 bytes
    column_bytes = check_tree_decoding(model, settings_of(3)).column_bytes
    assert column_bytes == 2 * 2 * 8 * 2 * 4
    one = row_bytes(1000, column_bytes, 3, VOCABULARY)
    assert 1000 * column_bytes < one < 1.3 * 1000 * column_bytes
    assert rows_that_fit(torch.device("cpu"), 2**60) == 1
    assert rows_that_fit(torch.device("cpu"), one) == MOST_ON_CPU


@pytest.mark.parametrize("name", TREE_MODELS)
def test_the_comparison_covers_refill_and_both_kinds_of_ending(name: str) -> None:
    found = dict(search(tiny_model(name), 3).search(PROMPTS))
    steps = {max(len(one.token_ids) for one in hypotheses) for hypotheses in found.values()}
    finished = Counter(one.finished for hypotheses in found.values() for one in hypotheses)
    assert len(steps) > 2 and min(steps) < MAX_NEW_TOKENS  # rows become free at different steps
    assert finished[True] and finished[False]


@pytest.mark.parametrize("beams", [1, 4])
def test_exactly_k_hypotheses_most_probable_first_each_ended_or_at_the_limit(beams: int) -> None:
    for hypotheses in dict(search(tiny_model("llama"), beams).search(PROMPTS)).values():
        assert len(hypotheses) == beams
        scores = [hypothesis.logprob for hypothesis in hypotheses]
        assert all(better >= worse - 1e-5 for better, worse in pairwise(scores))
        for hypothesis in hypotheses:
            assert hypothesis.token_ids.dtype == np.int32
            assert hypothesis.logprobs.dtype == np.float32
            ends = [int(token) in ENDS for token in hypothesis.token_ids]
            assert not any(ends[:-1]) and ends[-1] == hypothesis.finished
            assert hypothesis.finished or len(ends) == MAX_NEW_TOKENS


@settings(max_examples=15, deadline=None)
@given(
    order=st.permutations(range(len(PROMPTS))),
    batch_tasks=st.integers(1, 20),
    compact_every=st.sampled_from([1, 3, 1000]),
    look_every=st.sampled_from([1, 5]),
)
def test_results_do_not_depend_on_company_order_compaction_or_how_often_one_looks(
    order: list[int], batch_tasks: int, compact_every: int, look_every: int
) -> None:
    model = tiny_model("llama")
    alone = _alone()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "COMPACT_EVERY", compact_every)
        patch.setattr(tree, "LOOK_EVERY", {"cpu": look_every})
        shuffled = [PROMPTS[index] for index in order]
        found = dict(decoder(model, 3, batch_tasks=batch_tasks).search(shuffled))
    for place, index in enumerate(order):
        assert _tokens(found[place]) == _tokens(alone[index])


@cache
def _alone() -> list[list[Hypothesis]]:
    """Each prompt decoded by itself."""
    alone = decoder(tiny_model("llama"), 3)
    return [next(alone.search([prompt]))[1] for prompt in PROMPTS]


def _tokens(hypotheses: list[Hypothesis]) -> list[list[int]]:
    return [hypothesis.token_ids.tolist() for hypothesis in hypotheses]


class Passes:
    """Shapes of every forward pass while a model is watched, and how many columns it looks at."""

    def __init__(self, model: Any) -> None:
        self.shapes: list[torch.Size] = []
        self.widths: list[int] = []
        self._hook = model.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, _module: Any, _arguments: Any, named: dict[str, Any]) -> None:
        self.shapes.append(named["input_ids"].shape)
        self.widths.append(named["attention_mask"].shape[-1])

    def __enter__(self) -> Passes:
        return self

    def __exit__(self, *_: object) -> None:
        self._hook.remove()


def rows_fed(passes: Passes, beams: int) -> int:
    """Rows that went through the model in steps, each with k query tokens."""
    return sum(shape[0] for shape in passes.shapes if shape[1] == beams)


def test_each_prompt_is_prefilled_once_and_no_row_is_fed_after_its_task_is_done() -> None:
    model = tiny_model("llama")
    longer = [[*prompt, 5, 6, 7] for prompt in PROMPTS]  # so that a prefill shows by its width
    with Passes(model) as together:
        list(decoder(model, 3).search(longer))
    assert sum(shape[0] for shape in together.shapes if shape[1] != 3) == len(PROMPTS)
    with Passes(model) as alone:
        for prompt in longer:
            list(decoder(model, 3).search([prompt]))
    assert rows_fed(together, 3) == rows_fed(alone, 3)
    assert len(together.shapes) < len(alone.shapes) / 2


def test_compaction_keeps_attention_close_to_what_lives() -> None:
    model = tiny_model("llama")
    new_tokens, beams = 90, 5
    with Passes(model) as passes:
        list(decoder(model, beams, eos_token_ids=(), max_new_tokens=new_tokens).search(PROMPTS[:4]))
    longest = max(map(len, PROMPTS[:4]))
    everything = longest + beams * new_tokens
    assert longest + new_tokens < max(passes.widths) < 0.6 * everything


@pytest.mark.parametrize("beams", [1, 3])
def test_rows_that_are_done_but_not_yet_looked_at_stay_within_cache_and_context(
    beams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "LOOK_EVERY", {"cpu": 9})
    monkeypatch.setattr(tree, "COMPACT_EVERY", 1000)
    model = tiny_model("gpt2")  # learned positions: one past the context is an error
    prompts = [prompt * (128 - MAX_NEW_TOKENS) for prompt in some_prompts(3, longest=1)]
    found = dict(decoder(model, beams, eos_token_ids=()).search(prompts))
    for index, prompt in enumerate(prompts):
        for hypothesis in found[index]:
            assert len(hypothesis.token_ids) == MAX_NEW_TOKENS
            scores = teacher_forced(model, prompt, hypothesis.token_ids.tolist())
            np.testing.assert_allclose(hypothesis.logprobs, scores, atol=2e-5)


def test_tasks_are_handed_out_while_others_are_still_decoded() -> None:
    model = tiny_model("llama")
    with Passes(model) as passes:
        done_after = [len(passes.shapes) for _ in decoder(model, 3).search(PROMPTS)]
    assert done_after[0] < len(passes.shapes) / 3
    assert len(set(done_after)) > len(PROMPTS) / 2


def test_the_caller_can_train_between_two_tasks() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    for _ in search(tiny_model("llama"), 2).search(PROMPTS[:3]):
        assert not torch.is_inference_mode_enabled()
        (weight * weight).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_prompt_that_fills_the_context_decodes_to_its_end(name: str) -> None:
    model = tiny_model(name)
    prompt = some_prompts(1, longest=1, seed=3)[0] * (128 - MAX_NEW_TOKENS)
    wanted = generated(model, [prompt, prompt[:5]], 3, MAX_NEW_TOKENS)
    found = dict(search(model, 3).search([prompt, prompt[:5]]))
    assert_same(model, prompt, found[0], wanted[0])
    with pytest.raises(CoreError, match="exceeds the model's context of 128"):
        next(search(model, 3).search([[*prompt, 5]]))


def test_one_new_token_is_the_k_most_probable_ones() -> None:
    model = tiny_model("llama")
    found = dict(search(model, 5, max_new_tokens=1).search(PROMPTS[:3]))
    for index, prompt in enumerate(PROMPTS[:3]):
        with torch.no_grad():
            best = model(torch.tensor([prompt])).logits[0, -1].topk(5).indices.tolist()
        assert [hypothesis.token_ids.tolist() for hypothesis in found[index]] == [[t] for t in best]


def test_nothing_to_search_gives_nothing_and_an_empty_prompt_is_refused() -> None:
    searching = search(tiny_model("llama"), 2)
    assert list(searching.search([])) == []
    with pytest.raises(CoreError, match="Prompt 1 has no tokens"):
        next(searching.search([[5], []]))


def test_new_tokens_counts_the_tokens_handed_out() -> None:
    searching = search(tiny_model("llama"), 3)
    found = dict(searching.search(PROMPTS[:4]))
    assert searching.new_tokens == sum(len(h.token_ids) for hs in found.values() for h in hs)


@pytest.mark.parametrize("name", ["tree", "generate"])
def test_running_out_of_memory_halves_the_batch_and_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    expected = dict(search(model, 3).search(PROMPTS))
    heard: list[str] = []
    check = check_tree_decoding(model, settings_of(3)) if name == "tree" else GENERATE
    searching = Search(
        model, settings_of(3, batch_tasks=8), check, lambda level, message: heard.append(message)
    )
    forward = model.forward
    rows = 2 if name == "tree" else 6  # `generate` has a row a beam
    steps: list[int] = []

    @wraps(forward)  # what it takes is looked at
    def small_machine(*args: Any, **kwargs: Any) -> Any:
        steps.append(len(kwargs["input_ids"]))
        if len(kwargs["input_ids"]) > rows and len(steps) > 5:  # not at once: some are done by then
            raise torch.OutOfMemoryError("no room")
        return forward(*args, **kwargs)

    monkeypatch.setattr(model, "forward", small_machine)
    found = dict(searching.search(PROMPTS))
    assert searching.most_tasks == 2
    assert [message.split(";")[0] for message in heard] == [
        f"Out of memory: sampling {tasks} tasks side by side from now on." for tasks in (4, 2)
    ]
    assert searching.counts.total() == len(PROMPTS), "none twice, none left out"
    monkeypatch.undo()
    for index, prompt in enumerate(PROMPTS):
        wanted = [hypothesis.token_ids.tolist() for hypothesis in expected[index]]
        assert_same(model, prompt, found[index], wanted)


def test_running_out_of_memory_with_one_task_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    searching = search(model, 3, batch_tasks=4)

    def no_machine(*args: Any, **kwargs: Any) -> Any:
        raise torch.OutOfMemoryError("no room at all")

    monkeypatch.setattr(model, "forward", no_machine)
    with pytest.raises(torch.OutOfMemoryError):
        dict(searching.search(PROMPTS))
    assert searching.most_tasks == 1
