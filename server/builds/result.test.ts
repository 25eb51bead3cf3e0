import { expect, it } from 'vitest'
import { discovered, parseRelease } from './result.ts'

it('tells what will run: the Procfile first, then what the buildpack adds to it', () => {
  const release = 'default_process_types: {web: x, console: irb}'
  expect(discovered({ release, procfile: 'web: mine\nworker: y\n', buildpacks: ['Ruby'] })).toEqual([
    '-----> Discovering process types',
    '       Procfile declares types     -> web, worker',
    '       Default types for Ruby -> console',
  ])
  expect(discovered({ release: '', procfile: '', buildpacks: ['Python'] })).toEqual([
    '-----> Discovering process types',
    '       Procfile declares types     -> (none)',
    expect.stringContaining('Nothing says what to run'),
  ])
})

it.each([
  ['--- {}', {}, {}],
  ['---', {}, {}],
  ['---\n', {}, {}],
  ['', {}, {}],
  ['addons: [heroku-postgresql]\ndefault_process_types: {web: x}', { web: 'x' }, {}],
  ['---\naddons:\nconfig_vars:\n  A: 1\n  B: "yes"\ndefault_process_types:\n', {}, { A: '1', B: 'yes' }],
  ['--- \ndefault_process_types:\n  web: bin/x -p $PORT\n  console: irb', { web: 'bin/x -p $PORT', console: 'irb' }, {}],
])('understands the release %j', (text, processTypes, configVars) => {
  expect(parseRelease(text)).toEqual({ processTypes, configVars })
})
