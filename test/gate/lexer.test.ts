// Proves that SQL is cut into words as PostgreSQL cuts it: nothing in a string or comment is taken for SQL, and no SQL
// for a string or comment.
import { expect, test } from 'vitest'

import { tokens } from '../../src/gate/lexer.js'

/** The tokens as one line: words bare, quoted names in quotes, literals as ?. */
function read(sql: string): string | undefined {
  return tokens(sql)
    ?.map(({ kind, text }) => (kind === 'literal' ? '?' : kind === 'quoted' ? JSON.stringify(text) : text))
    .join(' ')
}

test.each([
  ['words are folded to lower case', 'SeLeCt Set_Config', 'select set_config'],
  ['quoted names are kept as they are', '"Set_Config" "a""b" "a;b"', '"Set_Config" "a\\"b" "a;b"'],
  ['only ASCII letters are folded', 'SET_CON\u212aFIG İ É', 'set_con\u212afig İ É'],
  ['names take dollars, digits and other alphabets', 'a$b$c1 _x naïve 💼', 'a$b$c1 _x naïve 💼'],
  ['a no-break space is part of a name', 'a\u00a0b', 'a\u00a0b'],
  ['white space is space, tab, line breaks, form feed', 'a \t\n\r\f b', 'a b'],
  ['a line comment ends at either line break', 'a -- b\nc -- d\re', 'a c e'],
  ['a line comment ends with the text', 'a --b', 'a'],
  ['block comments nest', 'a /* /* b */ c */ d', 'a d'],
  ['a comment begins inside an operator', 'a +-- b\n+/* c */ d', 'a + + d'],
  ['a comment holds quotes', 'a /* \' " $$ */ b -- \' " $$\nc', 'a b c'],
  ['a string holds comments and semicolons', "a '; -- /*' b", 'a ? b'],
  ['a doubled quote goes on', "a 'b''c' d", 'a ? d'],
  ['a backslash is plain in a plain string', "a '\\' b", 'a ? b'],
  ['a backslash escapes in E', "a E'\\' b' c e'\\\\' d", 'a ? c ? d'],
  ['a string goes on after a line break', "a 'b'\n'c' d", 'a ? d'],
  ['an E string goes on as one', "a E'b'\n'\\'' c", 'a ? c'],
  ['an E string goes on after a comment', "a E'b' -- x\n \t'\\'' c", 'a ? c'],
  ['on the same line it does not', "a E'b' '\\' c", 'a ? ? c'],
  ['bit strings and national strings are strings', "B'01' x'1F' N'a'", '? ? ?'],
  ['a name that ends in e begins no E string', "type'\\' b", 'type ? b'],
  ['dollar quotes hold anything', 'a $$ ; \' " -- /* $$ b', 'a ? b'],
  ['dollar quotes end with their own tag', 'a $x$ $$ $y$ $x$ b', 'a ? b'],
  ['a dollar in a name begins no dollar quote', 'a$$ b $$', undefined],
  ['tags know case', 'a $x$ $X$ b $x$ c', 'a ? c'],
  ['parameters are literals, and may touch a dollar quote', '$1 $2$$ ; $$ b', '? ? ? b'],
  ['numbers are literals', '1 .5 1e3 1_000 0x1F 1.', '? ? ? ? ? ?'],
  ['symbols stand alone', 'a.b(c);', 'a . b ( c ) ;'],
])('%s', (_, sql, expected) => {
  expect(read(sql)).toBe(expected)
})

test.each([
  ['a string', "a 'b"],
  ['an E string after an escaped quote', "a E'b\\'"],
  ['a string that goes on', "a 'b'\n'c"],
  ['a quoted name', 'a "b'],
  ['a block comment', 'a /* b'],
  ['a nested block comment', 'a /* /* b */'],
  ['a dollar quote', 'a $x$ b $y$'],
])('a text that ends inside %s is not read', (_, sql) => {
  expect(tokens(sql)).toBeUndefined()
})

test.each(['U&"\\0073et_config"', 'u&"a"', 'select U&"set!005fconfig"(1) UESCAPE \'!\''])(
  '%s, a name in disguise, is not read',
  (sql) => {
    expect(tokens(sql)).toBeUndefined()
  },
)

test('U&\'…\' is a string, and x & "y" two names', () => {
  expect(read("U&'\\0061'")).toBe('u & ?')
  expect(read('xu&"a" u &"a"')).toBe('xu & "a" u & "a"')
})

test('a long text is read in time in proportion to its length', () => {
  const start = performance.now()
  expect(tokens(`a${' --\n'.repeat(200_000)}`)).toHaveLength(1)
  expect(tokens(`a ${"'b' -- c\n".repeat(100_000)}`)).toHaveLength(2)
  expect(tokens(`a ${'$x '.repeat(200_000)}`)).toBeDefined()
  expect(performance.now() - start).toBeLessThan(5000)
})
