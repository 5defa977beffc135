"""The tools of an API for assistants, over the Model Context Protocol: each tool is an operation of the API."""
