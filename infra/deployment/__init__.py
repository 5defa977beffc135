"""The steps of `make deploy`: check, plan, confirm, apply. infra/deploy.py starts them."""
