"""The files of a submission or a checkpoint: strangers' bytes, read within bounds.

Knows nothing of torch, of the chain or of how bytes travel. What breaks a rule raises Refused with a reason.
"""
