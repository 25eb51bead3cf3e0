import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import tar from 'tar-stream'
import { expect, it } from 'vitest'
import { ignoring } from './dockerignore.ts'
import { spool, withoutFiles } from './spool.ts'

type Entry = [Parameters<ReturnType<typeof tar.pack>['entry']>[0], string?]
const file = (name: string, content = name, mtime = 0): Entry => [{ name, mtime: new Date(mtime) }, content]

function packed(entries: Entry[]) {
  const pack = tar.pack()
  for (const [header, content] of entries) pack.entry(header, content ?? '')
  pack.finalize()
  return buffer(pack)
}
const take = async (entries: Entry[], limitBytes = 1e9) =>
  spool(Readable.from([await packed(entries)]), { limitBytes, signal: new AbortController().signal })

async function namesOf(stream: Readable) {
  const names: string[] = []
  const extract = stream.pipe(tar.extract())
  for await (const entry of extract) {
    names.push(entry.header.name)
    entry.resume()
  }
  return names
}

it('can be read again and again, and tells names and the files that decide', async () => {
  const source = await take([file('Procfile', 'web: x'), file('lib/Procfile', 'no'), file('deploy/Dockerfile', 'FROM x')])
  expect([...source.files.keys()]).toEqual(['Procfile', 'deploy/Dockerfile'])
  expect([...source.root]).toEqual(['Procfile', 'lib', 'deploy'])
  expect(await buffer(source.open())).toEqual(await buffer(source.open()))
  await source.dispose()
})

it('keeps more than memory should hold in a file', async () => {
  const big = 'x'.repeat(9 * 1024 ** 2)
  const source = await take([file('a', big), file('b', big), file('c', big)])
  expect(await namesOf(source.open())).toEqual(['a', 'b', 'c'])
  expect((await buffer(source.open())).length).toBe(source.bytes)
  await source.dispose()
})

it('has a digest of content, not of times', async () => {
  const digest = async (...entries: Entry[]) => (await take(entries)).digest
  const one = await digest(file('a', '1', 0))
  expect(await digest(file('a', '1', 5_000_000))).toBe(one)
  expect(await digest(file('a', '2'))).not.toBe(one)
  expect(await digest([{ name: 'a', mode: 0o755 }, '1'])).not.toBe(one)
})

it.each<[string, Entry[], string]>([
  ['a path above the tree', [file('../x')], 'outside of its tree'],
  ['an absolute path', [file('/etc/x')], 'outside of its tree'],
  ['a hard link out of the tree', [[{ name: 'a', type: 'link', linkname: '../../etc/passwd' }]], 'links to a file outside'],
  ['a device', [[{ name: 'a', type: 'character-device' }]], 'device'],
])('refuses %s', async (_, entries, message) => {
  await expect(take(entries)).rejects.toThrow(message)
})

it('refuses more bytes than allowed, and what is no tar', async () => {
  await expect(take([file('a', 'x'.repeat(5000))], 1000)).rejects.toThrow('larger than 1000 bytes')
  const garbage = Readable.from([Buffer.alloc(2048, 7)])
  await expect(spool(garbage, { limitBytes: 1e6, signal: new AbortController().signal })).rejects.toThrow('no readable tar')
})

it('warns of LFS pointers and submodules', async () => {
  const { warnings } = await take([file('.gitmodules', ''), file('a.bin', 'version https://git-lfs.github.com/spec/v1\noid x')])
  expect(warnings.join()).toMatch(/submodules.*"a.bin" is a Git LFS pointer/)
})

it('leaves out what .dockerignore names, and what it brings back stays', async () => {
  const source = await take(['a.md', 'README.md', 'node_modules/x/y', 'src/a.md'].map((name) => file(name)))
  const isIgnored = ignoring('*.md\n!README.md\nnode_modules\n')
  expect(await namesOf(withoutFiles(source.open(), isIgnored))).toEqual(['README.md', 'src/a.md'])
})
