"""Compare a chain's contracts with this build: `python scripts/verify_deployment.py --rpc URL [--json]`.

The same as `assay verify-deployment`, which says how. Exit code 2 when something differs.
"""

from __future__ import annotations

import sys

from assay.cli.main import app

if __name__ == "__main__":
    app(["verify-deployment", *sys.argv[1:]], prog_name="verify_deployment")
