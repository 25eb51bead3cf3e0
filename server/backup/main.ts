import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseConfig } from '../config.ts'
import { dockerEngine } from '../engine/docker.ts'
import { lock } from '../lock.ts'
import { isKeyOf, nextOf } from '../secrets/rotation.ts'
import { backups } from './backup.ts'

/** `dozen backup FILE [--no-images]` and `dozen restore FILE [--keys FILE]`, on the machine itself. */
async function main() {
  const [verb, ...rest] = process.argv.slice(2)
  const options = { 'no-images': { type: 'boolean' }, keys: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: true })
  const [file] = positionals
  if (!file || positionals.length > 1) throw new Error(`Name one file: dozen ${verb} /backup/dozen.tar`)
  const config = parseConfig(process.env)
  const engine = dockerEngine({ socket: config.dockerSocket })
  const all = backups({ home: config.home, engine, keys: { isKeyOf, nextOf }, say: (line) => console.error(line) })
  if (verb === 'backup') return all.backup(resolve(file), { images: !values['no-images'], instance: config.instance })
  const unlock = await lock(config.home, 'controller').catch(() => {
    throw new Error(`A dozen runs on ${config.home}: stop it first.`)
  })
  await all.restore(resolve(file), values.keys)
  unlock()
}

main().catch((cause: Error) => {
  console.error(`dozen: ${cause.message}`)
  process.exit(1)
})
