"""The attack bench: honest and dishonest workers, and the checks that must tell them apart."""
