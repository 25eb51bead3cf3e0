import { openDb, type Db } from '../../db/open.ts'

/** An in-memory database with one account (`u1`) and one app (`a1`, "shop"). */
export function shopDb(): Db {
  const db = openDb(':memory:')
  db.exec(
    `INSERT INTO accounts (id, email, name, admin, created_at, updated_at) VALUES ('u1', 'dev@example.com', NULL, 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')`,
  )
  db.exec(
    `INSERT INTO apps (id, name, owner_id, stack, maintenance, created_at, updated_at) VALUES ('a1', 'shop', 'u1', 'heroku-22', 0, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')`,
  )
  return db
}

export const user = { id: 'u1', email: 'dev@example.com' }
export const shop = {
  id: 'a1', name: 'shop', owner: user, stack: 'heroku-22', maintenance: false, createdAt: new Date(0), updatedAt: new Date(0),
} as const // prettier-ignore
