"""Live tails: an operator watches the output of a running execution, which is passed on and never stored."""
