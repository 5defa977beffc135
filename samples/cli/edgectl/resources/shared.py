"""Options and commands that several kinds of things have."""

from edgectl.model import Action, Field, Kind

V1 = "/api/v1"

NAME = Field("name", "Only of this name; * stands for any text.")
CLUSTER = Field("cluster_name", "Only of this cluster.", option="cluster")
NODE = Field("node_id", "Only of this node: its name, alias or id.", option="node")
EXPIRES = Field(
    "expired_at",
    "When it ends: a time, or a span from now as 90m, 12h, 7d; none: never.",
    Kind.MOMENT,
    "expires",
    clears=True,
)
KEYS = Field(
    "public_keys", "File with a public key, as ~/.ssh/id_ed25519.pub; may be repeated.", Kind.KEY_FILES, "key-file"
)
PASSWORD = Field("password", "File with a password, - for standard input.", Kind.SECRET, "password-file")
ON = Field(
    "targeting",
    "Machines: all, cluster:NAME, labels as env=prod,role=web, or names; may be repeated.",
    Kind.TARGETS,
    "on",
    is_required=True,
)


def show(path: str) -> Action:
    return Action("show", "GET", path, "Show one with all its fields.")


def delete(path: str, question: str, help_text: str = "Delete one.") -> Action:
    return Action("delete", "DELETE", path, help_text, asks=question, done="deleted")
