/**
 * Functions that may do more than their statement, by what the catalog says of them: those in C (only such can reach a
 * session, other sessions and the server) that
 * - their author declares to touch the session or the database (PARALLEL RESTRICTED or, by default, UNSAFE;
 *   https://www.postgresql.org/docs/current/parallel-safety.html), unless they are IMMUTABLE, or
 * - are VOLATILE and of PostgreSQL itself, whose label of parallel safety says less: pg_terminate_backend() is SAFE.
 *
 * Those without another argument than SQL can give; no aggregates. Their names, as the text of a JSON array.
 */
export const functionNames = `(SELECT pg_catalog.json_agg(DISTINCT p.proname)::text
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE l.lanname IN ('c', 'internal') AND p.prokind <> 'a'
    AND (p.proparallel = 'r' OR (p.proparallel = 'u' AND p.provolatile <> 'i')
      OR (p.provolatile = 'v' AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace))
    AND p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)
    AND 'pg_catalog.internal'::pg_catalog.regtype <> ALL (p.proargtypes::pg_catalog.oid[]))`

/** Those of them that are harmless, with the reason for each group. What is not here is refused. */
export const HARMLESS = new Set(
  [
    // Answer with something new each time, and change nothing. (setseed, which decides what random answers, is refused.)
    'clock_timestamp timeofday random random_normal gen_random_uuid uuidv4 uuidv7 array_sample array_shuffle',
    'normal_rand gen_ulid gen_monotonic_ulid',
    // A sequence is its tables': who may insert draws numbers. (What the connection drew last, currval and lastval tell.)
    'nextval',
    // Wait, and are ended by statement_timeout.
    'pg_sleep',
    // Locks that end with the transaction.
    'pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared',
    // Messages that are sent when the transaction commits.
    'pg_notify pg_notification_queue_usage pg_listening_channels pg_logical_emit_message',
    // What this statement, transaction and connection are.
    'current_query current_schema current_schemas age pg_current_xact_id pg_current_xact_id_if_assigned txid_current',
    'txid_current_if_assigned txid_status pg_xact_status pg_xact_commit_timestamp pg_xact_commit_timestamp_origin',
    'pg_last_committed_xact pg_export_snapshot pg_backend_pid pg_my_temp_schema pg_trigger_depth inet_client_addr',
    'inet_client_port inet_server_addr inet_server_port ssl_cipher ssl_client_cert_present ssl_client_dn',
    'ssl_client_dn_field ssl_client_serial ssl_extension_info ssl_is_used ssl_issuer_dn ssl_issuer_field ssl_version',
    // Whether a server is a standby, and how far it has come.
    'pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_last_wal_receive_lsn',
    'pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn pg_current_wal_insert_lsn',
    'pg_current_wal_flush_lsn',
    // The catalog, sizes and locks: how much there is, never what.
    'pg_relation_size pg_table_size pg_indexes_size pg_total_relation_size pg_database_size pg_tablespace_size',
    'pg_partition_tree pg_partition_ancestors pg_get_viewdef pg_lock_status pg_blocking_pids',
    'pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked pg_collation_actual_version',
    'pg_database_collation_actual_version pg_jit_available pg_conf_load_time',
    // Read tables, and no text as SQL.
    'table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema',
    'schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema',
    // Its form with two arguments runs a text as SQL: the gate counts them.
    'ts_rewrite',
    // PostGIS: a window function that only computes.
    'st_clusterkmeans',
  ].flatMap((names) => names.split(' ')),
)
