import { systemClock } from '../clock.ts'
import { parseConfig } from '../config.ts'
import { dockerEngine } from '../engine/docker.ts'
import { stack } from './stack.ts'

/** `npm start` runs this: makes the stack image when it is missing, with one line per step. */
async function main() {
  const { dockerSocket } = parseConfig(process.env)
  const images = stack({ engine: dockerEngine({ socket: dockerSocket }), clock: systemClock })
  const { id, runImage } = await images.ensure((line) => console.log(line))
  console.log(`stack images ${id.slice(7, 19)} (build) and ${runImage.slice(7, 19)} (run) are ready`)
}

main().catch((cause: Error) => {
  console.error(cause.message)
  process.exit(1)
})
