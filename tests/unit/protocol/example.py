"""A small valid task spec that tests start from."""

from __future__ import annotations

from assay.protocol.spec import TaskSpec, parse_toml

ASY = 10**18

TOML = f"""
name = "Digits, reversed"
kind = "grpo"

[environment]
name = "digits"
hash = "0x{"11" * 32}"
seed_count = 1000000
deterministic = true
options = {{digits = 6}}

[model]
base = "0x{"22" * 32}"
tokenizer = "digits"

[rollout]
groups = 32
group_size = 8
max_new_tokens = 8
temperature = 1.0

[inner]
steps = 8
lr = 1e-4
beta1 = 0.9
beta2 = 0.999
epsilon = 1e-8
weight_decay = 0.0
clip_low = 0.2
clip_high = 0.2
max_grad_norm = 1.0

[verification]
profile = "float32"
chunk = 32
top_k = 128
groups = 4
exponent_mismatches = 8
mantissa_mean = 10
mantissa_median = 8
margin = 0.01
exact_rate = 0.999
step_tolerance = 1e-4
max_update_norm = 10.0

[rounds]
count = 6
period = 28
work = 11
seal_delay = 1
commit = 10
reveal = 3
attest = 3
challenge = 10
lead = 5
staleness = 1
max_artifact_bytes = 16777216

[money]
budget = "180.00"
pot = "30.00"
price = "0.004"
bond = "20.00"
seat_fee = "1.00"
attest_fee = "0.10"
min_stake = "300.00"
max_units = 2048
seats = 3
min_trainers = 1
"""


def example() -> TaskSpec:
    return parse_toml(TOML)
