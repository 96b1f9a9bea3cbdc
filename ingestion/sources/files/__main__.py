"""Try the files of a connection without writing anything.

``python -m ingestion.sources.files maven`` reads the files the mapping names, with
``${NAME}`` from the environment, and says what would land or what is wrong.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from ingestion.mapping import MappingError, connection_path, load_connection

from .batch import read_files
from .problems import FilesError


def main(arguments: Sequence[str]) -> int:
    """Read the files of one connection; 0 when they could be landed."""
    parser = argparse.ArgumentParser(prog="python -m ingestion.sources.files")
    parser.add_argument("connection", help="name in ingestion/connections, or a file")
    name = parser.parse_args(arguments).connection
    try:
        batch = read_files(load_connection(connection_path(name), os.environ))
    except (MappingError, FilesError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for table, rows in batch.tables.items():
        sys.stdout.write(f"{table}: {rows.num_rows} rows\n")
    for warning in batch.warnings:
        sys.stdout.write(f"warning: {warning}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
