// Arbitrary SQL: statements put together from what confuses a reader of SQL, with anything between two words that
// PostgreSQL takes for white space, and texts that were damaged afterwards.
import fc from 'fast-check'

import { sessionFunctions } from './postgres-parser.js'

type Words = string[]
const word = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts)

/** A template of words; arbitraries and nested word lists are filled in. */
function words(strings: TemplateStringsArray, ...parts: fc.Arbitrary<Words | string>[]): fc.Arbitrary<Words> {
  return fc
    .tuple(...parts)
    .map((values) =>
      strings.flatMap((text, i) => [...text.split(' ').filter((each) => each !== ''), ...[values[i] ?? []].flat()]),
    )
}

/** Keywords and bare names in any case: PostgreSQL folds them. */
const oddCase = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) => [...text].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join(''))

/** What strings, quoted names and comments may contain and a careless reader would take for SQL. */
const insides = fc
  .array(
    word(
      'a',
      ' ',
      '\n',
      ';',
      '--',
      '/*',
      '*/',
      '$$',
      '$a$',
      '\\',
      '(',
      ')',
      ',',
      'é',
      '💼',
      'E',
      'U&',
      'COMMIT',
      '; COMMIT; ',
      'set_config(',
      'INTO',
      'SELECT',
      'pg_settings',
      'update ',
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(''))

const lineBreak = word('\n', '\r', ' \n ', '\n\n', ' -- it goes on\n', "\n-- '\n\t")
/** A string of this kind, in one part or in several: it goes on after a line break. */
function quoted(start: string, encode: (inside: string) => string): fc.Arbitrary<string> {
  const part = insides.map(encode)
  return fc
    .tuple(part, fc.array(fc.tuple(lineBreak, part), { maxLength: 1 }))
    .map(([first, more]) => `${start}'${first}'${more.map(([gap, text]) => `${gap}'${text}'`).join('')}`)
}
const doubled = (inside: string): string => `${inside}''`
const backslashed = (inside: string): string => `${inside.replaceAll('\\', '\\\\')}\\'`

const string = fc.oneof(
  quoted('', doubled),
  quoted('', (inside) => inside),
  quoted('E', backslashed),
  quoted('e', (inside) => `${doubled(inside.replaceAll('\\', '\\\\'))}\\\\`),
  quoted('N', doubled),
  quoted('U&', (inside) => doubled(inside.replaceAll('\\', '\\\\'))),
  word("x'1F'", "B'01'", "X''"),
  fc.tuple(word('$$', '$a$', '$_é1$'), insides).map(([tag, inside]) => `${tag}${inside.replaceAll('$', '')}${tag}`),
  insides.map((inside) => `$outer$${inside.replaceAll('$outer$', '')} $inner$ ; COMMIT $inner$ $outer$`),
)

const quotedName = insides.map((inside) => `"${inside.replaceAll('"', '')}${inside.length % 2 ? '""' : ''}x"`)
/** Names that are no session function's, or are not called. */
const name = fc.oneof(
  word(
    'a',
    'b1',
    '_c',
    'naïve',
    'a$b$',
    'e',
    'x',
    'n',
    'u',
    'into_x',
    'set_configs',
    'my_set_config',
    'nowait',
    'begin',
    'commit',
    'insert',
    'merge',
  ),
  quotedName,
  word('"into"', '"select"', '"SET_CONFIG"', '"update"', '"pg_Settings"'),
)
/** Columns that are named as session functions are. */
const column = fc.oneof(name, word(...sessionFunctions), word('t . set_config', 't."set_config"', 't.into', 't.update'))

const separator = fc.oneof(
  { weight: 6, arbitrary: fc.constant(' ') },
  { weight: 1, arbitrary: word('\n', '\t', '\r\n', '\f', '  ') },
  { weight: 1, arbitrary: insides.map((inside) => ` --${inside.replaceAll('\n', '')}\n`) },
  { weight: 1, arbitrary: insides.map((inside) => ` /*${inside.replaceAll(/\/\*|\*\//g, '')}*/ `) },
  { weight: 1, arbitrary: insides.map((inside) => ` /* /*${inside.replaceAll(/\/\*|\*\//g, '')}*/ ' " $$ */ `) },
)

const sessionCall = fc.tuple(word(...sessionFunctions), word('', 'pg_catalog . ', '"pg_catalog".')).chain(
  ([fn, schema]) =>
    words`${fc.oneof(
      oddCase(fn).map((text) => schema + text),
      fc.constant(`${schema}"${fn}"`),
    )} ( 'app.tenant_id' , 'b' , true )`,
)

const settings = word('pg_settings', 'pg_catalog.pg_settings', '"pg_settings"')

const { expression, select } = fc.letrec<{ expression: Words; select: Words; from: Words }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(string, column, word('1', '.5', '1e3', '$1', 'NULL', '0x1F', '1_000')).map((text) => [text]),
    words`( ${tie('expression')} )`,
    words`${tie('expression')} ${word('+', '||', '=', '->>', '@>', 'AND', 'IS DISTINCT FROM', '- -', '%', '#>', '<@')} ${tie('expression')}`,
    words`count ( ${tie('expression')} ) FILTER ( WHERE true )`,
    words`( ${tie('select')} )`,
    words`EXISTS ( ${tie('select')} )`,
    words`CASE WHEN ${tie('expression')} THEN ${tie('expression')} ELSE 2 END`,
    words`CAST ( ${tie('expression')} AS text )`,
    words`( ARRAY [ ${tie('expression')} , 2 ] ) [ 1 : 2 ]`,
    words`coalesce ( ${tie('expression')} , ${tie('expression')} ) :: text COLLATE "C"`,
  ),
  from: fc.oneof(
    { maxDepth: 3 },
    words`${name} AS ${name}`,
    words`${name} . ${name} , LATERAL ( ${tie('select')} ) AS l`,
    words`a JOIN b ON ${tie('expression')}`,
    words`generate_series ( 1 , 2 ) AS g ( into_ )`,
    words`${settings}`,
    words`ts_rewrite ( ${tie('expression')} , 'a' , ( SELECT ARRAY [ 'b' , 'c' ] ) ) AS r`,
  ),
  select: fc.oneof(
    { maxDepth: 3 },
    words`SELECT ${tie('expression')}`,
    words`SELECT ${tie('expression')} AS ${fc.oneof(name, word('into', 'select', 'as', 'set_config'))} FROM ${tie('from')}`,
    words`SELECT DISTINCT ${tie('expression')} FROM ${tie('from')} WHERE ${tie('expression')} ORDER BY 1 LIMIT 1 FOR UPDATE`,
    words`VALUES ( ${tie('expression')} ) , ( DEFAULT )`,
    words`TABLE ${name}`,
    words`${tie('select')} UNION ALL ${tie('select')}`,
    words`( ${tie('select')} ) EXCEPT ( ${tie('select')} )`,
    words`WITH ${name} AS ( ${tie('select')} ) ${tie('select')}`,
    words`WITH w AS MATERIALIZED ( INSERT INTO a VALUES ( ${tie('expression')} ) RETURNING * ) ${tie('select')}`,
  ),
}))

const write = fc.oneof(
  words`INSERT INTO ${name} ( ${column} ) VALUES ( ${expression} ) ON CONFLICT ( a ) DO UPDATE SET b = ${expression} RETURNING *`,
  words`INSERT INTO ${name} AS i ${select}`,
  words`UPDATE ${name} SET b = ${expression} FROM a WHERE ${expression}`,
  words`DELETE FROM ${name} USING a WHERE ${expression} RETURNING ${column}`,
  words`MERGE INTO a USING ( ${select} ) AS s ON ${expression} WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT ( b ) VALUES ( ${expression} )`,
  words`WITH d AS ( DELETE FROM a WHERE ${expression} RETURNING * ) UPDATE b SET c = ( ${select} )`,
)

/** Reads or writes rows, and leaves nothing behind. */
const ordinary = fc.oneof(
  select,
  write,
  words`EXPLAIN ${select}`,
  words`EXPLAIN ( ANALYZE , FORMAT ${word('json', "'json'")} ) ${write}`,
  words`EXPLAIN ANALYZE VERBOSE ${select}`,
  words`LOCK ${word('TABLE', '')} ${name} , ONLY ${name} IN ${word('ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE')} MODE ${word('NOWAIT', '')}`,
  words`INSERT INTO ${name} SELECT ${expression} FROM ${settings} ON CONFLICT ( a ) DO UPDATE SET b = ${expression}`,
  words`SELECT ${expression} FROM ${settings} , ${name} FOR ${word('NO KEY UPDATE', 'UPDATE')} OF ${name}`,
  words`UPDATE ${name} SET b = ( SELECT ${expression} FROM ${settings} )`,
  words`WITH w AS ( UPDATE ${name} SET b = 1 RETURNING * ) SELECT ${expression} FROM w , ${settings}`,
  words`SHOW ${name}`,
)

/** Changes what the connection is for whoever comes next, or calls what does. */
const beyond = fc.oneof(
  words`SELECT ${sessionCall}`,
  words`SELECT ${expression} FROM ${sessionCall} WHERE ${expression}`,
  words`WITH w AS ( SELECT ${sessionCall} ) ${select}`,
  words`INSERT INTO a VALUES ( ${sessionCall} )`,
  words`UPDATE a SET b = ${expression} WHERE ${sessionCall} IS NULL`,
  words`EXPLAIN ANALYZE SELECT ${sessionCall}`,
  words`SELECT ${expression} INTO ${word('TEMP', '', 'TABLE', 'TEMPORARY TABLE', 'UNLOGGED')} ${name} FROM a`,
  words`SELECT 1 ${word('insert', 'merge', 'a', '"insert"')} INTO ${name}`,
  words`SELECT INTO ${name}`,
  words`( SELECT 1 INTO ${name} ) UNION ${select}`,
  words`WITH w AS ( ${select} ) SELECT 1 INTO a FROM w`,
  words`UPDATE ${settings} SET setting = ${expression}`,
  words`UPDATE ONLY ( ${settings} ) AS s SET setting = ${expression}`,
  words`SELECT ts_rewrite ( ${expression} , ${expression} )`,
  words`SELECT ts_rewrite ( ts_rewrite ( ${expression} , ${expression} ) , 'a' , 'b' )`,
  words`SELECT ( "ts_rewrite" ( ARRAY [ 1 , 2 ] , coalesce ( 'a' , 'b' ) ) )`,
  words`LOCK ${word('TABLE', '')} ${name} ${word('', 'NOWAIT', 'IN SHARE MODE', 'IN SHARE ROW EXCLUSIVE MODE NOWAIT', 'IN EXCLUSIVE MODE', 'IN ACCESS EXCLUSIVE MODE')}`,
  words`WITH w AS ( UPDATE pg_settings SET setting = 'b' RETURNING * ) ${select}`,
  words`EXPLAIN ${word('ANALYZE', '( ANALYZE )', '( ANALYZE , VERBOSE false )', '')} CREATE TEMP TABLE a AS ${select}`,
  words`EXPLAIN ANALYZE EXECUTE a`,
  words`EXPLAIN DECLARE a CURSOR FOR ${select}`,
  words`EXPLAIN ( ANALYZE ) CREATE MATERIALIZED VIEW a AS ${select}`,
  words`${word('SET', 'SET SESSION', 'SET LOCAL')} ${word(
    'app.tenant_id',
    'search_path',
    'ROLE',
    'row_security',
    'transaction',
    'constraints',
    'jit.a',
    'transaction.a',
    'local.a',
    'constraints.a',
    '"transaction"',
  )} TO 'b'`,
  words`${word(
    'SET SESSION AUTHORIZATION a',
    'RESET ALL',
    'RESET app.tenant_id',
    'DISCARD ALL',
    'DISCARD TEMP',
    'SET ROLE a',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY',
    'LISTEN a',
    'UNLISTEN *',
    "LOAD 'a'",
    'CHECKPOINT',
    'PREPARE a AS SELECT 1',
    'EXECUTE a',
    'DEALLOCATE ALL',
    'CLOSE ALL',
    'FETCH a',
    'MOVE a',
    'CALL a ( )',
    'DO $$;$$',
    'TRUNCATE a',
    'VACUUM',
    'ANALYZE a',
    'REINDEX TABLE a',
    'GRANT SELECT ON a TO b',
    'REVOKE ALL ON a FROM b',
    'DROP TABLE a',
    'ALTER TABLE a ADD b int',
    'ALTER ROLE a SET app.tenant_id = 1',
    'ALTER SYSTEM SET a = 1',
    'COMMENT ON TABLE a IS NULL',
    'CREATE TABLE a ( )',
    'CREATE TEMP VIEW a AS SELECT 1',
    'CREATE TEMP SEQUENCE a',
    'REFRESH MATERIALIZED VIEW a',
    'COPY a TO STDOUT',
    "COPY a FROM PROGRAM 'b'",
    'COPY ( SELECT 1 ) TO STDOUT',
    'SECURITY LABEL ON TABLE a IS NULL',
    'CLUSTER',
    'REASSIGN OWNED BY a TO b',
    "PREPARE TRANSACTION 'a'",
    "COMMIT PREPARED 'a'",
    "ROLLBACK PREPARED 'a'",
    'CREATE FUNCTION a ( ) RETURNS int BEGIN ATOMIC SELECT 1 ; END',
  ).map((text) => text.split(' '))}`,
  words`DECLARE ${name} CURSOR WITH HOLD FOR ${select}`,
  words`CREATE ${word('TEMP', 'TEMPORARY', '')} TABLE ${name} AS ${select}`,
  words`PREPARE ${name} AS ${select}`,
  words`COPY ( ${select} ) TO STDOUT`,
)

const transactionControl = words`${word(
  'BEGIN',
  'BEGIN WORK',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
  'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED , READ ONLY',
  'START TRANSACTION',
  'START TRANSACTION READ WRITE , NOT DEFERRABLE',
  'COMMIT',
  'COMMIT WORK AND NO CHAIN',
  'COMMIT AND CHAIN',
  'END',
  'END TRANSACTION',
  'END AND CHAIN',
  'ROLLBACK',
  'ABORT',
  'ROLLBACK AND CHAIN',
  'ROLLBACK WORK AND CHAIN',
  'ROLLBACK TO a',
  'ROLLBACK TRANSACTION TO SAVEPOINT "a"',
  'SAVEPOINT a',
  'SAVEPOINT ";COMMIT"',
  'RELEASE SAVEPOINT a',
  'RELEASE a',
  'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'SET TRANSACTION READ ONLY',
  'SET CONSTRAINTS ALL DEFERRED',
).map((text) => text.split(' '))}`

const statement = fc.oneof(
  { weight: 4, arbitrary: ordinary },
  { weight: 3, arbitrary: beyond },
  { weight: 1, arbitrary: transactionControl },
)

const several = fc
  .array(fc.oneof({ weight: 5, arbitrary: statement }, { weight: 1, arbitrary: fc.constant<Words>([]) }), {
    minLength: 2,
    maxLength: 3,
  })
  .map((all) => all.flatMap((each, i) => (i === 0 ? each : [';', ...each])))

/** The words joined, with keywords in odd case. */
const text = (of: fc.Arbitrary<Words>): fc.Arbitrary<string> =>
  of.chain((list) =>
    fc
      .tuple(
        fc.array(separator, { minLength: list.length + 1, maxLength: list.length + 1 }),
        fc.tuple(...list.map((each) => (/^[A-Za-z_]+$/.test(each) ? oddCase(each.toLowerCase()) : fc.constant(each)))),
        word('', '', '', ';', ' ; ;', '\n--', ';--', '/**/'),
      )
      .map(([gaps, cased, end]) => gaps[0] + cased.map((each, i) => each + (gaps[i + 1] ?? ' ')).join('') + end),
  )

const damage = word(
  "'",
  '"',
  '$',
  '$$',
  '$a$',
  '\\',
  ';',
  '--',
  '\n',
  '/*',
  '*/',
  '(',
  ')',
  '.',
  ',',
  'E',
  "E'",
  "e''",
  "'\n'",
  'U&',
  'u&"',
  'N',
  'INTO ',
  ' AS ',
  'COMMIT',
  'set_config',
  'set_config(',
  '::',
  '1',
  '$1',
  'é',
  '\u00a0',
  '\v',
  '/',
  '-',
  '*',
  '&',
  '1e',
  '0x',
  '_',
  ' ',
  "\\'",
  "''",
  '""',
)

/** Up to three places deleted, doubled, moved or written over. */
const damaged = fc
  .tuple(
    text(fc.oneof(statement, several)),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(12),
        fc.oneof({ weight: 2, arbitrary: damage }, { weight: 1, arbitrary: fc.constant('') }),
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  )
  .map(([sql, changes]) =>
    changes.reduce((changed, [place, length, replacement]) => {
      const at = place % (changed.length + 1)
      return changed.slice(0, at) + replacement + changed.slice(at + (length % 4))
    }, sql),
  )

export const ordinarySql = text(ordinary)
export const beyondSql = text(beyond)
export const transactionSql = text(transactionControl)
export const severalSql = text(several)
export const damagedSql = damaged
