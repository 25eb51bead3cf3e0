import { describe, expect, it } from 'vitest'
import { chooseWay, declaredArgs } from './source.ts'

const files = (all: Record<string, string>) => new Map(Object.entries(all))

describe('what builds an app', () => {
  it('is its own buildpack setting before anything in the tree', () => {
    const way = chooseWay(files({ Dockerfile: '', 'heroku.yml': '' }), { buildpacks: ['heroku/nodejs'] })
    const buildpacks = { names: ['heroku/nodejs'], why: "the app's buildpack setting says so" }
    expect(way).toEqual({ by: 'buildpacks', buildpacks })
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

  it('is heroku.yml before a Dockerfile, with its args, release and run commands', () => {
    const yaml =
      'build:\n  docker: {web: deploy/Dockerfile}\n  config: {A: 1}\nrelease: {command: [migrate, seed]}\nrun: {web: serve, worker: {command: [work]}}\n'
    expect(chooseWay(files({ 'heroku.yml': yaml, Dockerfile: '' }), {})).toMatchObject({
      by: 'dockerfile',
      dockerfile: 'deploy/Dockerfile',
      args: { A: '1' },
      processTypes: { web: 'serve', worker: 'work', release: 'migrate && seed' },
    })
  })

  it('is a Dockerfile before detection, with the image’s own command as web unless there is a Procfile', () => {
    expect(chooseWay(files({ Dockerfile: '' }), {})).toMatchObject({ processTypes: { web: '' } })
    expect(chooseWay(files({ Dockerfile: '', Procfile: 'w: x' }), {})).toMatchObject({ processTypes: { w: 'x' } })
  })

  it('is a buildpack else', () => expect(chooseWay(files({}), {})).toMatchObject({ by: 'buildpacks' }))

  it.each([
    ['build: {}', 'no build.docker'],
    ['build: {docker: {web: A, worker: B}}', 'from different images'],
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
