"""What trainer and validator must compute alike: environment, weights, forward pass, loss, optimizer, inner steps.

Knows nothing of artifacts, of the chain or of who asks. It doesn't make different machines agree to the bit:
only the optimizer does that; a forward pass agrees to a tolerance, and to the bit on one machine at one thread count.
"""
