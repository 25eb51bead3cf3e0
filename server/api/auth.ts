import type { Request } from 'express'
import type { Accounts, Caller, Scope } from '../accounts/accounts.ts'
import type { Attempts } from './attempts.ts'
import { AppError } from '../errors.ts'

/** The token of a request: `Bearer TOKEN`, or Basic with the token as password (git, heroku-client). Never from the URL. */
export function tokenOf(req: Pick<Request, 'headers'>): string | undefined {
  const [kind = '', value = ''] = (req.headers.authorization ?? '').split(/\s+/, 2)
  if (/^bearer$/i.test(kind)) return value || undefined
  if (!/^basic$/i.test(kind)) return undefined
  const text = Buffer.from(value, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1) || undefined
}

/** Throws unauthorized; rate_limit for an address that has sent too many wrong tokens. */
export function callerOf(
  { accounts, attempts }: { accounts: Pick<Accounts, 'authenticate'>; attempts: Attempts },
  req: Pick<Request, 'headers' | 'socket'>,
): Caller {
  const token = tokenOf(req)
  const caller = token === undefined ? undefined : accounts.authenticate(token)
  if (!caller && token !== undefined) attempts.wrong(req.socket.remoteAddress)
  if (!caller)
    throw new AppError(
      'unauthorized',
      'Invalid credentials provided. `dozen login` saves a token; `dozen tokens:create` makes one.',
    )
  return caller
}

/** What each scope of a token covers (Heroku's OAuth scopes, and `deploy`: git push only). */
const COVERS: Record<Scope, readonly Scope[]> = {
  global: ['global', 'identity', 'read', 'write', 'read-protected', 'write-protected', 'deploy'],
  'write-protected': ['identity', 'read', 'write', 'read-protected', 'write-protected'],
  'read-protected': ['identity', 'read', 'read-protected'],
  write: ['identity', 'read', 'write'],
  read: ['identity', 'read'],
  identity: ['identity'],
  deploy: ['identity', 'deploy'],
}

/** Throws forbidden when the token is not for this. */
export function checkScope({ token }: Caller, needed: Scope): void {
  if (token.scope.some((scope) => COVERS[scope as Scope].includes(needed))) return
  throw new AppError('forbidden', `This token's scope (${token.scope.join(', ')}) does not cover this: it needs ${needed}.`)
}
