import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import tar from 'tar-stream'
import { expect, it } from 'vitest'
import { ignoring } from './dockerignore.ts'
import { changedNames, spool } from './spool.ts'

type Entry = [Parameters<ReturnType<typeof tar.pack>['entry']>[0], string?]
const file = (name: string, content = name, mtime = 0): Entry => [{ name, mtime: new Date(mtime) }, content]

function packed(entries: Entry[]) {
  const pack = tar.pack()
  for (const [header, content] of entries) pack.entry(header, content ?? '')
  pack.finalize()
  return buffer(pack)
}
const take = async (entries: Entry[], limitBytes = 1e9, isUpload = false) =>
  spool(Readable.from([await packed(entries)]), { limitBytes, signal: new AbortController().signal, isUpload })
const upload = (...entries: Entry[]) => take(entries, 1e9, true)
const link = (name: string, linkname: string): Entry => [{ name, type: 'symlink', linkname }]

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
  ['a file below a link', [link('a', 'b'), file('a/x')], 'lies below "a", which is a link'],
])('refuses %s', async (_, entries, message) => {
  await expect(take(entries)).rejects.toThrow(message)
})

it('refuses more bytes than allowed, and what is no tar (ABUSE 32)', async () => {
  await expect(take([file('a', 'x'.repeat(5000))], 1000)).rejects.toThrow('larger than 1000 bytes')
  const garbage = Readable.from([Buffer.alloc(2048, 7)])
  await expect(spool(garbage, { limitBytes: 1e6, signal: new AbortController().signal })).rejects.toThrow('no readable tar')
})

it('takes links of a repository as they are, but lets none of an upload leave the tree (ABUSE 48)', async () => {
  const leaving = [link('a/b', '../../etc/passwd'), link('a', '/etc'), link('x', '..'), link('x', '/application')]
  for (const one of leaving) {
    await expect(take([one])).resolves.toBeDefined()
    await expect(upload(one)).rejects.toThrow('outside of the tree')
  }
  await expect(upload(link('a/b', '../c'), link('d', '/app/e'), link('f', './g'))).resolves.toBeDefined()
})

it('takes the one folder off that is around an uploaded tree, and set-id bits with it (ABUSE 25)', async () => {
  const wrapped = [file('shop-1a2b/'), file('shop-1a2b/Procfile', 'web: x'), file('shop-1a2b/lib/Procfile', 'no')]
  const source = await upload(...wrapped, [{ name: 'shop-1a2b/sh', mode: 0o6755 }, 'x'])
  expect([...source.files]).toEqual([['Procfile', 'web: x']])
  const modes: Record<string, string> = {}
  for await (const entry of source.open().pipe(tar.extract())) {
    modes[entry.header.name] = entry.header.mode!.toString(8)
    entry.resume()
  }
  expect(modes).toEqual({ Procfile: '644', 'lib/Procfile': '644', sh: '755' })
  expect(await namesOf((await upload(file('bin/compile'))).open())).toEqual(['bin/compile'])
  expect(await namesOf((await take(wrapped)).open())).toEqual(['shop-1a2b/', 'shop-1a2b/Procfile', 'shop-1a2b/lib/Procfile'])
})

it('reads a tree of 100,000 files, and refuses one of more than allowed (ABUSE 32)', async () => {
  const header = (await packed([file('f0000000', '')])).subarray(0, 512)
  const tarOf = async function* (count: number) {
    for (let from = 0; from < count; from += 1000) {
      const names = Array.from({ length: Math.min(1000, count - from) }, (_, at) =>
        named(header, `f${String(from + at).padStart(7, '0')}`),
      )
      yield Buffer.concat(names)
    }
    yield Buffer.alloc(1024)
  }
  const read = (count: number) =>
    spool(Readable.from(tarOf(count)), { limitBytes: 1e9, signal: new AbortController().signal, maxEntries: 100_000 })
  await (await read(100_000)).dispose()
  await expect(read(100_001)).rejects.toThrow('more than 100000 files')
}, 120_000)

/** The header with another name of the same length (POSIX ustar: the checksum is the sum of the bytes, its own field as blanks). */
function named(header: Buffer, name: string): Buffer {
  const copy = Buffer.from(header)
  copy.write(name, 0, 'latin1')
  copy.fill(0x20, 148, 156)
  copy.write(
    `${copy
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  )
  return copy
}

it('warns of names that differ only in case', async () => {
  const { warnings } = await take([file('README.md'), file('src/readme.md'), file('Readme.md')])
  expect(warnings).toEqual([expect.stringMatching(/^"Readme.md" and "README.md" differ only in case/)])
})

it('warns of LFS pointers and submodules', async () => {
  const { warnings } = await take([file('.gitmodules', ''), file('a.bin', 'version https://git-lfs.github.com/spec/v1\noid x')])
  expect(warnings.join()).toMatch(/submodules.*"a.bin" is a Git LFS pointer/)
})

it('leaves out what .dockerignore names, and what it brings back stays', async () => {
  const source = await take(['a.md', 'README.md', 'node_modules/x/y', 'src/a.md'].map((name) => file(name)))
  const isIgnored = ignoring('*.md\n!README.md\nnode_modules\n')
  const kept = (name: string) => (isIgnored(name) ? undefined : name)
  expect(await namesOf(changedNames(source.open(), kept))).toEqual(['README.md', 'src/a.md'])
})

it('gives a folder as a tree of its own, hard links included', async () => {
  const hard: Entry = [{ name: 'app/b', type: 'link', linkname: 'app/a' }]
  const source = await take([file('app/a'), hard, file('app/x/y'), file('apple'), file('z')])
  const inner = (name: string) => (name.startsWith('app/') ? name.slice(4) : undefined)
  const names: string[] = []
  for await (const { header } of changedNames(source.open(), inner).pipe(tar.extract()))
    names.push(header.linkname ? `${header.name} → ${header.linkname}` : header.name)
  expect(names).toEqual(['a', 'b → a', 'x/y'])
})
