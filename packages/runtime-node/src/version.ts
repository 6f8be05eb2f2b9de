import manifest from '../package.json' with { type: 'json' }

/** The version of this package. Only this module imports package.json, so that bundles contain nothing else of it. */
export const version: string = manifest.version
