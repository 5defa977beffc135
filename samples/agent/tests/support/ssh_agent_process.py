import asyncio

import asyncssh

from samples.agent.tests.support.agent_process import AgentProcesses

PASSWORD = "correct horse battery"
VERIFY = "/agents/ssh_usernames/verify_credentials"


class SshAgent:
    """A real agent with its SSH server, and ways to log in to it."""

    def __init__(self, server, folder, *arguments):
        self.server = server
        self.agents = AgentProcesses(server, folder)
        self.agent = self.agents.connected("--ssh-port", "0", *arguments)
        self.port = self.agent.wait_for("ssh.listening")["port"]
        self.host_key = asyncssh.read_private_key(self.agents.state_dir / "ssh_host_key")
        server.passwords["ada"] = PASSWORD

    def connect(self, **options):
        fixed = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": "ada",
            "password": PASSWORD,
            "client_keys": None,
            "agent_path": None,
            "config": None,
            "known_hosts": ([self.host_key.convert_to_public()], [], []),
        }
        return asyncssh.connect(**(fixed | options))

    def run(self, command=None, *, login=None, **options):
        """Run a command over a new connection, and return the finished process."""

        async def once():
            async with self.connect(**(login or {})) as connection:
                return await connection.run(command, **options)

        return asyncio.run(once())

    def refused(self, **login):
        """Whether the server refuses a login."""
        try:
            self.run("true", login=login)
        except asyncssh.PermissionDenied:
            return True
        return False

    def logins_asked(self):
        return self.server.seen("POST", VERIFY)
