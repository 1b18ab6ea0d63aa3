"""
python -m binn COMMAND ...: runs a module of this package. What a user can mend (a missing folder, a file that cannot be read, data that do not fit) is said in one
sentence, status 2; BINN_TRACEBACK=1 shows where it came from.
"""

from __future__ import annotations

import importlib
import os
import sys

import pyarrow as pa


def main() -> int:
    command = sys.argv.pop(1)
    sys.argv[0] = f"binn {command}"
    try:
        return importlib.import_module(f".{command}", __package__).main() or 0
    except (OSError, ValueError, RuntimeError, pa.ArrowInvalid) as error:
        if os.environ.get("BINN_TRACEBACK"):
            raise
        print(f"{command}: {error} (BINN_TRACEBACK=1 shows where)", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
