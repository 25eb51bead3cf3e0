const MAX_MS = 60_000
/** A process that stayed up this long has not crashed "in a row". */
export const STEADY_MS = 5 * 60_000

/** Wait before the restart after `crashes` earlier crashes in a row: 0, 1 s, 2 s, 4 s … 60 s. */
export const backoffMs = (crashes: number) => (crashes < 1 ? 0 : Math.min(MAX_MS, 1000 * 2 ** (crashes - 1)))
