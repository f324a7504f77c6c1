"""The checking side: eight checks over a submission, cheapest first, and one finding.

Never imports train, swarm or chain. It gives a verdict; what follows from it is decided by roles and by the chain.
"""
