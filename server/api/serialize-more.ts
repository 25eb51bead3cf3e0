import type { Account } from '../accounts/account.ts'
import type { Collaborator } from '../accounts/collaborators.ts'
import type { Key } from '../accounts/keys.ts'
import type { App } from '../apps/app.ts'
import type { Coupling, Pipeline } from '../pipelines/pipelines.ts'
import type { Release } from '../releases/release.ts'
import { FIXED, stackId } from './serialize.ts'

export const collaborator = (c: Collaborator, a: App) => ({
  id: c.id,
  app: { id: a.id, name: a.name },
  user: { id: c.user.id, email: c.user.email, federated: false },
  permissions: c.permissions.map((name) => ({ name, description: name })),
  role: c.user.id === a.owner.id ? 'owner' : 'collaborator',
  created_at: c.createdAt.toISOString(),
  updated_at: c.updatedAt.toISOString(),
})

export const key = (k: Key, owner: Account) => ({
  id: k.id,
  email: owner.email,
  public_key: k.publicKey,
  fingerprint: k.fingerprint,
  comment: k.comment,
  created_at: k.createdAt.toISOString(),
  updated_at: k.updatedAt.toISOString(),
})

export const pipeline = (p: Pipeline) => ({
  id: p.id,
  name: p.name,
  owner: { id: p.ownerId, type: 'user' },
  generation: FIXED.generation,
  created_at: p.createdAt.toISOString(),
  updated_at: p.updatedAt.toISOString(),
})

export const coupling = (c: Coupling, p: Pipeline) => ({
  id: c.id,
  app: { id: c.appId },
  pipeline: { id: p.id, name: p.name },
  stage: c.stage,
  created_at: c.createdAt.toISOString(),
  updated_at: c.updatedAt.toISOString(),
})

/** There is no archive to download: the image is the slug. */
export const slug = (r: Release, a: App, id: string) => ({
  id,
  blob: { method: 'GET', url: `docker://${r.source!.image}` },
  buildpack_provided_description: null,
  checksum: r.source!.image,
  commit: r.source!.commit,
  commit_description: null,
  process_types: { ...r.source!.processTypes },
  size: null,
  stack: { id: stackId(a.stack), name: a.stack },
  created_at: r.createdAt.toISOString(),
  updated_at: r.updatedAt.toISOString(),
  deleted_at: null,
})
