"""Values of the examples in the published documents.

They all tell of the same few things: the cluster `north`, one of its nodes, one enrollment key, one command and its
execution there. Secrets are obviously fake.
"""

from typing import Any

CLUSTER_ID = "01a1fd8c-6900-7a10-8c41-2f6b9d0e3a11"
CLUSTER = "north"
OTHER_CLUSTER = "south"
IPV6_RANGE = "fd12:3456:789a:1::/64"
RANGE = "100.64.0.0/24"
NETWORK = f"cluster-{CLUSTER}"
KEY_ID = "01a1fd8c-6ce8-7b22-9d52-3a7c0e1f4b22"
KEY = "eyJhZG1pbl91cmxzIjpbImh0dHBzOi8vZWRnZS5leGFtcGxlLmNvbSJdLCJub25jZSI6ImV4YW1wbGUtbm90LWEtcmVhbC1rZXkifQ=="
KEY_NAME = "Rollout in November"
NODE_ID = "5f8e2c1a-9b4d-4e6f-8a3c-7d1b0e2f4a68"
NODE_NAME = f"node-{NODE_ID}"
NODE_HOST = f"{NODE_NAME}.{NETWORK}.nm.internal"
ALIAS_ID = "01a1fd8c-70d0-7c33-8e63-4b8d1f205c33"
ALIAS = "till-3"
ALIAS_HOST = f"node-{ALIAS}.{NETWORK}.nm.internal"
COMMAND_ID = "01a1fd8c-74b8-7d44-9f74-5c9e20316d44"
COMMAND_TEXT = "uname -s"
SCRIPT = "restart-unit"
SECRET = "reporting-password"  # noqa: S105 - a name
SCRIPT_TEXT = 'systemctl restart "$UNIT" && systemctl is-active "$UNIT"'
OUTPUT = "Linux\n"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SHA256_BASE64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
EXECUTION_ID = "01a1fd8c-78a0-7e55-8085-6daf31427e55"
UPDATE_ID = "01a1fd8c-7c88-7f66-9196-7eb042538f66"
USERNAME_ID = "01a1fd8c-8070-7077-82a7-8fc153649077"
USERNAME = "maintenance"
PUBLIC_KEY_ID = "01a1fd8c-8458-7188-93b8-90d26475a188"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAJl9JjL5SBN0xK/nYiqVyk7o9d5Iq3JQ8If59s+LRWr ops@example.com"
FINGERPRINT = "SHA256:sUDRad0pEEqropFvG73OkPmsG4X/Y+kWLifjVOGL5EE"
AUDIT_EVENT_ID = "01a1fd8c-97e0-76dd-88ad-e52719bcf6dd"
REQUEST_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
METRICS_ID = "3b7f1c9e-5d2a-5c41-9e0b-6a8d4f3c2b1a"
RECOVERY_KEY = "eyJub25jZSI6Im5vdC1hLXJlYWwtb25lIn0="
REGISTRATION_TOKEN = "example-registration-token"  # noqa: S105
NODE_TOKEN = "example-node-token-" + "0" * 45
WEBHOOK_ID = "01a1fd8c-8840-7299-84c9-a1e37586b299"
WEBHOOK_URL = "https://hooks.example.com/edge"
DELIVERY_ID = "01a1fd8c-8c28-73aa-95da-b2f48697c3aa"
EVENT_ID = "01a1fd8c-9010-74bb-86eb-c305979ad4bb"
EVENT_TYPE = "edge.command_execution.completed"
API_KEY_ID = "01a1fd8c-93f8-75cc-97fc-d4160a8be5cc"
API_KEY = f"edge_{API_KEY_ID}_example-not-a-real-key-{'0' * 20}"
API_KEY_NAME = "Nightly report"
VERSION = "0.2.0+b1a2b3c4d5"
VERSION_BEFORE = "0.1.9+a0f1e2d3c4"
SCHEDULE_ID = "01931e7a-3c00-7000-8000-0000000000c1"
SCHEDULE = "nightly cleanup"
CRON = "30 2 * * *"
TIMEZONE = "Europe/Berlin"
TARGETING: dict[str, Any] = {"type": "clusters", "cluster_names": [CLUSTER], "node_filters": {"status": "healthy"}}
API_URL = "https://edge.example.com"
ADMIN = "admin-default"
ADMIN_ID = "k7m3n2p9x4j6"
ADMIN_CLUSTER = "admin-cluster-default"
ADMIN_HOST = f"{ADMIN}.{ADMIN_CLUSTER}.nm.internal"

MOMENT = "2026-11-21T10:00:00Z"
SECOND_LATER = "2026-11-21T10:00:01Z"
TWO_SECONDS_LATER = "2026-11-21T10:00:02Z"
DAY_LATER = "2026-11-22T10:00:00Z"
WEEK_LATER = "2026-11-28T10:00:00Z"

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": EVENT_ID,
    "source": "https://github.com/wenet-ec/edge-core",
    "type": EVENT_TYPE,
    "time": "2026-11-21T10:00:02.184301Z",
    "datacontenttype": "application/json",
    "corename": "default",
    "data": {
        "command_execution_id": EXECUTION_ID,
        "command_id": COMMAND_ID,
        "node_id": NODE_ID,
        "cluster_name": CLUSTER,
        "command_text": COMMAND_TEXT,
        "timeout": 30000,
        "status": "completed",
        "exit_code": 0,
        "target_all": False,
        "expired_at": DAY_LATER,
        "sent_at": SECOND_LATER,
        "completed_at": TWO_SECONDS_LATER,
        "cancelled_at": None,
        "inserted_at": MOMENT,
        "updated_at": TWO_SECONDS_LATER,
    },
}

TEST_EVENT: dict[str, Any] = {**EVENT, "type": "edge.webhook.test", "data": {"webhook_id": WEBHOOK_ID}}
