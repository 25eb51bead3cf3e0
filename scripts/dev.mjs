// `npm run dev`: the platform from the working tree. A change in the sources rebuilds and starts `dozen up` anew; apps keep running.
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { join } from 'node:path'
import { bundle, fingerprint } from './build.mjs'
import { ROOT } from './setup/programs.mjs'
import { setUp } from './setup/setup.mjs'
import { explain, say } from './setup/steps.mjs'

const WATCHED = ['server', 'router', 'cli', 'db']
let child
let isEnding = false

function up() {
  child = spawn(process.execPath, [join(ROOT, 'bin/dozen.mjs'), 'up'], { stdio: ['ignore', 'inherit', 'inherit'] })
  const mine = child
  child.on('close', (code) => {
    if (mine === child && !isEnding) say(`\`dozen up\` ended with status ${code}; the next change starts it again.`)
  })
}

const stop = () =>
  new Promise((done) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return done()
    child.once('close', () => done())
    child.kill('SIGTERM')
  })

let last = ''
let queue = Promise.resolve()

async function renew() {
  const now = fingerprint()
  if (now === last) return
  last = now
  try {
    await bundle()
  } catch {
    say('The build failed; what ran before still runs. The next change builds again.')
    return
  }
  say('Rebuilt; starting again.')
  await stop()
  if (!isEnding) up()
}

async function main() {
  try {
    await setUp()
  } catch (error) {
    explain(error)
    process.exitCode = 1
    return
  }
  last = fingerprint()
  up()
  let pending
  const changed = (_, file) => {
    if (!/\.(ts|sql)$/.test(file ?? '') || file.endsWith('.test.ts')) return
    clearTimeout(pending)
    pending = setTimeout(() => (queue = queue.then(renew)), 150)
  }
  const watchers = WATCHED.map((folder) => watch(join(ROOT, folder), { recursive: true }, changed))
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      isEnding = true
      for (const watcher of watchers) watcher.close()
      clearTimeout(pending)
      void stop()
    })
}

await main()
