import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { packFiles } from '../../server/stack/pack.ts'

/** A private npm registry with one package at `host`: who does not bring `token` gets a 401. `asked` has the paths that were asked for. */
export async function npmRegistry(name: string, files: Record<string, string>, { host, token }: { host: string; token: string }) {
  const manifest = { name, version: '1.0.0', main: 'index.js' }
  const all = { 'package.json': JSON.stringify(manifest), ...files }
  const tarball = gzipSync(await packFiles(Object.entries(all).map(([file, content]) => ({ name: `package/${file}`, content }))))
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  const asked: string[] = []
  const server = createServer(({ url: path = '/', headers }, response) => {
    asked.push(decodeURIComponent(path))
    if (headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end('{"error":"who are you?"}')
    if (path.endsWith('.tgz')) return void response.end(tarball)
    if (decodeURIComponent(path) !== `/${name}`) return void response.writeHead(404).end('{}')
    const version = { ...manifest, dist: { tarball: `${url}p-1.0.0.tgz`, integrity } }
    response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }))
  })
  server.on('connection', (socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const url = `http://${host}:${(server.address() as AddressInfo).port}/`
  return { url, integrity, asked, close: () => void server.close() }
}
