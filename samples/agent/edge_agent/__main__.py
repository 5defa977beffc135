import sys

if not __package__:  # started by this file's path, as EDGE_AGENT is; Python then does not know where the package is
    sys.path.insert(0, __file__.rpartition("/edge_agent/")[0])

from edge_agent.cli import main

sys.exit(main())
