"""The cloud: users and teams with accounts of their own over one AWS account, and what they have made there."""
