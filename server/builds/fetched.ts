import type { PackedFile } from '../stack/pack.ts'

/** The buildpacks of a build as files for its container: `order` (one a line: a name of ours or a folder), and those from elsewhere. */
export type Fetched = {
  files: PackedFile[]
  /** Name, or URL with the commit that was fetched. */
  buildpacks: readonly string[]
}
