"""Handlers of the fleet's queues, schedules and sockets."""
