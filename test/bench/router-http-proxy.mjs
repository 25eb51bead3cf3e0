// The baseline row of the router's benchmark: the http-proxy package on Node's http.Server. argv: port, target.
import httpProxy from 'http-proxy'
import http from 'node:http'

process.noDeprecation = true
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })
const proxy = httpProxy.createProxyServer({ target: process.argv[3], agent, xfwd: true })
proxy.on('error', (_error, _req, res) => res.destroy?.())
const server = http.createServer((req, res) => proxy.web(req, res))
server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head, { target: process.argv[3] }))
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
