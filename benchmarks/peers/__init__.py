"""What a user would pick instead: a job per module, run by the Python of an environment with the peer installed."""
