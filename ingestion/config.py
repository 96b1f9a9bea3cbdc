"""How rows reach PostgreSQL: the destination, the schema contract, dlt on a leash.

dlt looks for settings in the current folder, in ``~/.dlt`` and in the environment,
and reports its use to its makers. Inside `dlt_settings` it does none of that: it knows
the settings written here and works in one folder of the home.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Final

import dlt
import pyarrow as pa  # type: ignore[import-untyped]
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.doc import CustomLoaderDocProvider
from dlt.common.configuration.providers.provider import ConfigProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.common.destination.client import LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.runtime.run_context import RunContext
from dlt.common.schema.typing import TSchemaContract
from dlt.common.storages.file_storage import FileStorage
from dlt.destinations.impl.postgres.factory import postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresCsvCopyJob
from pyarrow.csv import CSVWriter  # type: ignore[import-untyped]

# New tables and columns are welcome; a known column that changes its type is not.
CRM_SCHEMA_CONTRACT: Final[TSchemaContract] = {
    "tables": "evolve",
    "columns": "evolve",
    "data_type": "freeze",
}
LOADED_AT: Final = "_loaded_at"
ROW_HASH: Final = "_row_hash"
FILE_FORMAT: Final = "csv"
COPY_BYTES: Final = 1 << 20
# Rows of one file: so many are sent to the database at once.
FILE_ROWS: Final = 200_000

_DLT_SETTINGS: Final = {
    "normalize": {
        "workers": 1,
        "data_writer": {"disable_compression": True, "buffer_max_items": 20_000},
    },
    "sources": {"data_writer": {"disable_compression": True}},
    "data_writer": {"disable_compression": True},
    "extract": {"workers": 8, "max_parallel_items": 8},
    "load": {
        "workers": 2,
        "delete_completed_jobs": True,
        "truncate_staging_dataset": True,
        "raise_on_failed_jobs": True,
    },
}


@dataclass(frozen=True)
class WrittenFile:
    """Rows of one table, ready for COPY.

    Attributes:
        path: The file; its first line names the columns.
        rows: How many rows it has.
        columns: Of all its rows.
    """

    path: Path
    rows: int
    columns: Sequence[str]


def csv_files(
    batches: Iterable[pa.Table], folder: Path, name: str
) -> Iterator[WrittenFile]:
    """Write batches of rows into files that COPY takes as they are.

    Args:
        batches: Rows; later batches may have more columns.
        folder: Where the files are made, a part of the home: nobody else reads them.
        name: Begins the names of the files.
    """
    same_columns = groupby(batches, key=lambda batch: batch.schema)
    number = 0
    for schema, following in same_columns:
        rest = following
        while (first := next(rest, None)) is not None:
            number += 1
            path, rows = folder / f"{name}.{number}.{FILE_FORMAT}", 0
            with CSVWriter(path, schema) as writer:
                for batch in chain([first], rest):
                    writer.write_table(batch)
                    rows += batch.num_rows
                    if rows >= FILE_ROWS:
                        break
            yield WrittenFile(path, rows, schema.names)


@contextmanager
def rows_folder(folder: Path) -> Iterator[Path]:
    """An empty folder for files of rows, gone when the block ends.

    Args:
        folder: dlt's working folder: it links the files instead of copying them.
    """
    made = folder / "rows"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700)
    try:
        yield made
    finally:
        shutil.rmtree(made)


class VerbatimCopyJob(PostgresCsvCopyJob):
    """COPY that keeps an empty text apart from NULL.

    dlt's own job forces empty texts to NULL; a CRM answers both, and raw tables hold
    values as they came.
    """

    def run(self) -> None:
        """Copy the file; its first line names the columns."""
        client = self._job_client.sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        with FileStorage.open_zipsafe_ro(self._file_path, "rb") as file:
            header = file.readline().decode("utf-8").strip()
            names = [
                client.escape_column_name(name.strip('"')) for name in header.split(",")
            ]
            copy = (
                f"COPY {table} ({','.join(names)}) FROM STDIN "
                "WITH (FORMAT CSV, NULL '', ENCODING 'utf-8')"
            )
            with (
                client.begin_transaction(),
                client.native_connection.cursor() as cursor,
            ):
                cursor.copy_expert(copy, file, size=COPY_BYTES)


class VerbatimClient(PostgresClient):
    """PostgreSQL client of dlt with `VerbatimCopyJob`."""

    def create_load_job(
        self,
        table: PreparedTableSchema,
        file_path: str,
        load_id: str,
        restore: bool = False,
    ) -> LoadJob:
        """The job that loads one file."""
        if file_path.endswith(f".{FILE_FORMAT}"):
            return VerbatimCopyJob(file_path)
        return super().create_load_job(table, file_path, load_id, restore)


class warehouse(postgres):  # noqa: N801 -- dlt names destinations in lower case
    """PostgreSQL as a dlt destination that keeps values as they came."""

    @property
    def client_class(self) -> type[PostgresClient]:
        """The client that runs the load jobs."""
        return VerbatimClient


class _HomeContext(RunContext):
    """A dlt run context that lives in one folder and reads no other settings."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._folder = str(folder)
        self._global_dir = self._folder

    @property
    def run_dir(self) -> str:
        return self._folder

    @property
    def local_dir(self) -> str:
        return self._folder

    @property
    def data_dir(self) -> str:
        return self._folder

    @property
    def settings_dir(self) -> str:
        return os.fspath(Path(self._folder) / "settings")

    def initial_providers(self) -> list[ConfigProvider]:
        """Only what this module says; no environment, no files."""
        return [CustomLoaderDocProvider("reestr", lambda: dict(_DLT_SETTINGS))]

    def initialize_runtime(
        self, runtime_config: RuntimeConfiguration | None = None
    ) -> None:
        """Start dlt without telemetry."""
        if runtime_config is None:
            runtime_config = RuntimeConfiguration(
                dlthub_telemetry=False, log_level="ERROR"
            )
        super().initialize_runtime(runtime_config)


@contextmanager
def dlt_settings(folder: Path) -> Iterator[None]:
    """Keep dlt inside a folder while the block runs.

    Args:
        folder: dlt's working folder, a part of the home.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    context = PluggableRunContext(_HomeContext(folder))
    with Container().injectable_context(context):
        context.add_extras()
        yield


def make_pipeline(
    name: str, *, schema: str, database_url: str, folder: Path
) -> dlt.Pipeline:
    """A dlt pipeline with a clean working folder.

    What an interrupted run left there is dropped: positions live in the database and
    move only after the rows have landed, so the next run reads the same rows again.

    Args:
        name: Name of the pipeline, one per connection.
        schema: Schema of the raw tables.
        database_url: Address of the warehouse with the loader's login.
        folder: Working folder of dlt, the one given to `dlt_settings`.
    """
    shutil.rmtree(folder / "pipelines" / name, ignore_errors=True)
    pipeline = dlt.pipeline(
        pipeline_name=name,
        pipelines_dir=str(folder / "pipelines"),
        destination=warehouse(credentials=database_url),
        dataset_name=schema,
    )
    # What the tables look like is asked of the tables.
    pipeline.config.restore_from_destination = False
    return pipeline
