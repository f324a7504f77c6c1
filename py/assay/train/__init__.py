"""The producing side: rollouts from a checkpoint, inner steps, and the artifact that a trainer submits.

Never imports verify, swarm or chain. It doesn't prove that it was honest: the artifact lets others check.
"""
