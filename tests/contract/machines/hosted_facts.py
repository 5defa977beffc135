"""Facts of the published document of the hosted nodes' service: its operations with their statuses, the fields of its
schemas with their types, its enumerations. A test compares them with the document where its folder is given."""

OPERATIONS = {
    "GET /api/nodes": {200, 500},
    "POST /api/nodes": {200, 400, 500},
    "DELETE /api/nodes": {200, 400},
    "GET /api/nodes/{id}": {200, 400, 404},
    "GET /api/webhook-public-key": {200, 500},
    "GET /api/nodes/latest-rln-image": {200, 500},
    "POST /api/nodes/{id}/upgrade": {200, 400, 500},
    "POST /api/nodes/{id}/settings": {200, 400, 500},
    "POST /api/nodes/{id}/start": {200, 400, 404},
    "POST /api/nodes/{id}/stop": {200, 400, 404},
    "POST /api/nodes/{id}/logs": {200, 400, 404},
    "GET /api/nodes/{id}/logs": {200, 400, 404},
    "POST /api/nodes/{id}/generate-cert": {200, 400, 404},
}

NODE = {
    "builds": "array",
    "initialized": "boolean",
    "invoke_url": "string",
    "name": "string",
    "nodeId": "string",
    "port": "integer",
    "protocol": "string",
    "peerDNS": "string",
    "peerPort": "integer",
    "network": "string",
    "status": "string",
    "settings": "object",
}
BUILD = {
    "action": "string",
    "buildComplete": "boolean",
    "buildNumber": "integer",
    "buildStatus": "string",
    "currentPhase": "string",
    "id": "string",
    "timestamp": "string",
}
STATUSES = {"STARTING", "RUNNING", "DESTROING", "DESTROYED", "IN_PROGRESS", "FAILED"}
BUILD_STATUSES = {"SUCCESS", "FAILURE", "IN_PROGRESS"}
NETWORKS = {"regtest", "testnet"}

CREATE = {"name", "network"}
"""The required fields of a new node."""

DESTROY = {"destroyNodeId"}

ANSWERS = {
    "GET /api/nodes": {"nodes"},
    "POST /api/nodes": {"data", "message"},
    "DELETE /api/nodes": {"message"},
    "GET /api/webhook-public-key": {"data"},
    "GET /api/nodes/latest-rln-image": {"data"},
    "POST /api/nodes/{id}/upgrade": {"message"},
    "POST /api/nodes/{id}/settings": {"message"},
    "POST /api/nodes/{id}/logs": {"taskId"},
    "GET /api/nodes/{id}/logs": {"data"},
    "POST /api/nodes/{id}/generate-cert": {"certificate", "certificateChain", "privateKey", "publicKey"},
}
"""The fields of answers that are no node."""
