import { resolve } from 'node:path'
import type { Options } from 'tsup'

/** The sources of the private packages. Each package that uses them bundles its own copy (docs/decisions/016-private-packages.md). */
const bundled = {
  '@inverseform/errors': 'errors/src/index.ts',
  '@inverseform/shared': 'shared/src/index.ts',
  '@inverseform/shared/node': 'shared/src/node/index.ts',
  '@inverseform/distance-transform': 'distance-transform/src/index.ts',
}

// Type declarations are bundled by path: behind node_modules, the compiler takes a package's own files for external ones.
const paths = Object.fromEntries(Object.entries(bundled).map(([name, file]) => [name, [resolve('..', file)]]))

/** Returns the build options that all packages share: ESM and types, for browsers and the Node versions of `engines`. */
export function library(entry: string[] | Record<string, string>, more: Options = {}): Options {
  return {
    entry,
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    removeNodeProtocol: false,
    external: [/^node:/],
    noExternal: Object.keys(bundled),
    // The libraries that consumers usually compile with lack Disposable and AsyncDisposable.
    dts: { banner: '/// <reference lib="esnext.disposable" />', compilerOptions: { paths } },
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
    ...more,
  }
}
