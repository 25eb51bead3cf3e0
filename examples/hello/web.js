import { createServer } from 'node:http'
import ms from 'ms'

const { PORT = '3000', DYNO = 'web.1', DOZEN_APP_NAME = 'hello', DOZEN_RELEASE_VERSION = 'v0' } = process.env

const page = () =>
  `Hello from ${DOZEN_APP_NAME} ${DOZEN_RELEASE_VERSION} on ${DYNO}, up for ${ms(Math.round(process.uptime() * 1000), { long: true })}.\n`

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`)
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(page())
})

server.listen(Number(PORT), () => console.log(`listening on port ${PORT}`))

// The platform asks with SIGTERM: answer what is in flight, take nothing new, go.
process.on('SIGTERM', () => {
  console.log('closing')
  server.close(() => process.exit(0))
})
