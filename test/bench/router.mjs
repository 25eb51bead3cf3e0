// The router beside nginx, haproxy and the http-proxy package, one worker each, same backend, same run: `npm run bench router`.
// nginx has its access log on as by default, a write per request; nginx-buffered writes 64 KiB at a time, and is there for comparison.
// One table: requests/s (ratio to nginx), p99, and the proxy's own CPU time per request, which says the same on a busy machine.
// "idle" is memory: 10,000 kept connections that say nothing. Ends with 1 when a bar of BARS is missed.
// All rivals run one after the other, `rounds` times, and each cell is its best round: whoever else uses the machine disturbs one of them.
// Options: --rounds=2 --seconds=2 --only=ours,nginx --cases=get,16k --profile=<folder for a .cpuprofile of ours>
import { build } from 'esbuild'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { familyOf, memory } from './support/processes.mjs'
import { echo } from './support/websockets.mjs'

const option = (name, fallback) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? fallback
const seconds = Number(option('seconds', '2'))
const root = fileURLToPath(new URL('../..', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'dozen-bench-'))
const started = []

/** Debian's packages, with their services kept from starting: nothing but this run's processes listens. */
function install() {
  const missing = ['nginx', 'haproxy', 'wrk'].filter((name) => !has(name))
  if (missing.length === 0) return
  console.error(`installing ${missing.join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const packages = missing.map((name) => (name === 'nginx' ? 'nginx-light' : name))
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
function has(name) {
  return ['/usr/sbin', '/usr/bin', '/usr/local/bin'].some((folder) => {
    try {
      return readFileSync(join(folder, name)).length > 0
    } catch {
      return false
    }
  })
}

function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...options })
  started.push(child)
  return child
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port) {
  for (let i = 0; i < 400; i += 1) {
    const isUp = await new Promise((resolve) => {
      const req = http.get({ port, host: '127.0.0.1', headers: { host: 'shop.localhost' }, agent: false }, (res) => {
        res.resume()
        resolve(res.statusCode < 500)
      })
      req.on('error', () => resolve(false))
    })
    if (isUp) return
    await sleep(25)
  }
  throw new Error(`Nothing answers on port ${port}.`)
}

async function listens(port) {
  for (let i = 0; i < 400; i += 1) {
    const socket = connect(port, '127.0.0.1')
    const isUp = await new Promise((resolve) => socket.on('connect', () => resolve(true)).on('error', () => resolve(false)))
    socket.destroy()
    if (isUp) return
    await sleep(25)
  }
  throw new Error(`Nothing listens on port ${port}.`)
}

const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
const nginxConf = (name, http) => {
  const paths = temps.map((temp) => `${temp}_temp_path ${dir}/${name}-${temp};`).join(' ')
  return `user root; worker_processes 1; daemon off; pid ${dir}/${name}.pid; error_log ${dir}/${name}.err;
events { worker_connections 20000; }
http { keepalive_requests 1000000000; client_max_body_size 0; ${paths} ${http} }\n`
}

async function backend() {
  const port = await freePort()
  mkdirSync(`${dir}/files`)
  writeFileSync(`${dir}/files/16k`, Buffer.alloc(16_384, 'x'))
  writeFileSync(`${dir}/files/1m`, Buffer.alloc(1_048_576, 'x'))
  const sink = http.createServer((req, res) => req.resume().on('end', () => res.end('ok'))).listen(0, '127.0.0.1')
  await once(sink, 'listening')
  const server = `listen 127.0.0.1:${port} backlog=4096; location / { return 200 "hello world\\n"; } location /f/ { alias ${dir}/files/; }`
  writeFileSync(`${dir}/backend.conf`, nginxConf('backend', `access_log off; server { ${server} }`))
  start('nginx', ['-c', `${dir}/backend.conf`])
  await answers(port)
  return { plain: port, sink: sink.address().port, echo: await echo() }
}

/** With what ours always does: the same line for each request, the same headers to the app. `log`: how the access log is written; '' is nginx's default. */
async function nginx({ port, tlsPort, to, pem }, log) {
  const line =
    'at=info method=$request_method path="$request_uri" host=$host request_id=$request_id fwd="$proxy_add_x_forwarded_for" dyno=$upstream_addr ' +
    'connect=$upstream_connect_time service=$upstream_response_time status=$status bytes=$body_bytes_sent protocol=$server_protocol tls=$https'
  const headers = `proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Port $server_port; proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Request-Start $msec; proxy_set_header Via "1.1 nginx";`
  const server = `listen 127.0.0.1:${port} backlog=4096; listen 127.0.0.1:${tlsPort} ssl backlog=4096; ssl_certificate ${pem}; ssl_certificate_key ${pem};
      ssl_session_tickets on; location / { proxy_pass http://app; ${headers} proxy_set_header Connection ""; }
      location /ws { proxy_pass http://app; ${headers} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`
  const upstream = `upstream app { server 127.0.0.1:${to}; keepalive 256; keepalive_requests 1000000000; }`
  const logs = `log_format line '$time_iso8601 ${line}'; access_log ${dir}/access.log line ${log};`
  writeFileSync(`${dir}/nginx.conf`, nginxConf('nginx', `${logs} ${upstream} server { ${server} }`))
  return start('nginx', ['-c', `${dir}/nginx.conf`])
}

const PROXIES = {
  nginx: (options) => nginx(options, ''),
  'nginx-buffered': (options) => nginx(options, 'buffer=64k flush=1s'),
  async haproxy({ port, tlsPort, to, pem }) {
    writeFileSync(
      `${dir}/haproxy.cfg`,
      `global\n nbthread 1\n maxconn 9000\ndefaults\n mode http\n timeout connect 5s\n timeout client 55s\n timeout server 55s\n option forwardfor\n http-reuse always
frontend f\n bind 127.0.0.1:${port}\n bind 127.0.0.1:${tlsPort} ssl crt ${pem}\n unique-id-format %[uuid]\n unique-id-header X-Request-Id\n default_backend b
backend b\n server s 127.0.0.1:${to} pool-max-conn 256\n`,
    )
    return start('haproxy', ['-db', '-f', `${dir}/haproxy.cfg`])
  },
  async 'http-proxy'({ port, to }) {
    return start(process.execPath, [`${root}/test/bench/router-http-proxy.mjs`, String(port), `http://127.0.0.1:${to}`])
  },
  async ours({ port, tlsPort, to, apps }) {
    const home = join(dir, 'home')
    const env = {
      ...process.env, DOZEN_HOME: home, DOZEN_HTTP_HOST: '127.0.0.1', DOZEN_HTTP_PORT: String(port), DOZEN_HTTPS_PORT: String(tlsPort),
      DOZEN_ROUTER_WORKERS: '1',
    } // prettier-ignore
    const profile = option('profile', '')
    const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []
    const child = start(
      process.execPath,
      [...flags, '--max-semi-space-size=4', '--no-parallel-scavenge', `${dir}/router/main.mjs`],
      { env },
    )
    await once(child.stdout, 'data')
    await putTable(join(home, 'router/control.sock'), 1, to, apps)
    return child
  },
}

function putTable(socketPath, version, to, apps) {
  const target = (i) => ({ dyno: `web.${i}`, address: `127.0.0.1:${to}` })
  const app = (name) => ({
    id: name,
    name,
    hosts: [`${name}.localhost`],
    state: 'serving',
    maintenance: false,
    targets: [target(1)],
  })
  const more = Array.from({ length: apps }, (_, i) => ({
    ...app(`app${i}`),
    targets: Array.from({ length: 4 }, (_, j) => ({ dyno: `web.${j + 1}`, address: `127.1.${i % 250}.${j + 1}:5000` })),
  }))
  return new Promise((resolve, reject) => {
    const req = http.request({ socketPath, method: 'PUT', path: '/table' }, (res) => res.resume().on('end', resolve))
    req.on('error', reject)
    req.end(JSON.stringify({ version, apps: [...more, app('shop')] }))
  })
}

/** user + system time of a process and its children, in microseconds. Linux counts in hundredths. */
function cpu(pid) {
  const own = (of) => {
    const fields = readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1].split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  }
  return familyOf(pid).reduce((sum, of) => sum + own(of), 0)
}

const CASES = {
  get: { title: 'GET 12 B', path: '/' },
  '16k': { title: 'GET 16 KiB', path: '/f/16k' },
  '1m': { title: 'GET 1 MiB', path: '/f/1m' },
  post: { title: 'POST 64 KiB', path: '/', script: 'wrk.method="POST"; wrk.body=string.rep("x",65536)', to: 'sink' },
  new: { title: 'new connection', path: '/', script: 'wrk.headers["Connection"]="close"' },
  tls: { title: 'TLS', path: '/', isTls: true, not: ['http-proxy'] },
  ws: { title: 'WebSocket 32 B', to: 'echo', run: chat },
  idle: { title: '10,000 idle', run: idle, not: ['haproxy'] },
}
/** Times nginx's requests a second, at least; of memory, at most what `idle` says. */
const BARS = { get: 1, '16k': 0.9, '1m': 0.9, post: 0.9, new: 0.8, tls: 0.8, ws: 0.9 }
const idleBar = (nginx) => 2 * nginx + 60

/** Messages there and back on 64 WebSockets. */
async function chat(child, { port }) {
  const run = async (time) => {
    const client = start(process.execPath, [`${root}/test/bench/support/websockets.mjs`, 'chat', String(port), String(time)])
    const [text] = await once(client.stdout, 'data')
    return JSON.parse(text)
  }
  await run(1)
  const before = cpu(child.pid)
  const { count, rate, p99 } = await run(seconds)
  return { rate, p99, cpu: (cpu(child.pid) - before) / count }
}

/** Megabytes (PSS) that 10,000 connections, each after one request, add to the proxy. */
async function idle(child, { port }) {
  const pss = () => familyOf(child.pid).reduce((sum, pid) => sum + memory(pid).pss, 0)
  const before = pss()
  const sockets = []
  for (let i = 0; i < 100; i += 1) sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => used(port)))))
  await sleep(1000)
  const megabytes = (pss() - before) / 1e6
  for (const socket of sockets) socket.destroy()
  return { megabytes }
}

function used(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'))
    socket.on('error', reject)
    socket.once('data', () => resolve(socket.on('data', () => {})))
  })
}

async function measure(child, { port, tlsPort }, { path, script, isTls, run }) {
  if (run) return run(child, { port })
  const url = `http${isTls ? 's' : ''}://127.0.0.1:${isTls ? tlsPort : port}${path}`
  const args = ['-t1', '-c64', `-d${seconds}s`, '--latency', '-H', 'Host: shop.localhost']
  if (script) {
    writeFileSync(`${dir}/case.lua`, script)
    args.push('-s', `${dir}/case.lua`)
  }
  // Just-in-time compilers and connection pools warm up before what is measured.
  await once(spawn('wrk', ['-t1', '-c64', '-d1s', ...args.slice(4), url]), 'exit')
  const wrk = spawn('wrk', [...args, url])
  let out = ''
  wrk.stdout.on('data', (chunk) => (out += chunk))
  const before = cpu(child.pid)
  await once(wrk, 'exit')
  const used = cpu(child.pid) - before
  const count = Number(/(\d+) requests in/.exec(out)?.[1] ?? 0)
  const bad = /Non-2xx|Socket errors: (?!connect 0, read 0, write 0)/.test(out) && !script
  return {
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1] ?? 0),
    p99: /99%\s+(\S+)/.exec(out)?.[1] ?? '-',
    cpu: used / count,
    bad,
  }
}

/** Starts one proxy before one backend, and measures the cases one after the other. */
async function runOne(name, cases, { to, pem }) {
  const ports = { port: await freePort(), tlsPort: await freePort() }
  const make = PROXIES[name.replace('-1000', '')]
  const child = await make({ ...ports, to, pem, apps: name.endsWith('-1000') ? 1_000 : 0 })
  if (cases.some((key) => CASES[key].to !== 'echo')) await answers(ports.port)
  else await listens(ports.port)
  const row = {}
  for (const key of cases) if (!CASES[key].not?.includes(name)) row[key] = await measure(child, ports, CASES[key])
  child.kill('SIGTERM')
  await once(child, 'exit')
  return row
}

async function runAll(name, cases, { backends, pem }) {
  const row = {}
  for (const to of ['plain', 'sink', 'echo']) {
    const mine = cases.filter((key) => (CASES[key].to ?? 'plain') === to)
    if (mine.length > 0) Object.assign(row, await runOne(name, mine, { to: backends[to], pem }))
  }
  return row
}

/** Cell by cell: more requests, or less memory. */
function best(a = {}, b) {
  const isBetter = (one, other) => !other || (one.megabytes ?? -one.rate) < (other.megabytes ?? -other.rate)
  return Object.fromEntries(Object.entries(b).map(([key, cell]) => [key, isBetter(cell, a[key]) ? cell : a[key]]))
}

async function main() {
  install()
  const outdir = join(dir, 'router')
  await build({
    entryPoints: [`${root}/router/main.ts`], outdir, bundle: true, splitting: true, platform: 'node', target: 'node20', format: 'esm',
    packages: 'external', outExtension: { '.js': '.mjs' }, logLevel: 'error',
  }) // prettier-ignore
  const pem = `${dir}/cert.pem`
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', `${dir}/key.pem`, '-out', `${dir}/crt.pem`], { stdio: 'ignore' }) // prettier-ignore
  writeFileSync(pem, readFileSync(`${dir}/crt.pem`) + readFileSync(`${dir}/key.pem`))
  mkdirSync(`${dir}/home/router`, { recursive: true })
  writeFileSync(`${dir}/home/router/fallback.pem`, readFileSync(pem))
  const backends = await backend()
  const only = option('only', 'nginx,nginx-buffered,haproxy,http-proxy,ours,ours-1000').split(',')
  const cases = option('cases', Object.keys(CASES).join(',')).split(',')
  const table = {}
  for (let round = 0; round < Number(option('rounds', '2')); round += 1) {
    for (const name of only) table[name] = best(table[name], await runAll(name, cases, { backends, pem }))
  }
  print(table, cases)
  return missed(table, cases)
}

function print(table, cases) {
  console.log(`requests/s (× nginx) · p99 · CPU µs/request; wrk, 64 connections, ${seconds} s each, one worker each`)
  console.log(['', ...cases.map((key) => CASES[key].title)].map((cell, i) => cell.padEnd(i ? 34 : 16)).join(''))
  for (const [name, row] of Object.entries(table)) {
    const cells = cases.map((key) => {
      const it = row[key]
      if (!it) return '-'
      if (it.megabytes !== undefined) return `${it.megabytes.toFixed(0)} MB`
      const ratio = table.nginx?.[key] ? ` (${(it.rate / table.nginx[key].rate).toFixed(2)})` : ''
      return `${Math.round(it.rate)}${ratio} · ${it.p99} · ${it.cpu.toFixed(0)}${it.bad ? ' !' : ''}`
    })
    console.log([name, ...cells].map((cell, i) => cell.padEnd(i ? 34 : 16)).join(''))
  }
}

/** A sentence for each bar that our row misses, in the columns that both have. */
function missed({ nginx, ours, 'ours-1000': crowded }, cases) {
  const short = cases.flatMap((key) => {
    const [a, b] = [nginx?.[key], ours?.[key]]
    if (!a || !b) return []
    if (key === 'idle') return b.megabytes > idleBar(a.megabytes) ? [`10,000 idle: ${b.megabytes.toFixed(0)} MB > ${idleBar(a.megabytes).toFixed(0)} MB`] : [] // prettier-ignore
    return b.rate < BARS[key] * a.rate ? [`${CASES[key].title}: ${(b.rate / a.rate).toFixed(2)} < ${BARS[key]}`] : []
  })
  if (crowded?.get && ours?.get && crowded.get.rate < 0.95 * ours.get.rate) short.push(`1,000 apps × 4 dynos: ${(crowded.get.rate / ours.get.rate).toFixed(2)} of one app`) // prettier-ignore
  for (const one of short) console.log(`missed: ${one}`)
  return short.length
}

let misses = 1
try {
  misses = await main()
} finally {
  for (const child of started) if (child.exitCode === null) child.kill('SIGTERM')
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
}
process.exit(misses > 0 ? 1 : 0)
