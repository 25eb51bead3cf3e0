type Packages = Record<string, { version?: string; integrity?: string; optional?: boolean }>
export function isInstalled(locked: Packages, present: Packages): boolean
export function ensureDependencies(progress: (text: string) => void): Promise<string>
export function ensureNative(progress: (text: string) => void): Promise<string>
