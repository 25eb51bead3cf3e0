import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/**
 * A port on 127.0.0.1 whose connections go, byte for byte, to the server of `url`: one port there serves the API, git and `run`
 * (PLATFORM-API.md section 4), so one forward carries them all, TLS included. `url` of the result has the same scheme.
 */
export async function forward(url: string): Promise<{ url: string; close: () => void }> {
  const { protocol, hostname, port } = new URL(url)
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (protocol === 'https:' ? 443 : 80)) }
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...target, allowHalfOpen: true })
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
    }
    near.on('error', () => far.destroy()).pipe(far)
    far.on('error', () => near.destroy()).pipe(near)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  return {
    url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
