"""`make deploy`: what is checked, planned, asked and done; infra/deploy.py starts it."""
