"""Connection files: what the fields, stages and people of a firm's system mean.

One YAML file in ``ingestion/connections`` maps one connected system to the canonical
names of the warehouse. Everything wrong with a file is found in one reading and told
with file and line; nothing is guessed. The content reaches SQL in two ways: rows of
schema ``mapping`` (`write_mapping`) and dbt variables (`dbt_vars`).
"""

from ingestion.mapping.entities import ALWAYS_GIVEN, ENTITIES, Entity
from ingestion.mapping.landed import landed_columns, unmapped_stages, without_absent
from ingestion.mapping.model import (
    AccessUser,
    Account,
    Channel,
    Connection,
    EntitySource,
    FileColumn,
    FileTable,
    MappingError,
    Setting,
    StageLimit,
    VatMode,
    column_name,
    one_password,
)
from ingestion.mapping.names import (
    ACCESS_ROLES,
    CONNECTIONS_FOLDER,
    DEAL_FIELDS,
    DEAL_TYPES,
    DEFAULT_SETTINGS,
    EMPLOYEE_FIELDS,
    ENTITY_FIELDS,
    FUNCTIONS,
    LEAD_STATES,
    RESERVED_USERNAMES,
    ROLES,
    SETTINGS_START,
    SOURCES,
    STAGES,
    USERNAME,
)
from ingestion.mapping.reader import (
    check_together,
    connection_path,
    load_connection,
    load_connections,
)
from ingestion.mapping.sources import GivenColumn, given_columns, given_entities
from ingestion.mapping.tables import mapping_tables, write_mapping
from ingestion.mapping.variables import DbtVar, dbt_vars, fingerprint

__all__ = [
    "ACCESS_ROLES",
    "ALWAYS_GIVEN",
    "CONNECTIONS_FOLDER",
    "DEAL_FIELDS",
    "DEAL_TYPES",
    "DEFAULT_SETTINGS",
    "EMPLOYEE_FIELDS",
    "ENTITIES",
    "ENTITY_FIELDS",
    "FUNCTIONS",
    "LEAD_STATES",
    "RESERVED_USERNAMES",
    "ROLES",
    "SETTINGS_START",
    "SOURCES",
    "STAGES",
    "USERNAME",
    "AccessUser",
    "Account",
    "Channel",
    "Connection",
    "DbtVar",
    "Entity",
    "EntitySource",
    "FileColumn",
    "FileTable",
    "GivenColumn",
    "MappingError",
    "Setting",
    "StageLimit",
    "VatMode",
    "check_together",
    "column_name",
    "connection_path",
    "dbt_vars",
    "fingerprint",
    "given_columns",
    "given_entities",
    "landed_columns",
    "load_connection",
    "load_connections",
    "mapping_tables",
    "one_password",
    "unmapped_stages",
    "without_absent",
    "write_mapping",
]
