import { expect, it } from 'vitest'
import { parseVars } from './dotenv.ts'
import { shellQuote } from './pairs.ts'

it.each([
  ['A=1\nB=two words\n', { A: '1', B: 'two words' }],
  ['# a comment\n\nexport A=1 # why\r\nURL=postgres://u:p@h/db?x=1#frag\n', { A: '1', URL: 'postgres://u:p@h/db?x=1#frag' }],
  ["A='it'\\''s'\nB=\"x\\ny \\\"z\\\" $HOME\"\n", { A: "it's", B: 'x\ny "z" $HOME' }],
  ["KEY='-----BEGIN-----\nabc\n-----END-----' # a key\nB=", { KEY: '-----BEGIN-----\nabc\n-----END-----', B: '' }],
  ['{"A": "1", "B": "x\\ny"}', { A: '1', B: 'x\ny' }],
])('reads %j', (text, vars) => expect(parseVars(text)).toEqual(vars))

it('reads what `config --shell` writes', () => {
  const vars = { A: "it's 5 o'clock", B: 'a\nb', C: '', D: 'a=b "c" \\n $X `id` # no comment', E: "'" }
  const text = Object.entries(vars).map(([key, value]) => `${key}=${shellQuote(value)}`).join('\n') // prettier-ignore
  expect(parseVars(text)).toEqual(vars)
})

it.each([
  ['A=1\nnonsense here', 'Line 2 is not KEY=value: "nonsense here"'],
  ["A='open\nand open", 'A quote is not closed in line 2.'],
  ['{"A": 1}', 'That is not a JSON object of strings.'],
])('refuses %j', (text, message) => expect(() => parseVars(text)).toThrow(message))
