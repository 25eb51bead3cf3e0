import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json, progress } from '../../output.ts'
import type { Certificate } from '../../shapes.ts'
import { table, when } from '../../table.ts'

const PATH = 'sni-endpoints'

/** GET /apps/:app/sni-endpoints */
export const list: Make = (context) =>
  appCommand('certs', "list an app's certificates")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<Certificate>(appPath(app, PATH))
      const row = ({ name, ssl_cert: cert }: Certificate) => [name, cert.cert_domains.join(', '), cert.expires_at, cert.issuer]
      const head = ['Name', 'Host names', 'Expires', 'Issuer']
      printList(context, options, {
        items,
        title: `${app} Certificates`,
        empty: `${app} has no certificates of its own.`,
        head,
        row,
      })
    })

/** GET /apps/:app/sni-endpoints/:name */
export const info: Make = (context) =>
  appCommand('certs:info', 'show a certificate')
    .argument('<name>', 'its name')
    .option('--json', 'print it as JSON')
    .action(async (name: string, options: AppOption & JsonOption) => {
      const certificate = await context.api.get<Certificate>(appPath(await context.app(options.app), PATH, name))
      if (options.json) return json(context, certificate)
      const { cert_domains: hosts, expires_at: expires, issuer, subject } = certificate.ssl_cert
      table([
        ['Name:', certificate.name],
        ['Host names:', hosts.join(', ')],
        ['Used for:', certificate.domains.join(', ')],
        ['Issuer:', issuer],
        ['Subject:', subject],
        ['Expires:', when(expires, context.now()).replace(/ \(.*/, '')],
      ]).forEach(context.out)
    })

function pem({ cwd }: Context, path: string, kind: RegExp): string {
  let text = ''
  try {
    text = readFileSync(resolve(cwd, path), 'utf8')
  } catch (cause) {
    throw new CliError(`${path} cannot be read.`, { cause })
  }
  if (!kind.test(text))
    throw new CliError(
      `${path} is not what it should be: a PEM file of ${kind.source.includes('KEY') ? 'a private key' : 'certificates'}.`,
    )
  return text
}

const files = (context: Context, chain: string, key: string) => ({
  certificate_chain: pem(context, chain, /-----BEGIN CERTIFICATE-----/),
  private_key: pem(context, key, /-----BEGIN [A-Z ]*PRIVATE KEY-----/),
})

/** POST /apps/:app/sni-endpoints */
export const add: Make = (context) =>
  appCommand('certs:add', 'add a certificate of your own')
    .argument('<chain>', 'PEM file: the certificate, then the intermediate ones')
    .argument('<key>', 'PEM file: its private key')
    .action(async (chain: string, key: string, options: AppOption) => {
      const app = await context.app(options.app)
      const made = context.api.post<Certificate>(appPath(app, PATH), files(context, chain, key))
      await progress(context, `Adding certificate to ${app}`, made, ({ name }) => name)
    })

/** PATCH /apps/:app/sni-endpoints/:name */
export const update: Make = (context) =>
  appCommand('certs:update', 'replace a certificate')
    .argument('<name>', 'its name')
    .argument('<chain>', 'PEM file: the certificate, then the intermediate ones')
    .argument('<key>', 'PEM file: its private key')
    .action(async (name: string, chain: string, key: string, options: AppOption) => {
      const app = await context.app(options.app)
      const changed = context.api.patch<Certificate>(appPath(app, PATH, name), files(context, chain, key))
      await progress(context, `Updating certificate ${name} of ${app}`, changed)
    })

/** DELETE /apps/:app/sni-endpoints/:name */
export const remove: Make = (context) =>
  appCommand('certs:remove', 'remove a certificate')
    .argument('<name>', 'its name')
    .action(async (name: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing certificate ${name} from ${app}`, context.api.delete(appPath(app, PATH, name)))
    })
