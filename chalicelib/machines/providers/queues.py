"""The queue of the context `providers`, and what fills it; a module of its own, so that senders import nothing else."""

from chalicelib.kit.queues import Queue

INSTANCE_SIGNALS = Queue("instance-signals")
"""News of machines and nodes: instances are looked at sooner. A lost one is made up for by the next look."""

EC2_SOURCE, EC2_STATE_CHANGED = "aws.ec2", "EC2 Instance State-change Notification"
"""The event of EC2 (EC2 user guide, "State change events for your instances")."""
