/** Label keys by which we know what is ours. Compared whole, never by prefix (ARCHITECTURE.md law 5). */
export const LABEL = {
  instance: 'dozen.instance',
  /** App id, not name: a rename moves nothing. */
  app: 'dozen.app',
  /** Process type: "web", "worker", "run", "release", "build". */
  type: 'dozen.type',
  /** "1", "2" …: the N of `web.N`. */
  ordinal: 'dozen.ordinal',
  /** Release version as a decimal number: "7". */
  release: 'dozen.release',
  /** App id of a build container, which is none of the app's own. */
  buildOf: 'dozen.build-of',
  /** How often this dyno crashed in a row before this container was made. */
  crashes: 'dozen.crashes',
  /** What the container, image, network or volume is for: "dyno" | "run" | "release" | "build" | "image" | "stack" | "cache" | "network". */
  role: 'dozen.role',
} as const
