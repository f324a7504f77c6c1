from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("reasoning_gym")

from assay.errors import Refused, Unavailable
from assay.model.env import registry, split
from assay.model.env.tokenised import Tokenised
from assay.protocol import templates
from assay.protocol.spec import TaskSpec
from unit.model import small

OPTIONS: dict[str, Any] = {
    "dataset": "chain_sum",
    "max_terms": 2,
    "max_digits": 2,
    "prefix": "The answer is",
    "parser": "last_integer",
    "exact": True,
}


def spec_of(root: bytes, options: dict[str, Any], name: str = "reasoning-gym", **rollout: int) -> TaskSpec:
    blank = templates.blank("digits")
    digest = registry.environment_hash(name, options)
    pinned = replace(blank.environment, name=name, options=options, hash=digest, seed_count=1 << 20)
    model = replace(blank.model, architecture="transformers", tokenizer="0x" + root.hex())
    bounds = {"max_prompt_tokens": 200, "max_new_tokens": 8, **rollout}
    return replace(blank, environment=pinned, model=model, rollout=replace(blank.rollout, **bounds))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    return small.model_folder(tmp_path_factory.mktemp("near"), weights=False)


@pytest.fixture(scope="module")
def env(world: tuple[Path, bytes]) -> Tokenised:
    near, root = world
    found = registry.bound(spec_of(root, OPTIONS), near)
    assert isinstance(found, Tokenised)
    return found


def test_prompt__chat_and_prefix__template_then_the_beginning_of_the_reply(env: Tokenised) -> None:
    text = env.describe(env.prompt(3))
    assert text.startswith("<|im_start|>user\nState the final answer to the following arithmetic problem: ")
    assert text.endswith("=<|im_end|>\n<|im_start|>assistant\nThe answer is")


def test_score__right_answer__is_1_and_others_0(env: Tokenised) -> None:
    target = env.warm_up_target(3)
    assert target[-1] == env.eos and env.describe(target[:1]) == " "
    wrong = env.warm_up_target(4)
    assert env.score_many([3, 3, 3, 3], [target, wrong, [], [10**6, -1]]) == [1.0, 0.0, 0.0, 0.0]
    assert env.score(3, [*target, *wrong]) == 1.0  # what comes after the end isn't said


def test_held_out__192_items__prompts_differ_and_no_training_seed_has_one(env: Tokenised) -> None:
    held = {tuple(env.prompt(seed)) for seed in env.held_out(192)}
    assert len(held) == 192 and env.held_out(192) == env.held_out(192)
    assert not held & {tuple(env.prompt(seed)) for seed in range(2000)}


def test_prompt__longer_than_task_or_context_allows__refused(world: tuple[Path, bytes]) -> None:
    near, root = world
    short = registry.bound(spec_of(root, OPTIONS, max_prompt_tokens=40), near)
    with pytest.raises(Refused, match=r"seed 0 has \d+ tokens, more than the 40"):
        short.prompt(0)
    with pytest.raises(Refused, match="leaves no room"):
        registry.bound(spec_of(root, OPTIONS, max_new_tokens=small.POSITIONS), near)


def test_prompt__plain_text_and_system__lines_by_role(world: tuple[Path, bytes]) -> None:
    near, root = world
    plain = registry.bound(spec_of(root, {**OPTIONS, "chat": False, "system": "Be brief."}), near)
    text = plain.describe(plain.prompt(0))
    assert text.startswith("system: Be brief.\nuser: State") and text.endswith("=\nassistant: The answer is")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs the option dataset"),
        ({"dataset": "chess"}, "no dataset 'chess'"),
        ({"dataset": "chain_sum", "colour": 3}, "no setting 'colour'"),
        ({"dataset": "chain_sum", "size": 3}, "size is Assay's"),
        ({"dataset": "chain_sum", "min_terms": 0}, "min_terms must be positive"),
        ({"dataset": "chain_sum", "parser": "magic"}, "parser must be one of"),
        ({"dataset": "chain_sum", "chat": 1}, "chat must be true or false"),
    ],
)
def test_bound__bad_options__refused_in_one_sentence(
    world: tuple[Path, bytes], options: dict[str, Any], says: str
) -> None:
    near, root = world
    with pytest.raises(Refused, match=says):
        registry.bound(spec_of(root, options), near)


def test_bound__other_hash_or_no_model__refused_or_unavailable(world: tuple[Path, bytes]) -> None:
    near, root = world
    spec = spec_of(root, OPTIONS)
    with pytest.raises(Refused, match="another version"):
        registry.bound(replace(spec, environment=replace(spec.environment, hash=b"\1" * 32)), near)
    with pytest.raises(Unavailable, match="isn't here"):
        registry.bound(replace(spec, model=replace(spec.model, tokenizer="0x" + "11" * 32)), near)
    with pytest.raises(Refused, match=r"model\.tokenizer must be the root"):
        registry.bound(replace(spec, model=replace(spec.model, tokenizer="digits")), near)


def test_split__many_prompts__one_in_eight_is_held_out() -> None:
    held = sum(split.is_held_out(f"question {number}") for number in range(8000))
    assert 900 < held < 1100


def test_held_out_items__too_few_different__refused() -> None:
    with pytest.raises(Refused, match="only 0 different held-out items"):
        split.held_out_items(2, 100, lambda seeds: ["always the same"] * len(seeds))
