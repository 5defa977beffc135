"""Hosted nodes: instances with an enrolled agent that are kept for their owner, action by action."""
