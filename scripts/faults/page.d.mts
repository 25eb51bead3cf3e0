/** A test's title with those of its suites, outermost first; what names a seed is left out. */
export function titleOf(titles: readonly string[]): string
