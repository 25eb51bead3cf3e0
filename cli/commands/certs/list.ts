import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json } from '../../output.ts'
import type { Domain } from '../../../server/api/wire.ts'
import type { Certificate } from '../../shapes.ts'
import { table, until, when } from '../../table.ts'
import type { Context } from '../../context.ts'
import { safe } from '../../terminal.ts'

const PATH = 'sni-endpoints'

/** GET /apps/:app/sni-endpoints */
export const list: Make = (context) =>
  appCommand('certs', "list an app's certificates")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<Certificate>(appPath(app, PATH))
      const row = ({ name, ssl_cert: cert }: Certificate) => [name, cert.cert_domains.join(', '), cert.expires_at, cert.issuer, cert.acm ? 'dozen' : 'you'] // prettier-ignore
      const head = ['Name', 'Host names', 'Expires', 'Issuer', 'Renewed by']
      printList(context, options, {
        items,
        title: `${app} Certificates`,
        empty: `${app} has no certificates.`,
        head,
        row,
      })
      if (!options.json) await failures(context, app)
    })

/** One line for each host name whose certificate is not to be had. */
async function failures({ api, err, now }: Context, app: string): Promise<void> {
  for (const { hostname, acm_status: status, acm_status_reason: reason, acm_next_at: next } of await api.list<Domain>(appPath(app, 'domains')))
    if (status?.startsWith('fail')) err(safe(`${hostname}: ${reason}${next ? ` Next try ${until(next, now())}.` : ''}`))
} // prettier-ignore

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
