// `npm start`: everything a fresh checkout needs, then `dozen up` in the foreground. Needs no package, since it installs them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { endAll, ROOT } from './setup/programs.mjs'
import { deploySample } from './setup/sample.mjs'
import { setUp } from './setup/setup.mjs'
import { duration, explain, say, step } from './setup/steps.mjs'

const home = resolve((process.env.DOZEN_HOME || join(homedir(), '.dozen')).replace(/^~(?=\/|$)/, homedir()))

const EXIT = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
let onSignal = (signal) => {
  endAll()
  process.exit(EXIT[signal])
}

async function main() {
  for (const signal of Object.keys(EXIT)) process.on(signal, () => onSignal(signal))
  const startedAt = performance.now()
  try {
    await setUp()
  } catch (error) {
    explain(error)
    return 1
  }
  const isNew = !existsSync(join(home, 'dozen.db'))
  return up(() => {
    say(`Started in ${duration(performance.now() - startedAt)}.`)
    return isNew ? welcome() : undefined
  })
}

/** Runs the supervisor with our signals passed on; `onReady` once it says so. Resolves with its exit status. */
function up(onReady) {
  const child = spawn(process.execPath, [join(ROOT, 'bin/dozen.mjs'), 'up'], { stdio: ['ignore', 'pipe', 'inherit'] })
  onSignal = (signal) => child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal)
  let isReady = false
  createInterface({ input: child.stdout }).on('line', (line) => {
    process.stdout.write(`${line}\n`)
    if (isReady || !line.includes('dozen is ready')) return
    isReady = true
    setImmediate(() => void onReady())
  })
  return new Promise((done) => {
    child.on('error', (error) => {
      say(`\`dozen up\` could not be started: ${error.message}`)
      done(1)
    })
    child.on('close', (code, signal) => done(code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1)))
  })
}

async function welcome() {
  try {
    let sample
    await step('sample app', async (progress) => {
      sample = await deploySample(home, progress)
      return 'deployed by git push'
    })
    say(`\n${sample.url} answers: ${sample.line}`)
  } catch (error) {
    explain(error)
  }
  say(
    [
      '',
      'What next, in another terminal:',
      `  export PATH="${join(ROOT, 'bin')}:$PATH"`,
      ...(process.env.DOZEN_HOME ? [`  export DOZEN_HOME="${home}"`] : []),
      '  dozen logs --app hello --tail       follow what it writes',
      '  dozen ps:scale worker=1 --app hello start its worker',
      '  dozen create                        in a git repository of yours; then: git push dozen main',
      '',
    ].join('\n'),
  )
}

process.exit(await main())
