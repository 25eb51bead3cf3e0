import { describe, expect, it } from 'vitest'
import { checkHost } from '../outside.ts'
import { remoteHosts } from './remote-sources.ts'

const METADATA = '169.254.169.254'
const hosts = (...lines: string[]) => remoteHosts(['FROM scratch', ...lines, ''].join('\n'), { WHERE: METADATA })

describe('remote sources of a Dockerfile', () => {
  it.each([
    ['as they are', `ADD http://${METADATA}/latest /x`],
    ['in small letters, indented', `  add https://${METADATA}/ /x`],
    ['after options', `ADD --chown=1:1 --keep-git-dir=true git://${METADATA}/x.git#main /x`],
    ['in the form of JSON', `ADD ["http://${METADATA}/a b", "/x"]`],
    ['among others', `ADD a.txt http://${METADATA}/b /x/`],
    ['for whoever builds on it', `ONBUILD ADD http://${METADATA}/ /x`],
    ['over several lines', `ADD \\\n# a remark\n\n  http://169.254.\\\n169.254/ /x`],
    ['in quotes', `ADD h"tt"p://'${METADATA}'/ /x`],
    ['with escapes', `ADD http\\://${METADATA}/ /x`],
    ['as a number', 'ADD http://0xa9fea9fe/ /x'],
    ['as another number', 'ADD http://2852039166/ /x'],
    ['with a user and a port', `ADD http://user:pass@${METADATA}:80/ /x`],
    ['as ssh has it', `ADD git@${METADATA}:a/b.git /x`],
    ['by a build arg', 'ARG WHERE', 'ADD http://$WHERE/ /x'],
    ['by a build arg that has another default', 'ARG WHERE=example.com', 'ADD http://${WHERE}/ /x'],
    ['by a default', `ARG HOST=${METADATA}`, 'ADD http://${HOST}/ /x'],
    ['by a default on the spot', `ADD http://\${NOWHERE:-${METADATA}}/ /x`],
    ['by a variable of a variable', `ENV A=${METADATA} B="http://$A"`, 'ENV C $B/', 'ADD $C /x'],
  ])('are found %s', (_, ...lines) => {
    expect(hosts(...lines)).toEqual([METADATA])
  })

  it('are found where the Dockerfile chose another escape', () => {
    expect(remoteHosts('# escape=`\nFROM scratch\nADD `\n http://10.0.0.1/ /x\n', {})).toEqual(['10.0.0.1'])
  })

  it('are no files, comments, other instructions or variables', () => {
    expect(
      hosts('# ADD http://10.0.0.1/ /x', 'ADD a.txt /x', 'ENV API=http://10.0.0.1', 'RUN curl http://10.0.0.1', 'COPY a b'),
    ).toEqual([])
  })

  it.each([METADATA, '127.0.0.1', '::1', '10.1.2.3', 'localhost', 'LOCALHOST.', 'a.localhost', '::ffff:a9fe:a9fe'])(
    'are refused at %s',
    async (host) => {
      const [found] = hosts(`ADD http://${host.includes(':') ? `[${host}]` : host}/ /x`)
      await expect(checkHost(found!)).rejects.toThrow(/inside this machine or its network/)
    },
  )

  it('takes no longer for a Dockerfile made to take long', () => {
    expect(remoteHosts(`ENV A=x\n${'ENV A=$A$A$A$A$A$A$A$A\n'.repeat(50)}ADD ${'$A'.repeat(50_000)} /x`, {})).toEqual([])
  })

  it.each([
    ['remarks', '# escape\n'.repeat(200_000)],
    ['empty lines', '\n'.repeat(200_000)],
    ['blanks', `ADD${' '.repeat(200_000)}\u2028`],
    ['continued lines', 'ADD a \\\n\n'.repeat(50_000)],
    ['quotes', `ENV ${`"'`.repeat(100_000)}`],
    ['variables', `ENV A=b\nADD ${'$A'.repeat(100_000)} /x`],
    ['names of users', `ADD ${'a@'.repeat(100_000)} /x`],
  ])('are looked for in many %s without end to end again', (_, text) => {
    expect(remoteHosts(`${text}\nADD http://${METADATA}/ /x\n`, {})).toContain(METADATA)
  })
})
