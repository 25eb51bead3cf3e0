// The first app of a new installation: examples/hello, by a real git push.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT, run } from './programs.mjs'
import { StepFailed } from './steps.mjs'

const NAME = 'hello'

/** Creates the app, pushes it, and resolves once its URL answers, with the URL and the answer's first line. */
export async function deploySample(home, progress) {
  const { api, http } = JSON.parse(readFileSync(join(home, 'endpoints.json'), 'utf8'))
  const token = readFileSync(join(home, 'admin-token'), 'utf8').trim()
  const app = await create(api, token)
  await push(api, token, progress)
  const host = new URL(app.web_url).hostname
  const line = await answer(http, host, progress)
  return { url: `http://${host}:${new URL(http).port || 80}/`, line }
}

async function create(api, token) {
  const answered = await fetch(new URL('/apps', api), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.heroku+json; version=3',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ name: NAME }),
  })
  const body = await answered.json()
  if (!answered.ok) throw new StepFailed(`The sample app could not be created: ${body.message ?? answered.status}`)
  return body
}

async function push(api, token, progress) {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-hello-'))
  const env = {
    ...process.env,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: join(ROOT, 'scripts/setup/askpass.mjs'),
    DOZEN_TOKEN: token,
    GIT_AUTHOR_NAME: 'dozen',
    GIT_AUTHOR_EMAIL: 'dozen@localhost',
    GIT_COMMITTER_NAME: 'dozen',
    GIT_COMMITTER_EMAIL: 'dozen@localhost',
  }
  const git = async (...args) => {
    const done = await run('git', ['-c', 'credential.helper=', ...args], { cwd: folder, env, onLine: progress })
    if (done.code !== 0) throw new StepFailed('The sample app was not deployed; the lines above say why.', done.lines)
  }
  try {
    cpSync(join(ROOT, 'examples/hello'), folder, { recursive: true, filter: (path) => !path.endsWith('/node_modules') })
    await git('init', '--quiet', '--initial-branch=main')
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'Hello')
    await git('push', new URL(`/${NAME}.git`, api).href, 'HEAD:main')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function answer(http, host, progress) {
  const end = performance.now() + 60_000
  for (;;) {
    const { status, body } = await ask(http, host).catch((error) => ({ status: 0, body: error.message }))
    if (status === 200) return body.split('\n')[0]
    if (performance.now() > end)
      throw new StepFailed(
        `The sample app does not answer (${status}: ${body.slice(0, 200)}): \`dozen logs -a ${NAME}\` says why.`,
      )
    progress(`waiting for ${host} to answer`)
    await sleep(100)
  }
}

function ask(http, host) {
  const { hostname, port } = new URL(http)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname: hostname === '0.0.0.0' ? '127.0.0.1' : hostname, port, headers: { host } },
      (incoming) => {
        let body = ''
        incoming.setEncoding('utf8').on('data', (text) => (body += text))
        incoming.on('end', () => resolve({ status: incoming.statusCode, body }))
      },
    )
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error('no answer within 30 s')))
    outgoing.on('error', reject)
    outgoing.end()
  })
}
