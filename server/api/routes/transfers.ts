import type { Transfer } from '../../apps/transfers.ts'
import { AppError, invalid, notFound } from '../../errors.ts'
import { appNamed, DELETE, GET, listed, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'

const shown = ({ id, app, owner, recipient, createdAt }: Transfer) => ({
  id,
  app,
  owner,
  recipient,
  state: 'accepted',
  created_at: createdAt.toISOString(),
  updated_at: createdAt.toISOString(),
})

function nameOf(value: unknown, ...fields: string[]): string {
  const given = typeof value === 'object' && value ? (value as Record<string, unknown>) : {}
  const found = typeof value === 'string' ? value : fields.map((field) => given[field]).find(Boolean)
  if (typeof found !== 'string') throw invalid('A transfer needs {"app":"shop","recipient":"bob@example.com"}.')
  return found
}

/** A transfer is accepted as it is made, so there is nothing to accept, decline or take back afterwards. */
export function transferRoutes(deps: Deps): Route[] {
  const { transfers, accounts, useCases } = deps
  const found = (call: Call) => transfers.find(call.account.id, call.params['transfer']!)
  const create = (call: Call) => {
    const app = appNamed(deps, call, nameOf(call.body['app'], 'id', 'name'), 'manage')
    const recipient = accounts.findByEmailOrId(nameOf(call.body['recipient'], 'email', 'id'))
    if (!recipient) throw notFound('user')
    const to = useCases.apps.transfer(app, call.account, recipient).owner
    return ok(shown(transfers.record(app, to)), 201)
  }
  const over = (call: Call) => {
    const { app, recipient } = found(call)
    throw new AppError(
      'conflict',
      `${app.name} belongs to ${recipient.email} already: they can give it back with \`dozen apps:transfer\`.`,
    )
  }
  return [
    GET('/account/app-transfers', 'identity', (call) =>
      listed(transfers.list(call.account.id), { id: (one) => one.id, created_at: (one) => one.createdAt.toISOString() }, shown),
    ), // curl
    POST('/account/app-transfers', 'write', create), // dozen apps:transfer
    GET('/account/app-transfers/:transfer', 'identity', (call) => ok(shown(found(call)))), // curl
    PATCH('/account/app-transfers/:transfer', 'write', over), // curl
    DELETE('/account/app-transfers/:transfer', 'write', over), // curl
  ]
}
