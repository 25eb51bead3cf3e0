import { BlockList, isIP } from 'node:net'

/** "::ffff:203.0.113.9" → "203.0.113.9"; undefined when the client is gone already. */
export const plainAddress = (address: string | undefined): string | undefined =>
  address?.startsWith('::ffff:') ? address.replace(/^::ffff:(?=\d+\.)/, '') : address

/** `DOZEN_TRUSTED_PROXIES`: addresses and networks ("10.0.0.0/8, ::1") whose word about their client is believed. Throws Error with a sentence. */
export function trustedProxies(text: string): (address: string) => boolean {
  const list = new BlockList()
  for (const item of text.split(',').map((part) => part.trim()).filter(Boolean)) add(list, item) // prettier-ignore
  return text.trim() === '' ? () => false : (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function add(list: BlockList, item: string): void {
  const [address = '', bits] = item.split('/')
  const family = isIP(address)
  const max = family === 6 ? 128 : 32
  if (family === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= max))) {
    throw new Error(
      `DOZEN_TRUSTED_PROXIES has ${JSON.stringify(item)}, but should list addresses and networks such as 10.0.0.0/8.`,
    )
  }
  const type = family === 6 ? 'ipv6' : 'ipv4'
  if (bits === undefined) list.addAddress(address, type)
  else list.addSubnet(address, Number(bits), type)
}
