import type { Options } from 'tsup'

/** What every package builds the same way: ESM and types, for browsers and the Node versions of `engines`. */
export function library(entry: string[] | Record<string, string>, more: Options = {}): Options {
  return {
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    removeNodeProtocol: false,
    external: [/^node:/],
    // The errors package is private: each package carries its own copy (docs/decisions/002-one-error.md).
    noExternal: ['@inverseform/errors'],
    dts: { resolve: ['@inverseform/errors'] },
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
    ...more,
  }
}
