// What SET LOCAL may change: settings that end with the transaction and harm at most the one who set them. Not among them
// are those by which statements are read or policies decided: the tenant's and other settings with a dot, search_path,
// role, row_security, session_replication_role, transaction_read_only, client_encoding, standard_conforming_strings,
// escape_string_warning, backslash_quote, and what prints plans or logs (https://www.postgresql.org/docs/current/runtime-config.html).
const NAMES = new Set(
  `statement_timeout lock_timeout deadlock_timeout idle_in_transaction_session_timeout transaction_timeout
work_mem hash_mem_multiplier maintenance_work_mem synchronous_commit effective_cache_size effective_io_concurrency
random_page_cost seq_page_cost constraint_exclusion cursor_tuple_fraction default_statistics_target from_collapse_limit
join_collapse_limit recursive_worktable_factor plan_cache_mode jit geqo max_parallel_workers_per_gather
min_parallel_table_scan_size min_parallel_index_scan_size gin_fuzzy_search_limit default_text_search_config
timezone datestyle intervalstyle bytea_output extra_float_digits xmlbinary xmloption lc_monetary lc_numeric lc_time
application_name`.split(/\s/),
)
const FAMILIES = /^(?:enable_[a-z_]+|(?:cpu|parallel|jit)_[a-z_]+_(?:cost|above_cost)|geqo_[a-z_]+)$/
// Settings of extensions have a dot, as the tenant's has: these by their whole names.
const OF_EXTENSIONS =
  /^(?:pg_trgm\.(?:strict_)?(?:word_)?similarity_threshold|hnsw\.(?:ef_search|iterative_scan|max_scan_tuples|scan_mem_multiplier)|ivfflat\.(?:probes|iterative_scan|max_probes))$/

/** @param words what follows `SET LOCAL`, in lower case; `''` for what was quoted */
export function mayBeSetLocally(words: readonly string[]): boolean {
  const [name = '', dot, rest = ''] = words
  if (dot === '.') return OF_EXTENSIONS.test(`${name}.${rest}`) && words[3] !== '.'
  // SET LOCAL TIME ZONE 'UTC', SET LOCAL XML OPTION CONTENT
  if ((name === 'time' && dot === 'zone') || (name === 'xml' && dot === 'option')) return true
  return NAMES.has(name) || FAMILIES.test(name)
}
