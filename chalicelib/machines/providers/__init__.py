"""The places where machines are made: EC2, and processes of the machine that runs a local cloud."""
