import type { Account } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { type CliError, ExitStatus } from '../../errors.ts'
import { appOfRemote, git } from '../../git.ts'
import { json } from '../../output.ts'
import { safe, styled } from '../../terminal.ts'
import { version } from '../../version.ts'

type Finding = { check: string; ok: boolean; found: string; hint?: string | undefined }

/** Each check finds something or throws; the ones after a dead server are not worth asking, and are not asked. */
export const doctor: Make = (context) =>
  command('doctor', 'check this client, its settings and the server')
    .option('--json', 'print the findings as JSON')
    .action(async (options: JsonOption) => {
      const findings: Finding[] = [await check('client', () => `dozen ${version()}, Node.js ${process.version}`)]
      findings.push(await check('git', () => gitVersion(context)))
      const server = await check('server', () => health(context))
      findings.push(server)
      if (server.ok) findings.push(await check('account', () => account(context)))
      findings.push(await check('folder', () => folder(context)))
      if (options.json) json(context, findings)
      else findings.forEach((finding) => print(context, finding))
      if (findings.some(({ ok }) => !ok)) throw new ExitStatus(1)
    })

async function check(name: string, look: () => string | Promise<string>): Promise<Finding> {
  try {
    return { check: name, ok: true, found: await look() }
  } catch (error) {
    const { message, hint } = error as CliError
    return { check: name, ok: false, found: message, hint }
  }
}

async function gitVersion({ cwd }: Context): Promise<string> {
  const found = await git(cwd, '--version')
  if (!found) throw new Error('There is no git on the PATH: install it to deploy with `git push`.')
  return found
}

async function health({ api, settings }: Context): Promise<string> {
  const started = performance.now()
  const response = await api.open('GET', '/health', { anonymous: true })
  response.resume()
  return `${settings.url()} answers in ${Math.round(performance.now() - started)} ms`
}

async function account({ api, settings }: Context): Promise<string> {
  const { email } = await api.get<Account>('/account')
  return `${email}, by the token from ${settings.token().from}`
}

async function folder({ cwd }: Context): Promise<string> {
  const remote = await git(cwd, 'remote', 'get-url', 'dozen')
  return remote ? `deploys to ${appOfRemote(remote) ?? remote}` : 'no git remote dozen here: say the app with -a'
}

function print({ out, terminal }: Context, { check: name, ok, found, hint }: Finding): void {
  out(`${ok ? styled(terminal, 'green', 'ok     ') : styled(terminal, 'red', 'problem')}  ${name.padEnd(8)}  ${safe(found)}`)
  if (hint) out(`                   ${safe(hint)}`)
}
