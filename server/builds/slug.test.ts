import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import tar from 'tar-stream'
import { expect, it } from 'vitest'
import { slugTree } from './slug.ts'

function archive(names: readonly string[]) {
  const pack = tar.pack()
  for (const name of names) pack.entry({ name }, name)
  pack.finalize()
  return Readable.from(pack)
}

it('is what an archive holds below ./app, with the Procfile of its process types in the place of its own', async () => {
  const found: Record<string, string> = {}
  const tree = slugTree(archive(['./app/Procfile', './app/bin/run', './other', 'app/x']), 'web: ./x\n')
  for await (const entry of tree.pipe(tar.extract())) found[entry.header.name] = await text(entry)
  expect(found).toEqual({ 'bin/run': './app/bin/run', x: 'app/x', Procfile: 'web: ./x\n' })
})

it('is refused when it is no archive, and nobody else is harmed', async () => {
  await expect(text(slugTree(Readable.from([Buffer.alloc(1024, 'x')]), 'web: ./x\n'))).rejects.toThrow()
})

it('is refused when there is no app in it', async () => {
  await expect(text(slugTree(archive(['server.js', 'package.json']), 'web: ./x\n'))).rejects.toThrow('nothing below ./app')
})
