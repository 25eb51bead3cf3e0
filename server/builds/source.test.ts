import { describe, expect, it } from 'vitest'
import { chooseWay, declaredArgs } from './source.ts'

const files = (all: Record<string, string>) => new Map(Object.entries(all))

describe('what builds an app', () => {
  it('is its own buildpack setting before anything in the tree', () => {
    const way = chooseWay(files({ Dockerfile: '', 'heroku.yml': '' }), { buildpacks: ['heroku/nodejs'] })
    const buildpacks = { names: ['heroku/nodejs'], why: "the app's buildpack setting says so" }
    expect(way).toEqual({ by: 'buildpacks', buildpacks })
  })

  it('is nothing for a slug, which was compiled elsewhere, whatever the settings say', () => {
    for (const setting of [{}, { buildpacks: ['heroku/nodejs'] }, { stackSetting: 'container' }])
      expect(chooseWay(files({ Dockerfile: 'FROM x', 'heroku.yml': 'x' }), { ...setting, isSlug: true })).toEqual({
        by: 'buildpacks',
        buildpacks: { names: ['heroku/procfile'], why: 'a slug is released as it is' },
      })
  })
  it('is what app.json names, then what .buildpacks names, then found by detection', () => {
    const appJson = '{"buildpacks": [{"url": "heroku/nodejs"}, {"url": "https://example.com/a#v1"}]}'
    const lines = '# mine\nhttps://example.com/b\n\nheroku/go\n'
    const names = (all: Record<string, string>) => {
      const way = chooseWay(files(all), {})
      return way.by === 'buildpacks' && way.buildpacks.names
    }
    expect(names({ 'app.json': appJson, '.buildpacks': lines })).toEqual(['heroku/nodejs', 'https://example.com/a#v1'])
    expect(names({ 'app.json': '{"name": "x"}', '.buildpacks': lines })).toEqual(['https://example.com/b', 'heroku/go'])
    expect(names({ 'package.json': '{}' })).toEqual([])
    expect(() => names({ 'app.json': '{' })).toThrow('app.json is not valid JSON')
    expect(() => names({ 'app.json': '{"buildpacks": [{"uri": 1}]}' })).toThrow('should be like')
  })

  it.each([
    ['app.json', JSON.stringify({ buildpacks: [{ url: 'file:///root/.dozen/repos/a1.git' }] })],
    ['app.json', JSON.stringify({ buildpacks: ['heroku/nodejs', '/root/.dozen/repos/a1.git#main'] })],
    ['.buildpacks', 'heroku/nodejs\n/root/.dozen/repos/a1.git\n'],
  ])('is never a folder of the machine that %s names: another app’s repository, say (ABUSE 13, 27)', (name, text) => {
    const setting = name === '.buildpacks' ? [{}, { buildpacks: ['multi'] }] : [{}]
    for (const one of setting) expect(() => chooseWay(files({ [name]: text }), one)).toThrow(/a folder of this machine/)
  })

  it('takes heroku/multi for what .buildpacks names, in its place', () => {
    const way = (all: Record<string, string>, buildpacks: string[]) => chooseWay(files(all), { buildpacks })
    const lines = 'https://example.com/b\nheroku/go\n'
    expect(way({ '.buildpacks': lines }, ['heroku/nodejs', 'heroku/multi'])).toMatchObject({
      buildpacks: { names: ['heroku/nodejs', 'https://example.com/b', 'heroku/go'] },
    })
    expect(() => way({}, ['multi'])).toThrow('needs a file .buildpacks')
  })

  it('is heroku.yml before a Dockerfile, with its args, release and run commands', () => {
    const yaml =
      'build:\n  docker: {web: deploy/Dockerfile}\n  config: {A: 1}\nrelease: {command: [migrate, seed]}\nrun: {web: serve, worker: {command: [work]}}\n'
    expect(chooseWay(files({ 'heroku.yml': yaml, Dockerfile: '' }), {})).toMatchObject({
      by: 'dockerfile',
      main: { dockerfile: 'deploy/Dockerfile', context: 'deploy' },
      others: {},
      args: { A: '1' },
      processTypes: { web: 'serve', worker: 'work', release: 'migrate && seed' },
    })
  })

  it('may be several images in heroku.yml: process types and the release run in the one of their name, or in the one they name', () => {
    const yaml = `build: {docker: {web: Dockerfile, worker: {dockerfile: work/Dockerfile, target: slim}, clock: Dockerfile}}
run: {clock: tick, mailer: {command: mail, image: worker}}
release: {image: worker, command: [./migrate]}`
    const worker = { dockerfile: 'work/Dockerfile', context: 'work', target: 'slim' }
    expect(chooseWay(files({ 'heroku.yml': yaml }), {})).toMatchObject({
      main: { dockerfile: 'Dockerfile', context: '' },
      others: { worker, mailer: worker, release: worker },
      processTypes: { web: '', worker: '', clock: 'tick', mailer: 'mail', release: './migrate' },
    })
  })

  it('is a Dockerfile before detection, with the image’s own command as web unless there is a Procfile', () => {
    expect(chooseWay(files({ Dockerfile: '' }), {})).toMatchObject({ processTypes: { web: '' } })
    expect(chooseWay(files({ Dockerfile: '', Procfile: 'w: x' }), {})).toMatchObject({ processTypes: { w: 'x' } })
  })

  it('is a buildpack else', () => expect(chooseWay(files({}), {})).toMatchObject({ by: 'buildpacks' }))

  it.each([
    ['build: {}', 'no build.docker'],
    ['{build: {docker: {web: A}}, run: {web: {image: B}}}', 'run.web names the image "B", but build.docker has web'],
    ['build: {docker: {web: ../Dockerfile}}', 'outside of the tree'],
    ['build: {docker: {"we b": Dockerfile}}', 'Procfile'],
    ['a: [', 'not valid YAML'],
    ['text', 'not valid YAML'],
  ])('refuses heroku.yml %s', (yaml, message) => {
    expect(() => chooseWay(files({ 'heroku.yml': yaml }), {})).toThrow(message)
  })

  it('says what is missing for the container stack', () => {
    expect(() => chooseWay(files({}), { stackSetting: 'container' })).toThrow('no Dockerfile and no heroku.yml')
  })
})

describe('the args that a Dockerfile declares', () => {
  it('are found in every stage, with defaults, several in one line and over line ends', () => {
    const text = 'ARG BASE=x\nFROM $BASE\narg One="a b" TWO\n  ARG \\\n  THREE=3\nRUN echo ARG NO\n# ARG COMMENT\n'
    expect([...declaredArgs(text)]).toEqual(['BASE', 'One', 'TWO', 'THREE'])
  })
})
