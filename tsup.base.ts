import type { Options } from 'tsup'

// Private packages: each package that uses them carries its own copy (docs/decisions/002-one-error.md).
const bundled = ['@inverseform/errors', '@inverseform/shared', '@inverseform/distance-transform']

/** What every package builds the same way: ESM and types, for browsers and the Node versions of `engines`. */
export function library(entry: string[] | Record<string, string>, more: Options = {}): Options {
  return {
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    removeNodeProtocol: false,
    external: [/^node:/],
    noExternal: bundled,
    // Disposable and AsyncDisposable are in none of the libraries that consumers usually compile with.
    dts: { resolve: bundled, banner: '/// <reference lib="esnext.disposable" />' },
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
    ...more,
  }
}
