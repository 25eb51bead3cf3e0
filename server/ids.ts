import { randomUUID } from 'node:crypto'
import { customAlphabet } from 'nanoid'

/** Identifiers as a port, so that a test can make them repeatable. */
export interface Ids {
  /** A UUID v4, the id of every API resource. */
  uuid(): string
  /** 32 characters of `[a-z0-9]`, unguessable: tokens, log session and attach secrets. */
  secret(): string
}

const secret = customAlphabet('abcdefghijklmnopqrstuvwxyz0123456789', 32)

export const systemIds: Ids = { uuid: () => randomUUID(), secret: () => secret() }
