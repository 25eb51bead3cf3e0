import type { Clock } from '../clock.ts'
import { failpoint } from '../failpoint.ts'
import type { Vault } from '../secrets/vault.ts'
import { Refused, type Authority, type Challenge, type Order } from './authority.ts'
import { pollMs } from './schedule.ts'
import { withoutOrder, type AcmeStore, type Name } from './store.ts'

/** An order that takes longer is given up. */
const ORDER_MS = 30 * 60_000
const SOON_MS = 1_000

type Deps = {
  store: AcmeStore
  vault: Vault
  clock: Clock
  authority: Authority
  makeKey: () => string
  signingRequest: (host: string, key: string) => Promise<string>
  /** Has the router answer the tokens of all names; false while it cannot be told. */
  publish: () => Promise<boolean>
  /** Hands the certificate over, in the transaction that ends the order. Throws when it is not the one that was ordered. */
  install: (name: Name, pem: { chain: string; key: string }) => void
}

/**
 * One order, step by step. Each step first looks where the authority is, does one thing, and leaves a record before the next: a kill in
 * between costs at most that step again.
 */
export function orders({ store, vault, clock, authority, makeKey, signingRequest, publish, install }: Deps) {
  const keyOf = (name: Name) => vault.open(name.sealedKey!, `acme/${name.hostname}`)
  const later = (ms: number) => new Date(clock.now().getTime() + ms)

  /** Writes the change down; undefined when the name went away meanwhile: then nothing more is done for it. */
  function record(name: Name, changes: Partial<Name>): Name | undefined {
    const next = { ...name, ...changes, triedAt: clock.now() }
    return store.update(next) ? next : undefined
  }

  async function begin(name: Name): Promise<Name | undefined> {
    const keyed = name.sealedKey ? name : record(name, { sealedKey: vault.seal(makeKey(), `acme/${name.hostname}`) })
    failpoint('acme.keyed')
    const orderUrl = keyed && (await authority.order(name.hostname))
    const begun = keyed && record(keyed, { orderUrl: orderUrl!, startedAt: clock.now(), retryAt: null })
    failpoint('acme.ordered')
    return begun
  }

  async function prove(name: Name, challenge: Challenge): Promise<void> {
    const isNew = name.token !== challenge.token
    const proving = isNew ? record(name, { token: challenge.token, answer: challenge.answer, askedAt: null }) : name
    if (!proving) return
    if (!(await publish())) return void record(proving, { retryAt: later(SOON_MS) })
    failpoint('acme.answering')
    if (!proving.askedAt) await authority.ask(challenge.url)
    failpoint('acme.asked')
    wait(record(proving, { askedAt: proving.askedAt ?? clock.now() }))
  }

  function wait(name: Name | undefined): void {
    if (!name) return
    const now = clock.now().getTime()
    if (now - name.startedAt!.getTime() > ORDER_MS)
      throw new Refused('name', `the order was not done after ${ORDER_MS / 60_000} minutes`)
    record(name, { retryAt: later(pollMs(now - (name.askedAt ?? name.startedAt!).getTime())) })
  }

  async function finish(name: Name): Promise<void> {
    const chain = await authority.fetch(name.orderUrl!)
    failpoint('acme.fetched')
    const isStill = store.find(name.hostname)?.appId === name.appId
    if (isStill) install({ ...withoutOrder(name), triedAt: clock.now() }, { chain, key: keyOf(name) })
    failpoint('acme.installed')
    await publish()
  }

  async function advance(name: Name, order: Order): Promise<void> {
    switch (order.status) {
      case 'pending':
        return order.challenge ? prove(name, order.challenge) : wait(name)
      case 'ready':
        await authority.finalize(order.url, await signingRequest(name.hostname, keyOf(name)))
        failpoint('acme.finalized')
        return void record(name, { retryAt: later(SOON_MS) })
      case 'processing':
        return wait(name)
      case 'valid':
        return finish(name)
      case 'invalid':
        throw new Refused('name', order.reason ?? 'the order is invalid')
      default:
        order.status satisfies never
    }
  }

  return {
    /** Takes one step. Throws Refused, and then the name is as it was. */
    async step(name: Name): Promise<void> {
      const begun = name.orderUrl ? name : await begin(name)
      if (begun) await advance(begun, await authority.look(begun.orderUrl!))
    },
  }
}
