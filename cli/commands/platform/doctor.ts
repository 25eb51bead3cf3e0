import { account, certificates, findings as ofServer, folder, gitVersion, health } from '../../checks.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { type CliError, ExitStatus } from '../../errors.ts'
import { json } from '../../output.ts'
import { safe, styled } from '../../terminal.ts'
import { version } from '../../version.ts'

type Finding = { check: string; ok: boolean; found: string; hint?: string | undefined }

/** Each check finds something or throws; the ones after a dead server are not worth asking, and are not asked. */
export const doctor: Make = (context) =>
  command('doctor', 'check this client, its settings, the server and the apps')
    .option('--json', 'print the findings as JSON')
    .action(async (options: JsonOption) => {
      const findings: Finding[] = [await check('client', () => `dozen ${version()}, Node.js ${process.version}`)]
      findings.push(await check('git', () => gitVersion(context)))
      const server = await check('server', () => health(context))
      findings.push(server)
      if (server.ok) findings.push(await check('account', () => account(context)), ...(await remote(context)))
      if (server.ok) findings.push(await check('certs', () => certificates(context)))
      findings.push(await check('folder', () => folder(context)))
      if (options.json) json(context, findings)
      else findings.forEach((finding) => print(context, finding))
      if (findings.some(({ ok }) => !ok)) throw new ExitStatus(1)
    })

async function remote(context: Context): Promise<Finding[]> {
  try {
    return (await ofServer(context)).map(({ check, app, hint, ...rest }) => ({
      ...rest,
      check: app ?? check,
      hint: hint ?? undefined,
    }))
  } catch {
    return [] // the account's own check says why
  }
}

async function check(name: string, look: () => string | Promise<string>): Promise<Finding> {
  try {
    return { check: name, ok: true, found: await look() }
  } catch (error) {
    const { message, hint } = error as CliError
    return { check: name, ok: false, found: message, hint }
  }
}

function print({ out, terminal }: Context, { check: name, ok, found, hint }: Finding): void {
  out(`${ok ? styled(terminal, 'green', 'ok     ') : styled(terminal, 'red', 'problem')}  ${name.padEnd(8)}  ${safe(found)}`)
  if (hint) out(`                   ${safe(hint)}`)
}
