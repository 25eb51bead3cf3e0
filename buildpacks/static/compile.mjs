// Writes .static/site.conf for nginx out of static.json. What ends up in the configuration is checked: nothing else can be said with it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

process.chdir(process.argv[2])
const say = (line) => process.stdout.write(`${line}\n`)
function fail(...lines) {
  for (const line of lines) say(` !     ${line}`)
  process.exit(1)
}

function readSettings() {
  if (!existsSync('static.json')) return {}
  try {
    return JSON.parse(readFileSync('static.json', 'utf8'))
  } catch (error) {
    return fail(`static.json is not valid JSON: ${error.message}`, 'Repair it, commit it and push again.')
  }
}

/** A string for nginx: quoted, and without its variables. */
function quoted(value, what) {
  const text = String(value)
  if (/[\n\r\0]/.test(text)) fail(`${what} in static.json holds a line break.`)
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('$', '${dollar}')}"`
}

/** A regular expression for nginx: quoted; variables are not looked for in there. */
const matching = (glob, what) => {
  if (/[\n\r\0]/.test(glob)) fail(`${what} in static.json holds a line break.`)
  return pattern(glob).replace(/["\\]/g, '\\$&')
}

/** "/**" and "/assets/*.js" as a regular expression over the path. */
const pattern = (glob) =>
  `^${glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*\*|\*/g, (star) => (star === '**' ? '.*' : '[^/]*'))}$`

const settings = readSettings()
const root = settings.root ?? (existsSync('index.html') ? '.' : 'public_html')
if (root.startsWith('/') || root.split('/').includes('..'))
  fail(`The root ${JSON.stringify(root)} of static.json is outside of the app.`)
if (!existsSync(root)) fail(`The folder ${JSON.stringify(root)} that static.json names as root does not exist.`, 'Commit it, or change root in static.json, and push again.') // prettier-ignore

const lines = [
  `root ${quoted(`/app/${root}`, 'root')};`,
  'index index.html;',
  'absolute_redirect off;',
  'location ~ /\\.(?!well-known) { return 404; }',
]
if (settings.https_only) lines.push('if ($http_x_forwarded_proto = "http") { return 301 https://$host$request_uri; }')
for (const [from, to] of Object.entries(settings.redirects ?? {})) {
  const { url, status = 301 } = typeof to === 'string' ? { url: to } : to
  if (![301, 302, 303, 307, 308].includes(status)) fail(`The status ${status} of the redirect ${from} in static.json is none of 301, 302, 303, 307 and 308.`) // prettier-ignore
  lines.push(`location ~ "${matching(from, 'redirects')}" { return ${status} ${quoted(url, 'redirects')}; }`)
}
const maps = []
const headers = Object.entries(settings.headers ?? {})
headers.forEach(([glob, values], index) => {
  for (const [name, value] of Object.entries(values)) {
    if (!/^[A-Za-z0-9-]+$/.test(name)) fail(`${JSON.stringify(name)} in static.json is no header name.`)
    const variable = `header_${index}_${name.toLowerCase().replaceAll('-', '_')}`
    maps.push(`map $uri $${variable} { default ""; "~${matching(glob, 'headers')}" ${quoted(value, 'headers')}; }`)
    lines.push(`add_header ${name} $${variable} always;`)
  }
})
const tries = settings.clean_urls ? '$uri $uri.html $uri/index.html' : '$uri $uri/index.html'
const routes = Object.entries(settings.routes ?? {})
if (settings.error_page) lines.push(`error_page 404 ${quoted(`/${settings.error_page.replace(/^\//, '')}`, 'error_page')};`)
routes.forEach(([glob, file]) => {
  lines.push(
    `location ~ "${matching(glob, 'routes')}" { try_files ${tries} ${quoted(`/${file.replace(/^\//, '')}`, 'routes')} =404; }`,
  )
})
lines.push(`location / { try_files ${tries} =404; }`)
for (const name of ['Procfile', 'static.json', 'app.json']) lines.push(`location = /${name} { return 404; }`)

mkdirSync('.static', { recursive: true })
mkdirSync('bin', { recursive: true })
writeFileSync('.static/maps.conf', `${maps.join('\n')}\n`)
writeFileSync('.static/site.conf', `${lines.join('\n')}\n`)
writeFileSync(
  'bin/static',
  `#!/bin/bash
# Starts nginx for .static/site.conf on $PORT, in the foreground; SIGTERM lets requests end (QUIT is nginx's word for it).
cat > /tmp/nginx.conf <<CONF
daemon off; pid /tmp/nginx.pid; worker_processes \${WEB_CONCURRENCY:-1}; error_log /dev/stderr warn;
events { worker_connections 4096; }
http {
  include /etc/nginx/mime.types; default_type application/octet-stream; charset utf-8; sendfile on; server_tokens off; port_in_redirect off;
  gzip on; gzip_proxied any; gzip_vary on; gzip_types text/css application/javascript application/json image/svg+xml text/plain;
  log_format brief '\\$request_method \\$request_uri \\$status'; access_log /dev/stdout brief;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  geo \\$dollar { default "\\$"; }
  include /app/.static/maps.conf;
  server { listen \${PORT:-5000}; include /app/.static/site.conf; }
}
CONF
nginx -c /tmp/nginx.conf -e /dev/stderr &
trap 'kill -QUIT $!' TERM INT
wait $! ; status=$?
wait $! 2> /dev/null
exit $status
`,
  { mode: 0o755 },
)
say(`-----> Serving ${root === '.' ? 'the app folder' : root} with nginx`)
