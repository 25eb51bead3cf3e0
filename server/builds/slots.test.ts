import { expect, it } from 'vitest'
import { slots } from './slots.ts'

const gate = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

it('runs as many as there are slots, the others in the order of arrival', async () => {
  const two = slots(2)
  const never = new AbortController().signal
  const began: number[] = []
  const gates = [gate(), gate(), gate(), gate()]
  const all = gates.map((one, at) => two.run(never, () => (began.push(at), one.opened)))
  await Promise.resolve()
  expect([began, two.isFull()]).toEqual([[0, 1], true])
  gates[1]!.open()
  await all[1]
  await expect.poll(() => began).toEqual([0, 1, 2])
  for (const one of gates) one.open()
  await Promise.all(all)
  expect([began, two.isFull()]).toEqual([[0, 1, 2, 3], false])
})

it('lets who waits go away without taking a slot, and frees that of work that fails', async () => {
  const one = slots(1)
  const never = new AbortController().signal
  const first = gate()
  const failing = one.run(never, () => first.opened.then(() => Promise.reject(new Error('failed'))))
  const gone = new AbortController()
  const waiting = one.run(gone.signal, async () => 'never')
  gone.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  first.open()
  await expect(failing).rejects.toThrow('failed')
  expect(await one.run(never, async () => 'served')).toBe('served')
})
